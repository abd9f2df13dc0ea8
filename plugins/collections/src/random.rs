//! Randomness and the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use hangar_model::Random;
use hangar_sdk::crypto::random;

/// The host's generator.
pub struct HostRandom;

impl Random for HostRandom {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        let wanted = u32::try_from(length).unwrap_or(u32::MAX);
        // An empty text fails validation (`required`, length), so a failing generator never weakens a secret.
        random::text(wanted, alphabet).unwrap_or_else(|error| {
            hangar_sdk::log::error(&format!("the host gave no random text: {}", error.message));
            String::new()
        })
    }
}

/// Now, in Unix milliseconds.
pub fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Now, as a canonical date.
pub fn now() -> String {
    hangar_model::date::format(now_ms())
}
