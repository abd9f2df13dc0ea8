//! How many mails of a plugin may be on their way at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hangar_core::Limits;
use tokio::sync::Semaphore;

/// The state behind `hangar:mail`.
#[derive(Default)]
pub struct Mail(Mutex<HashMap<String, Lane>>);

struct Lane {
    size: usize,
    turns: Arc<Semaphore>,
}

impl Mail {
    /// The plugin's turns, made on first use and anew when the limit has changed. Who waits holds an instance, so that
    /// `limits.instances` bounds how many wait.
    pub(crate) fn turns(&self, plugin: &str, limits: &Limits) -> Arc<Semaphore> {
        let size = limits.mail_concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lanes.get(plugin) {
            Some(lane) if lane.size == size => lane.turns.clone(),
            _ => {
                let turns = Arc::new(Semaphore::new(size));
                let lane = Lane {
                    size,
                    turns: turns.clone(),
                };
                lanes.insert(plugin.to_owned(), lane);
                turns
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plugin_has_its_own_turns() {
        let mail = Mail::default();
        let of = |plugin: &str, size| {
            let limits = Limits {
                mail_concurrency: size,
                ..Limits::default()
            };
            mail.turns(plugin, &limits)
        };
        let held = of("a", 1).try_acquire_owned().expect("free");
        assert!(of("a", 1).try_acquire_owned().is_err());
        assert!(of("b", 1).try_acquire_owned().is_ok());
        assert_eq!(of("a", 3).available_permits(), 3, "a new limit");
        drop(held);
        assert_eq!(
            of("a", 0).available_permits(),
            1,
            "none would only time out"
        );
    }
}
