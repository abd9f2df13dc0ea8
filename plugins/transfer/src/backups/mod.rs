//! Backups: over HTTP in PocketBase's format, on the command line, and as a job.

mod api;
mod name;

use hangar_sdk::{Error, Result, backup};
use serde::Deserialize;

use crate::arguments::Arguments;

pub use api::handle;

/// A backup.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// Name of the file.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970.
    pub modified: i64,
}

/// What was restored.
#[derive(Deserialize)]
struct Restored {
    files: u64,
    created: i64,
}

/// All backups, by name.
///
/// # Errors
/// What the host says.
pub fn all() -> Result<Vec<Entry>> {
    Ok(serde_json::from_str(&backup::list()?)?)
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
    backup::create(&name)?;
    Ok(format!("Made the backup {name}."))
}

/// `hangar backup list`.
///
/// # Errors
/// What the host says.
pub fn list() -> Result<String> {
    let lines: Vec<String> = all()?
        .iter()
        .map(|entry| {
            let date = hangar_model::date::format(entry.modified);
            format!("{date}  {:>12}  {}", entry.size, entry.key)
        })
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
    let restored: Restored = serde_json::from_str(&backup::restore()?)?;
    Ok(format!(
        "Restored the backup of {}: the database and {} files.\nRestart every server that runs on this database: it does not know of the change.",
        hangar_model::date::format(restored.created),
        restored.files
    ))
}
