use std::any::Any;
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Result;

/// Pieces of work one transaction may leave.
const PIECES: usize = 10_000;
/// Marks one transaction may bear, and bytes of one.
const MARKS: usize = 100;
const MARK_BYTES: usize = 100;

/// A transaction as a call carries it from plugin to plugin: opaque to all but the crate that made it.
pub trait Ambient: Any + Send + Sync {
    /// What is to be done when it has ended.
    fn afterwards(&self) -> &Afterwards;
    /// What plugins have noted on it.
    fn marks(&self) -> &Marks;
}

/// Words noted on a transaction for all calls within it.
#[derive(Default)]
pub struct Marks(Mutex<HashSet<String>>);

impl Marks {
    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a word; false if there are too many already, or it is too long.
    #[must_use]
    pub fn set(&self, mark: String) -> bool {
        let mut all = self.lock();
        if all.contains(&mark) {
            return true;
        }
        all.len() < MARKS && mark.len() <= MARK_BYTES && all.insert(mark)
    }

    /// Whether a word has been noted.
    pub fn has(&self, mark: &str) -> bool {
        self.lock().contains(mark)
    }
}

/// A piece of work that waits for the end of a transaction.
pub struct Work {
    /// Whose it is; opaque to the transaction.
    pub owner: Arc<dyn Any + Send + Sync>,
    /// What it is, in its owner's words.
    pub text: String,
    /// Whether the savepoint it was left in has been rolled back.
    pub undone: bool,
}

/// An owner of work that does it itself, at once, whether the transaction was committed or not.
pub struct Then(Box<dyn Fn() + Send + Sync>);

impl Then {
    /// Work of the host's own, for [`Afterwards::push`].
    pub fn work(work: impl Fn() + Send + Sync + 'static) -> Work {
        Work {
            owner: Arc::new(Self(Box::new(work))),
            text: String::new(),
            undone: false,
        }
    }

    /// Does it.
    pub fn run(&self) {
        (self.0)();
    }
}

/// The work that waits for the end of one transaction, in order.
#[derive(Default)]
pub struct Afterwards(Mutex<Vec<Work>>);

impl Afterwards {
    fn lock(&self) -> MutexGuard<'_, Vec<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a piece; false if there would be more than a transaction may leave, in number or bytes.
    #[must_use]
    pub fn push(&self, work: Work, most_bytes: usize) -> bool {
        let mut all = self.lock();
        let bytes: usize = all.iter().map(|work| work.text.len()).sum();
        if all.len() >= PIECES || bytes + work.text.len() > most_bytes {
            return false;
        }
        all.push(work);
        true
    }

    /// How many pieces there are: the mark a savepoint remembers.
    pub fn mark(&self) -> usize {
        self.lock().len()
    }

    /// The savepoint set at `mark` has been rolled back.
    pub fn undo_since(&self, mark: usize) {
        for work in self.lock().iter_mut().skip(mark) {
            work.undone = true;
        }
    }

    /// Takes all, to be settled.
    pub fn take(&self) -> Vec<Work> {
        std::mem::take(&mut self.lock())
    }
}

/// Does the work that a transaction has left.
pub trait Settle: Send + Sync {
    /// Does all of it in order, and answers the first error.
    fn settle(
        &self,
        work: Vec<Work>,
        committed: bool,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(text: &str) -> Work {
        Work {
            owner: Arc::new(()),
            text: text.into(),
            undone: false,
        }
    }

    #[test]
    fn savepoints_undo_what_came_after_them() {
        let all = Afterwards::default();
        assert!(all.push(work("a"), 10));
        let mark = all.mark();
        assert!(all.push(work("b"), 10));
        all.undo_since(mark);
        assert!(all.push(work("c"), 10));
        let seen: Vec<_> = all
            .take()
            .into_iter()
            .map(|work| (work.text, work.undone))
            .collect();
        assert_eq!(
            seen,
            [
                ("a".to_owned(), false),
                ("b".to_owned(), true),
                ("c".to_owned(), false)
            ]
        );
        assert_eq!(all.mark(), 0);
    }

    #[test]
    fn marks_are_bounded_and_may_be_set_again() {
        let marks = Marks::default();
        assert!(!marks.has("a"));
        assert!(marks.set("a".into()) && marks.set("a".into()) && marks.has("a"));
        assert!(!marks.set("x".repeat(MARK_BYTES + 1)));
        let fitting = (0..MARKS).filter(|at| marks.set(at.to_string())).count();
        assert_eq!(fitting, MARKS - 1);
    }

    #[test]
    fn there_is_a_bound() {
        let all = Afterwards::default();
        assert!(!all.push(work("abc"), 2));
        for _ in 0..PIECES {
            assert!(all.push(work(""), 2));
        }
        assert!(!all.push(work(""), 2));
    }
}
