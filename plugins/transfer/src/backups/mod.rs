//! Backups: over HTTP in PocketBase's format, on the command line, and as a job.

mod api;
mod automatic;
mod event;
mod files;
mod name;
mod place;

use hangar_sdk::{Error, Result, backup, storage};
use serde::Deserialize;

use crate::arguments::Arguments;
use place::Place;

pub use api::handle;
pub use automatic::run as automatic;

/// A backup.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// Name of the file.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970.
    modified: f64,
}

impl Entry {
    /// When it was made, as the API writes it.
    pub fn date(&self) -> String {
        hangar_model::date::format(self.modified as i64)
    }
}

/// What was restored.
#[derive(Deserialize)]
struct Restored {
    files: u64,
    created: i64,
}

/// All backups at a place, by name.
///
/// # Errors
/// What the disk or the service says.
pub fn all(place: &Place) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = serde_json::from_str(&storage::list(&place.text, "")?)?;
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

/// `hangar backup create [NAME]`.
///
/// # Errors
/// A name that cannot be used, and what the host says.
pub fn create(arguments: &Arguments) -> Result<String> {
    let name = match arguments.plain.first() {
        Some(name) => name.clone(),
        None => name::generated("")?,
    };
    name::check(&name).map_err(|error| Error::new("bad_input", 400, error.message.to_string()))?;
    event::create(&place::current()?, &name)?;
    Ok(format!("Made the backup {name}."))
}

/// `hangar backup list`.
///
/// # Errors
/// What the host says.
pub fn list() -> Result<String> {
    let lines: Vec<String> = all(&place::current()?)?
        .iter()
        .map(|entry| format!("{}  {:>12}  {}", entry.date(), entry.size, entry.key))
        .collect();
    Ok(match lines.as_slice() {
        [] => "There are no backups.".to_owned(),
        lines => lines.join("\n"),
    })
}

/// `hangar backup restore BACKUP`.
///
/// # Errors
/// What is wrong with the backup.
pub fn restore() -> Result<String> {
    let restored: Restored = serde_json::from_str(&backup::restore(&place::current()?.text)?)?;
    Ok(format!(
        "Restored the backup of {}: the database and {} files.",
        hangar_model::date::format(restored.created),
        restored.files
    ))
}
