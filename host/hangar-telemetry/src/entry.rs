use std::time::{Duration, SystemTime};

use hangar_core::{Error, Result};
use rand::RngExt;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Settings;

/// Longest message, bytes.
const MESSAGE: usize = 4 << 10;
const ID: usize = 15;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// How much an entry matters: a number, so that there is room between the named ones.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Level(pub i16);

impl Level {
    /// For finding faults.
    pub const DEBUG: Self = Self(-4);
    /// What went as it should.
    pub const INFO: Self = Self(0);
    /// What somebody should look at.
    pub const WARN: Self = Self(4);
    /// What went wrong.
    pub const ERROR: Self = Self(8);
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Random.
    pub id: String,
    /// When it happened.
    pub created: SystemTime,
    /// How much it matters.
    pub level: Level,
    /// One line.
    pub message: String,
    /// The rest.
    pub data: Map<String, Value>,
}

#[derive(Deserialize)]
struct Given {
    id: String,
    created: f64,
    level: i32,
    message: String,
    data: Map<String, Value>,
}

/// Entries of the past, as plugins give them.
pub(crate) fn read(text: &str) -> Result<Vec<Entry>> {
    let given: Vec<Given> = serde_json::from_str(text)
        .map_err(|error| Error::bad_input(format!("these are no entries of a log: {error}")))?;
    let entry = |given: Given| {
        let since = Duration::from_millis(given.created.max(0.0) as u64);
        let level = given.level.clamp(i16::MIN.into(), i16::MAX.into());
        Entry {
            id: given.id.replace(['\0', '\t', '\n', '\r', '\\'], ""),
            created: SystemTime::UNIX_EPOCH
                .checked_add(since)
                .unwrap_or(SystemTime::UNIX_EPOCH),
            level: Level(level as i16),
            message: given.message,
            data: given.data,
        }
    };
    Ok(given.into_iter().map(entry).collect())
}

impl Entry {
    /// An entry of this moment.
    pub fn new(level: Level, message: String, data: Map<String, Value>) -> Self {
        let mut random = rand::rng();
        let id = (0..ID).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]));
        Self {
            id: id.collect(),
            created: SystemTime::now(),
            level,
            message,
            data,
        }
    }

    /// Cuts what is too long.
    pub(crate) fn fit(&mut self, settings: &Settings) {
        if self.message.len() > MESSAGE {
            self.message
                .truncate(self.message.floor_char_boundary(MESSAGE));
        }
        let limit = settings.limit();
        let mut size: usize = 2 + self
            .data
            .iter()
            .map(|(key, value)| length(key, value))
            .sum::<usize>();
        if size <= limit {
            return;
        }
        // The last ones go first; of what else is one long text, its beginning is worth something.
        let keys: Vec<String> = self.data.keys().cloned().collect();
        for key in keys.into_iter().rev() {
            if size <= limit {
                break;
            }
            if let Some(value) = self.data.remove(&key) {
                size -= length(&key, &value);
            }
        }
        if !settings.cut_key.is_empty() {
            self.data
                .insert(settings.cut_key.clone(), Value::Bool(true));
        }
    }
}

/// Bytes of a pair in JSON, about.
fn length(key: &str, value: &Value) -> usize {
    let value = match value {
        Value::String(text) => text.len() + 2,
        Value::Null => 4,
        Value::Bool(_) => 5,
        Value::Number(_) => 8,
        other => other.to_string().len(),
    };
    key.len() + value + 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(data: Value) -> Entry {
        let Value::Object(data) = data else {
            panic!("an object")
        };
        Entry::new(Level::INFO, "x".repeat(10_000), data)
    }

    #[test]
    fn what_is_too_long_is_cut_from_the_end_and_says_so() {
        let settings = Settings {
            data_bytes: 60,
            cut_key: "cut".into(),
            ..Settings::default()
        };
        let mut long = entry(json!({"a": 1, "b": "short", "url": "y".repeat(500), "z": true}));
        long.fit(&settings);
        assert_eq!(
            Value::Object(long.data),
            json!({"a": 1, "b": "short", "cut": true})
        );
        assert_eq!(long.message.len(), MESSAGE);
        let mut short = entry(json!({"a": 1}));
        short.fit(&settings);
        assert_eq!(Value::Object(short.data), json!({"a": 1}));
        assert_eq!(short.id.len(), ID);
    }
}
