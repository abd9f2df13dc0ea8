//! How many requests and timers of a plugin there may be.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hangar_core::{Error, Limits, Result};
use tokio::sync::Semaphore;

/// Requests under way, waiting or answered but not yet read, per request that may run at once.
const QUEUE: usize = 4;
/// Timers of one plugin, all its instances together.
const MAX_TIMERS: usize = 10_000;

/// The lanes of all plugins.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<HashMap<String, Arc<Lane>>>);

impl Lanes {
    /// The plugin's lane, made on first use and anew when its limit has changed.
    pub(crate) fn of(&self, plugin: &str, limits: &Limits) -> Arc<Lane> {
        let size = limits
            .fetch_concurrency
            .clamp(1, Semaphore::MAX_PERMITS / QUEUE);
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lanes.get(plugin) {
            Some(lane) if lane.size == size => lane.clone(),
            _ => {
                let lane = Arc::new(Lane::new(size));
                lanes.insert(plugin.to_owned(), lane.clone());
                lane
            }
        }
    }

    pub(crate) fn forget(&self, plugin: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(plugin);
    }
}

/// The turns of one plugin.
pub(crate) struct Lane {
    size: usize,
    /// One permit per request on the network.
    pub(crate) turns: Semaphore,
    requests: Arc<AtomicUsize>,
    timers: Arc<AtomicUsize>,
}

/// A place that is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    fn new(size: usize) -> Self {
        Self {
            size,
            turns: Semaphore::new(size),
            requests: Arc::default(),
            timers: Arc::default(),
        }
    }

    /// A place for one request, kept until its answer has been taken.
    pub(crate) fn request(&self, plugin: &str) -> Result<Place> {
        let max = self.size * QUEUE;
        take(&self.requests, max).ok_or_else(|| {
            let what = format!(
                "outgoing requests under way, waiting or unread ({} at once)",
                self.size
            );
            Error::limit(plugin, &what, max, "limits.fetch-concurrency")
        })
    }

    /// A place for one timer.
    pub(crate) fn timer(&self, plugin: &str) -> Result<Place> {
        take(&self.timers, MAX_TIMERS).ok_or_else(|| {
            Error::limit(
                plugin,
                "timers pending",
                MAX_TIMERS,
                "none, this bound is fixed",
            )
        })
    }
}

fn take(counter: &Arc<AtomicUsize>, max: usize) -> Option<Place> {
    counter
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
            (n < max).then_some(n + 1)
        })
        .ok()
        .map(|_| Place(counter.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let lanes = Lanes::default();
        let limits = Limits {
            fetch_concurrency: 2,
            ..Limits::default()
        };
        let lane = lanes.of("shop", &limits);
        let places: Vec<Place> = (0..8)
            .map(|_| lane.request("shop").expect("free"))
            .collect();
        let error = lanes.of("shop", &limits).request("shop").expect_err("full");
        assert_eq!(error.code, "limit");
        for part in ["limits.fetch-concurrency", "at most 8", "2 at once", "shop"] {
            assert!(error.message.contains(part), "{part} in {error}");
        }
        assert!(
            lanes.of("other", &limits).request("other").is_ok(),
            "each plugin has its own"
        );
        drop(places);
        assert!(lane.request("shop").is_ok());
    }

    #[test]
    fn timers_are_bounded() {
        let lane = Lane::new(1);
        let places: Vec<Place> = (0..MAX_TIMERS)
            .map_while(|_| lane.timer("p").ok())
            .collect();
        assert_eq!(places.len(), MAX_TIMERS);
        assert_eq!(lane.timer("p").expect_err("full").code, "limit");
    }

    #[test]
    fn a_changed_limit_makes_a_new_lane() {
        let lanes = Lanes::default();
        let of = |n| {
            lanes.of(
                "p",
                &Limits {
                    fetch_concurrency: n,
                    ..Limits::default()
                },
            )
        };
        assert_eq!(of(1).turns.available_permits(), 1);
        assert_eq!(of(3).turns.available_permits(), 3);
        assert_eq!(
            of(0).turns.available_permits(),
            1,
            "none at all would only time out"
        );
    }
}
