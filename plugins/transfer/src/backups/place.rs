//! Where backups are kept: in the data directory, or in the bucket that the settings name.

use hangar_sdk::Result;
use serde_json::{Value, json};

use crate::settings;

/// A place for backups.
pub struct Place {
    /// As `hangar:files/store` takes it.
    pub text: String,
    /// Whether it is a bucket.
    pub remote: bool,
}

/// The place of now.
///
/// # Errors
/// What the database says.
pub fn current() -> Result<Place> {
    let settings: Value =
        serde_json::from_str(&settings::stored()?.unwrap_or_default()).unwrap_or_default();
    let s3 = &settings["backups"]["s3"];
    let remote = s3["enabled"] == true;
    let s3 = if remote { s3 } else { &Value::Null };
    Ok(Place {
        text: json!({"area": "backups", "s3": s3}).to_string(),
        remote,
    })
}
