use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

const SHARDS: usize = 16;
const MAX_TOPICS: usize = 10_000;
const MAX_TOPIC_BYTES: usize = 256;

/// Counters by topic. At most 10,000 topics of at most 256 bytes have a counter of their own; all others share one, so
/// that a bump is never missed: at worst a cache is dropped that need not have been.
pub struct Revisions {
    hasher: std::hash::RandomState,
    shards: [RwLock<HashMap<String, AtomicU32>>; SHARDS],
    topics: AtomicUsize,
    max_topics: usize,
    shared: AtomicU32,
    told: OnceLock<Told>,
}

/// Is told of topics that are bumped.
type Told = Box<dyn Fn(&str) + Send + Sync>;

impl Default for Revisions {
    fn default() -> Self {
        Self::with_capacity(MAX_TOPICS)
    }
}

impl Revisions {
    fn with_capacity(max_topics: usize) -> Self {
        Self {
            hasher: std::hash::RandomState::new(),
            shards: Default::default(),
            topics: AtomicUsize::new(0),
            max_topics,
            shared: AtomicU32::new(0),
            told: OnceLock::new(),
        }
    }

    /// 0 until the first bump.
    pub fn current(&self, topic: &str) -> u32 {
        let shard = self
            .shard(topic)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        match shard.get(topic) {
            Some(counter) => counter.load(Ordering::Acquire),
            None => self.shared.load(Ordering::Acquire),
        }
    }

    /// Says whom to tell of every bump, once: other processes on the same data, say.
    pub fn tell(&self, told: impl Fn(&str) + Send + Sync + 'static) {
        let _ = self.told.set(Box::new(told));
    }

    /// Counts up, tells of it, and returns the new value.
    pub fn bump(&self, topic: &str) -> u32 {
        let new = self.bump_here(topic);
        if let Some(told) = self.told.get() {
            told(topic);
        }
        new
    }

    /// Counts all topics up, those without a counter too, and tells nobody: anything may have changed.
    pub fn bump_all(&self) {
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.values().for_each(|counter| {
                next(counter);
            });
        }
        next(&self.shared);
    }

    /// Counts up without telling: somebody else has bumped it.
    pub fn bump_here(&self, topic: &str) -> u32 {
        let shard = self.shard(topic);
        if let Some(counter) = shard
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(topic)
        {
            return next(counter);
        }
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        // Someone may have added it between the two locks.
        if let Some(counter) = shard.get(topic) {
            return next(counter);
        }
        if topic.len() > MAX_TOPIC_BYTES || !self.claim_topic() {
            return next(&self.shared);
        }
        // A new counter goes on from the shared one, which is what readers of this topic have seen until now.
        let first = self.shared.load(Ordering::Acquire).wrapping_add(1);
        shard.insert(topic.to_owned(), AtomicU32::new(first));
        first
    }

    fn claim_topic(&self) -> bool {
        self.topics
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                (n < self.max_topics).then_some(n + 1)
            })
            .is_ok()
    }

    fn shard(&self, topic: &str) -> &RwLock<HashMap<String, AtomicU32>> {
        &self.shards[self.hasher.hash_one(topic) as usize % SHARDS]
    }
}

fn next(counter: &AtomicU32) -> u32 {
    counter.fetch_add(1, Ordering::AcqRel).wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_count_separately_from_zero() {
        let revisions = Revisions::default();
        assert_eq!(revisions.current("a"), 0);
        assert_eq!(
            (
                revisions.bump("a"),
                revisions.bump("a"),
                revisions.bump("b")
            ),
            (1, 2, 1)
        );
        assert_eq!((revisions.current("a"), revisions.current("b")), (2, 1));
    }

    #[test]
    fn bumps_are_told_and_those_of_others_are_not() {
        let revisions = Revisions::default();
        let told: std::sync::Arc<std::sync::Mutex<Vec<String>>> = Default::default();
        let heard = told.clone();
        revisions.tell(move |topic| heard.lock().expect("a lock").push(topic.to_owned()));
        revisions.bump("a");
        revisions.bump_here("a");
        revisions.bump_here("b");
        let before = ["a", "b", "new"].map(|topic| revisions.current(topic));
        revisions.bump_all();
        let after = ["a", "b", "new"].map(|topic| revisions.current(topic));
        assert!(
            before
                .iter()
                .zip(after)
                .all(|(before, after)| *before != after)
        );
        assert_eq!(*told.lock().expect("a lock"), ["a"]);
    }

    #[test]
    fn no_bump_is_lost_between_threads() {
        let revisions = Revisions::default();
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..1000 {
                        revisions.bump("t");
                    }
                });
            }
        });
        assert_eq!(revisions.current("t"), 4000);
    }

    #[test]
    fn beyond_the_bound_a_bump_still_changes_what_its_readers_see() {
        let revisions = Revisions::with_capacity(2);
        revisions.bump("a");
        revisions.bump("b");
        let before = (revisions.current("c"), revisions.current("d"));
        revisions.bump("c");
        assert_ne!(revisions.current("c"), before.0);
        // The price: an unrelated topic without a counter changes too.
        assert_ne!(revisions.current("d"), before.1);
        assert_eq!(revisions.current("a"), 1);
        assert_eq!(revisions.topics.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_topic_that_gains_a_counter_after_a_shared_bump_moves_on() {
        let revisions = Revisions::default();
        let long = "x".repeat(MAX_TOPIC_BYTES + 1);
        revisions.bump(&long);
        let seen = revisions.current("new");
        assert_eq!(revisions.bump("new"), seen + 1);
        assert_eq!(revisions.topics.load(Ordering::Relaxed), 1);
    }
}
