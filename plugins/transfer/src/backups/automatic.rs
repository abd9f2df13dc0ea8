//! The job that makes backups.

use hangar_sdk::hooks::{Raised, raise};
use hangar_sdk::{Error, Result, log, storage};
use serde_json::{Value, json};

use super::place::{self, Place};
use super::{Entry, all, event, name};
use crate::settings;

/// How the names of automatic backups begin; others are never removed.
const OURS: &str = "@auto_pb_backup_";

/// The event by which those who run the application are told of a fault; its payload is `{"subject","message"}`. The
/// plugin that sends mails subscribes to it.
const ALERT: &str = "onSystemAlert";

/// Makes a backup and removes the oldest automatic ones past `backups.cronMaxKeep`.
///
/// # Errors
/// Why there is none.
pub fn run() -> Result<()> {
    let place = place::current()?;
    let name = name::generated("@auto_")?;
    let made = event::create(&place, &name);
    if let Err(error) = &made {
        record("[Backup cron] Failed to create backup", &name, error);
        alert(error);
    }
    // Also after a failure: what is too old is too old.
    let removed = remove_surplus(&place);
    if let Err(error) = &removed {
        record("[Backup cron] Failed to remove old backups", "", error);
    }
    made.and(removed)
}

/// Leaves an entry in the log of the application.
fn record(message: &str, name: &str, error: &Error) {
    let mut fields = json!({"error": error.message});
    if !name.is_empty() {
        fields["name"] = name.into();
    }
    log::record(log::Level::Error, message, &fields.to_string());
}

fn alert(error: &Error) {
    let message = format!(
        "Failed to create/upload automated backup. Raw error:\n{}",
        error.message
    );
    let document = json!({"subject": "Autobackup failure", "message": message}).to_string();
    let told = raise(ALERT, &[], &document, "").and_then(|raised| Raised::finish(raised, Ok("")));
    if let Err(error) = told {
        record("[Backup cron] Failed to send an alert", "", &error);
    }
}

fn remove_surplus(place: &Place) -> Result<()> {
    for old in surplus(all(place)?, kept()?) {
        storage::delete(&place.text, &old)?;
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
