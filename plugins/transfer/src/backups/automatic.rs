//! The job that makes backups.

use hangar_sdk::{Error, Result, backup, log, storage};
use serde_json::Value;

use super::{Entry, all, name, place};
use crate::settings;

/// How the names of automatic backups begin; others are never removed.
const OURS: &str = "@auto_pb_backup_";

/// Makes a backup and removes the oldest automatic ones past `backups.cronMaxKeep`.
///
/// # Errors
/// Why there is none.
pub fn run() -> Result<()> {
    attempt().inspect_err(|error| {
        let fields = serde_json::json!({"error": error.message}).to_string();
        log::record(log::Level::Error, "The automatic backup failed.", &fields);
    })
}

fn attempt() -> Result<()> {
    let place = place::current()?;
    backup::create(&place.text, &name::generated("@auto_")?)?;
    for old in surplus(all(&place)?, kept()?) {
        storage::delete(&place.text, &old).map_err(|error| Error {
            message: format!("the old backup {old} cannot be removed: {}", error.message),
            ..error
        })?;
    }
    Ok(())
}

fn kept() -> Result<usize> {
    let settings: Value =
        serde_json::from_str(&settings::stored()?.unwrap_or_default()).unwrap_or_default();
    let kept = settings["backups"]["cronMaxKeep"].as_u64();
    Ok(kept
        .and_then(|kept| usize::try_from(kept).ok())
        .unwrap_or_default())
}

/// The names of automatic backups that are older than the `keep` newest; none where nothing says how many are kept.
fn surplus(mut entries: Vec<Entry>, keep: usize) -> Vec<String> {
    if keep == 0 {
        return Vec::new();
    }
    entries.retain(|entry| entry.key.starts_with(OURS));
    // A service may tell whole seconds only; names go on by time.
    entries.sort_by(|a, b| {
        (b.modified, &b.key)
            .partial_cmp(&(a.modified, &a.key))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    entries
        .into_iter()
        .skip(keep)
        .map(|entry| entry.key)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_automatic_ones_go() {
        let entry = |key: &str, modified| Entry {
            key: key.to_owned(),
            size: 1,
            modified,
        };
        let entries = || {
            vec![
                entry("mine.zip", 1.0),
                entry("@auto_other.zip", 1.0),
                entry("@auto_pb_backup_a_1.zip", 5.0),
                entry("@auto_pb_backup_b_2.zip", 2.0),
                entry("@auto_pb_backup_a_4.zip", 3.0),
                entry("@auto_pb_backup_a_3.zip", 3.0),
            ]
        };
        assert_eq!(
            surplus(entries(), 2),
            ["@auto_pb_backup_a_3.zip", "@auto_pb_backup_b_2.zip"]
        );
        assert!(surplus(entries(), 0).is_empty() && surplus(entries(), 4).is_empty());
    }
}
