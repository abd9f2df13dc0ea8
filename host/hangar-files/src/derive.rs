//! Blobs made out of others: once at a time for each, and not again at once if it failed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use hangar_core::{Error, Result};

/// How long a request waits for a blob to be made.
const WAIT: Duration = Duration::from_secs(60);
/// How long a failure is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Failures that are remembered.
const MAX_REMEMBERED: usize = 1000;

/// What is to be made: place, source, target and recipe.
pub struct Order {
    /// Where both lie.
    pub place: String,
    /// Key of the blob to make it from.
    pub source: String,
    /// Key of the blob to make.
    pub target: String,
    /// How.
    pub recipe: String,
}

/// The work, which the host lets a plugin do.
pub type Deriver =
    Arc<dyn Fn(Order) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// What is being made.
#[derive(Default)]
pub struct Workshop {
    deriver: std::sync::OnceLock<Deriver>,
    /// One lock for each target somebody waits for.
    locks: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    failures: Mutex<HashMap<String, Instant>>,
}

impl Workshop {
    /// Says who does the work. Only the first call counts.
    pub fn employ(&self, deriver: Deriver) {
        let _ = self.deriver.set(deriver);
    }

    /// Makes a blob unless it is there, as `there` tells, by the time this request's turn comes.
    pub async fn make<There>(&self, order: Order, there: impl FnOnce() -> There) -> Result<()>
    where
        There: Future<Output = bool>,
    {
        let name = format!("{} {}", order.place, order.target);
        let Some(deriver) = self.deriver.get() else {
            return Err(Error::new(
                "unserved",
                501,
                "nobody makes blobs out of others",
            ));
        };
        let lock = self.lock(&name);
        let made = tokio::time::timeout(WAIT, async {
            let _turn = lock.lock().await;
            if there().await {
                return Ok(());
            }
            if self.failed_lately(&name) {
                return Err(Error::new(
                    "failed",
                    500,
                    "it could not be made a moment ago",
                ));
            }
            let made = deriver(order).await;
            if made.is_err() {
                self.remember(name);
            }
            made
        });
        made.await.unwrap_or_else(|_| {
            let message = format!("it was not made within {} s", WAIT.as_secs());
            Err(Error::new("timeout", 504, message))
        })
    }

    fn lock(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self
            .locks
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(lock) = locks.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(name.to_owned(), Arc::downgrade(&lock));
        lock
    }

    fn failed_lately(&self, name: &str) -> bool {
        let failures = self
            .failures
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        failures
            .get(name)
            .is_some_and(|at| at.elapsed() < REMEMBERED)
    }

    fn remember(&self, name: String) {
        let mut failures = self
            .failures
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if failures.len() >= MAX_REMEMBERED {
            failures.retain(|_, at| at.elapsed() < REMEMBERED);
        }
        if failures.len() < MAX_REMEMBERED {
            failures.insert(name, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn order() -> Order {
        Order {
            place: "p".into(),
            source: "s".into(),
            target: "t".into(),
            recipe: "r".into(),
        }
    }

    #[tokio::test]
    async fn one_works_and_the_others_wait_for_it() {
        let workshop = Workshop::default();
        assert_eq!(
            workshop
                .make(order(), async || false)
                .await
                .expect_err("nobody")
                .code,
            "unserved"
        );
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        workshop.employ(Arc::new(move |_| {
            let count = count.clone();
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                count.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        }));
        let calls =
            (0..20).map(|_| workshop.make(order(), async || made.load(Ordering::SeqCst) > 0));
        for result in futures_util::future::join_all(calls).await {
            result.expect("made");
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_repeated_at_once() {
        let workshop = Workshop::default();
        let tries = Arc::new(AtomicUsize::new(0));
        let count = tries.clone();
        workshop.employ(Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Err(Error::internal("no picture")) })
        }));
        for _ in 0..3 {
            assert!(workshop.make(order(), async || false).await.is_err());
        }
        assert_eq!(tries.load(Ordering::SeqCst), 1);
    }
}
