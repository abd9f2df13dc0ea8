//! Fixed windows: so many requests from the first one on, then none until it is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;

/// Clients counted at once, per policy. The least busy are forgotten first, which only allows them more.
pub const MAX_WINDOWS: u64 = 100_000;

/// The longest a window that nobody touches is kept.
const IDLE: Duration = Duration::from_secs(24 * 3600);

/// What is counted, the number of the limit, the client.
pub type Key = (Box<str>, usize, Box<str>);

struct Window {
    began: Instant,
    taken: u32,
}

/// Counters by key.
pub struct Windows(Cache<Key, Arc<Mutex<Window>>>);

impl Default for Windows {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(MAX_WINDOWS)
                .time_to_idle(IDLE)
                .build(),
        )
    }
}

impl Windows {
    /// Takes one of the requests a client has left; false if there is none.
    pub fn take(&self, key: Key, requests: u32, length: Duration) -> bool {
        let window = self.0.get_with(key, || {
            Arc::new(Mutex::new(Window {
                began: Instant::now(),
                taken: 0,
            }))
        });
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.began.elapsed() >= length {
            *window = Window {
                began: Instant::now(),
                taken: 0,
            };
        }
        if window.taken >= requests {
            return false;
        }
        window.taken += 1;
        true
    }
}
