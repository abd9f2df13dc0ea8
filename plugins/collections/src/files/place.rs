//! Where files lie: in the data directory, or in the bucket that the settings name.

use std::cell::RefCell;

use hangar_sdk::{Result, kv, postgres};
use serde::Deserialize;
use serde_json::{Value, json};

const SETTINGS: &str =
    "SELECT (value -> 's3')::text FROM hangar_collections.params WHERE key = 'settings'";

#[derive(Default, Deserialize)]
#[serde(default)]
struct S3 {
    enabled: bool,
}

thread_local! {
    static CACHE: RefCell<Option<(u32, String)>> = const { RefCell::new(None) };
}

/// The place, as `hangar:files/store` takes it.
///
/// # Errors
/// What the database says.
pub fn place() -> Result<String> {
    let revision = kv::revisions::current("settings");
    let kept = CACHE.with_borrow(|kept| {
        kept.as_ref()
            .filter(|(of, _)| *of == revision)
            .map(|(_, place)| place.clone())
    });
    if let Some(place) = kept {
        return Ok(place);
    }
    let rows = postgres::query(SETTINGS, vec![])?;
    let text = rows
        .rows
        .first()
        .and_then(|row| row.first())
        .and_then(|value| value.as_str())
        .unwrap_or("{}");
    let s3: Value = serde_json::from_str(text)?;
    let enabled = S3::deserialize(&s3).unwrap_or_default().enabled;
    let place =
        json!({"area": "storage", "s3": if enabled { s3 } else { Value::Null }}).to_string();
    CACHE.set(Some((revision, place.clone())));
    Ok(place)
}
