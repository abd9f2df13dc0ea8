use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hangar_core::{Error, Limits, Result};
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::Revisions;

/// Keys are names: what is longer belongs into the value.
const MAX_KEY_BYTES: usize = 1024;
const LOCKS: usize = 16;

/// The state behind `hangar:kv`: a namespace per plugin and the shared [`Revisions`].
#[derive(Default)]
pub struct Kv {
    plugins: Mutex<HashMap<String, Arc<Namespace>>>,
    revisions: Arc<Revisions>,
}

impl Kv {
    /// The counters shared by all plugins.
    pub fn revisions(&self) -> &Arc<Revisions> {
        &self.revisions
    }

    /// Drops a plugin's namespace, for a plugin that has been removed.
    pub fn forget(&self, plugin: &str) {
        self.plugins().remove(plugin);
    }

    /// The plugin's namespace, made on first use. A changed `limits.kv-keys` starts an empty one.
    pub(crate) fn namespace(&self, plugin: &str, limits: &Limits) -> Arc<Namespace> {
        let mut plugins = self.plugins();
        match plugins.get(plugin) {
            Some(namespace) if namespace.max_keys == limits.kv_keys => namespace.clone(),
            _ => {
                let namespace = Arc::new(Namespace::new(limits.kv_keys));
                plugins.insert(plugin.to_owned(), namespace.clone());
                namespace
            }
        }
    }

    fn plugins(&self) -> MutexGuard<'_, HashMap<String, Arc<Namespace>>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys of one plugin. Reads take no lock; writers of one key wait for one another, so that `increment` is atomic
/// towards `set` and `delete` too.
pub(crate) struct Namespace {
    max_keys: u64,
    cache: Cache<String, Entry>,
    hasher: std::hash::RandomState,
    writers: [Mutex<()>; LOCKS],
}

#[derive(Clone)]
struct Entry {
    value: Arc<str>,
    life: Life,
}

#[derive(Clone, Copy)]
enum Life {
    Endless,
    For(Duration),
    /// What is left of the replaced entry's life.
    Unchanged,
}

impl Life {
    fn from_ttl(milliseconds: u32) -> Self {
        match milliseconds {
            0 => Self::Endless,
            ms => Self::For(Duration::from_millis(ms.into())),
        }
    }
}

struct PerEntry;

impl Expiry<String, Entry> for PerEntry {
    fn expire_after_create(&self, _: &String, entry: &Entry, _: Instant) -> Option<Duration> {
        match entry.life {
            Life::For(duration) => Some(duration),
            Life::Endless | Life::Unchanged => None,
        }
    }

    fn expire_after_update(
        &self,
        _: &String,
        entry: &Entry,
        _: Instant,
        left: Option<Duration>,
    ) -> Option<Duration> {
        match entry.life {
            Life::For(duration) => Some(duration),
            Life::Endless => None,
            Life::Unchanged => left,
        }
    }
}

impl Namespace {
    fn new(max_keys: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(max_keys)
            // The default policy may turn away a new key in favour of an old one; a counter must count.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(PerEntry)
            .build();
        Self {
            max_keys,
            cache,
            hasher: std::hash::RandomState::new(),
            writers: Default::default(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<String> {
        self.cache
            .get(key)
            .map(|entry| entry.value.as_ref().to_owned())
    }

    pub(crate) fn set(
        &self,
        plugin: &str,
        limits: &Limits,
        key: String,
        value: &str,
        ttl_ms: u32,
    ) -> Result<()> {
        check_key(&key)?;
        let max = limits.kv_value_bytes;
        if value.len() > max {
            let what = format!("a value of {} bytes in hangar:kv", value.len());
            return Err(Error::limit(plugin, &what, max, "limits.kv-value-bytes"));
        }
        let _writer = self.writer(&key);
        self.cache.insert(
            key,
            Entry {
                value: value.into(),
                life: Life::from_ttl(ttl_ms),
            },
        );
        Ok(())
    }

    /// Whether there was one.
    pub(crate) fn delete(&self, key: &str) -> bool {
        let _writer = self.writer(key);
        // `remove` would also return a value whose life is over.
        let was_there = self.cache.contains_key(key);
        self.cache.invalidate(key);
        was_there
    }

    /// Sorted.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let mut keys: Vec<String> = self
            .cache
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, _)| key.as_ref().clone())
            .collect();
        keys.sort_unstable();
        keys
    }

    pub(crate) fn increment(&self, key: String, by: i32, ttl_ms: u32) -> Result<i32> {
        check_key(&key)?;
        let _writer = self.writer(&key);
        let (count, life) = match self.cache.get(&key) {
            None => (0, Life::from_ttl(ttl_ms)),
            Some(entry) => match entry.value.parse::<i32>() {
                Ok(count) => (count, Life::Unchanged),
                Err(_) => {
                    return Err(Error::bad_input(format!(
                        "the value of key \"{key}\" is no integer of 32 bits and cannot be incremented"
                    )));
                }
            },
        };
        let Some(sum) = count.checked_add(by) else {
            return Err(Error::bad_input(format!(
                "key \"{key}\" holds {count}; adding {by} leaves the range of 32 bits"
            )));
        };
        self.cache.insert(
            key,
            Entry {
                value: sum.to_string().into(),
                life,
            },
        );
        Ok(sum)
    }

    fn writer(&self, key: &str) -> MutexGuard<'_, ()> {
        let lock = &self.writers[self.hasher.hash_one(key) as usize % LOCKS];
        lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(Error::bad_input(format!(
            "a key of hangar:kv has 1 to {MAX_KEY_BYTES} bytes, not {}",
            key.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    fn namespace() -> (Namespace, Limits) {
        (Namespace::new(100), Limits::default())
    }

    #[test]
    fn values_live_as_long_as_asked() {
        let (kv, limits) = namespace();
        kv.set("p", &limits, "short".into(), "1", 40).expect("fits");
        kv.set("p", &limits, "endless".into(), "2", 0)
            .expect("fits");
        assert_eq!(kv.get("short").as_deref(), Some("1"));
        sleep(Duration::from_millis(80));
        assert_eq!(
            (kv.get("short"), kv.get("endless")),
            (None, Some("2".into()))
        );
        assert_eq!(kv.keys(""), ["endless"]);
        assert!(!kv.delete("short"), "an expired key is gone");
        assert!(kv.delete("endless"));
        assert!(!kv.delete("endless"));
    }

    #[test]
    fn setting_again_replaces_the_life() {
        let (kv, limits) = namespace();
        kv.set("p", &limits, "k".into(), "1", 40).expect("fits");
        kv.set("p", &limits, "k".into(), "2", 0).expect("fits");
        sleep(Duration::from_millis(80));
        assert_eq!(kv.get("k").as_deref(), Some("2"));
    }

    #[test]
    fn increment_keeps_the_life_of_the_first() {
        let (kv, _) = namespace();
        assert_eq!(kv.increment("n".into(), 5, 120), Ok(5));
        sleep(Duration::from_millis(80));
        assert_eq!(kv.increment("n".into(), -2, 60_000), Ok(3));
        sleep(Duration::from_millis(80));
        assert_eq!(kv.get("n"), None, "the second life did not count");
        assert_eq!(
            kv.increment("n".into(), 1, 0),
            Ok(1),
            "and it starts from 0 again"
        );
    }

    #[test]
    fn increment_refuses_text_and_overflow_and_changes_nothing() {
        let (kv, limits) = namespace();
        kv.set("p", &limits, "t".into(), "abc", 0).expect("fits");
        assert_eq!(
            kv.increment("t".into(), 1, 0).expect_err("text").code,
            "bad_input"
        );
        kv.set("p", &limits, "m".into(), &i32::MAX.to_string(), 0)
            .expect("fits");
        assert_eq!(
            kv.increment("m".into(), 1, 0).expect_err("overflow").code,
            "bad_input"
        );
        assert_eq!(kv.get("m"), Some(i32::MAX.to_string()));
    }

    #[test]
    fn no_increment_is_lost_between_threads() {
        let (kv, _) = namespace();
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..500 {
                        kv.increment("n".into(), 1, 0).expect("counts");
                    }
                });
            }
        });
        assert_eq!(kv.get("n").as_deref(), Some("2000"));
    }

    #[test]
    fn bounds_name_their_setting() {
        let (kv, mut limits) = namespace();
        limits.kv_value_bytes = 3;
        assert_eq!(kv.set("p", &limits, "k".into(), "123", 0), Ok(()));
        let error = kv
            .set("p", &limits, "k".into(), "1234", 0)
            .expect_err("too long");
        assert_eq!(error.code, "limit");
        for part in ["limits.kv-value-bytes", "at most 3", "4 bytes", "\"p\""] {
            assert!(error.message.contains(part), "{part} in {error}");
        }
        assert_eq!(kv.get("k").as_deref(), Some("123"));
        for key in [String::new(), "k".repeat(MAX_KEY_BYTES + 1)] {
            assert_eq!(
                kv.set("p", &limits, key, "", 0).expect_err("key").code,
                "bad_input"
            );
        }
    }

    #[test]
    fn the_least_used_key_goes_first() {
        let kv = Namespace::new(3);
        let limits = Limits::default();
        for key in ["a", "b", "c"] {
            kv.set("p", &limits, key.into(), "1", 0).expect("fits");
        }
        kv.cache.run_pending_tasks();
        assert!(kv.get("a").is_some());
        kv.set("p", &limits, "d".into(), "1", 0).expect("fits");
        kv.cache.run_pending_tasks();
        assert_eq!(kv.keys(""), ["a", "c", "d"]);
    }

    #[test]
    fn keys_are_found_by_prefix() {
        let (kv, limits) = namespace();
        for key in ["user:2", "user:1", "other"] {
            kv.set("p", &limits, key.into(), "", 0).expect("fits");
        }
        assert_eq!(kv.keys("user:"), ["user:1", "user:2"]);
    }

    #[test]
    fn plugins_do_not_see_each_other() {
        let kv = Kv::default();
        let limits = Limits::default();
        kv.namespace("one", &limits)
            .set("one", &limits, "k".into(), "1", 0)
            .expect("fits");
        assert_eq!(kv.namespace("two", &limits).get("k"), None);
        assert_eq!(kv.namespace("one", &limits).get("k").as_deref(), Some("1"));
        kv.forget("one");
        assert_eq!(kv.namespace("one", &limits).get("k"), None);
    }
}
