//! Answers that are held back at random: what an answer would tell by its content, or by how fast it comes, is told
//! slowly to whoever asks for it again and again.

use std::time::Duration;

use hangar_core::{Error, Result};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::windows::Windows;

/// Answers held back at once. Past it they are refused, not let through, else filling it would undo the delay.
const MAX_WAITING: usize = 1_000;
/// The longest an answer is held back.
const LONGEST_MS: u32 = 5_000;
/// The longest label, bytes.
const LONGEST_LABEL: usize = 200;

/// What a plugin writes into `x-hangar-delay` (`hangar:http/types.response`).
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Hint {
    label: String,
    requests: u32,
    seconds: u32,
    up_to_ms: u32,
}

impl Hint {
    fn parse(text: &str) -> Result<Self> {
        let bad = |what: String| {
            let message = format!("a plugin answered an x-hangar-delay that is not valid: {what}");
            Error::new("bad_response", 500, message)
        };
        let hint: Self = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        if hint.up_to_ms > LONGEST_MS || hint.label.len() > LONGEST_LABEL {
            return Err(bad(format!(
                "at most {LONGEST_MS} milliseconds and {LONGEST_LABEL} bytes of label"
            )));
        }
        Ok(hint)
    }
}

/// Who has had which answers lately, and who waits.
pub struct Delays {
    windows: Windows,
    places: Semaphore,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            windows: Windows::default(),
            places: Semaphore::new(MAX_WAITING),
        }
    }
}

impl Delays {
    /// Counts an answer for a client; waits if it is one too many.
    pub async fn hold(&self, client: &str, hint: &str) -> Result<()> {
        let hint = Hint::parse(hint)?;
        let length = Duration::from_secs(hint.seconds.into());
        let key = (hint.label.into(), 0, client.into());
        if self.windows.take(key, hint.requests, length) {
            return Ok(());
        }
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Error::new(
                "limit",
                503,
                format!("{MAX_WAITING} answers are being held back already"),
            ));
        };
        let wait = rand::random_range(0..=hint.up_to_ms);
        tokio::time::sleep(Duration::from_millis(wait.into())).await;
        Ok(())
    }
}
