//! `onBackupCreate` around making a backup.

use hangar_sdk::event::around;
use hangar_sdk::hooks::subscribed;
use hangar_sdk::{Error, Result, backup, log};
use serde::Deserialize;
use serde_json::json;

use super::name;
use super::place::Place;

const EVENT: &str = "onBackupCreate";
/// What is left out: backups themselves.
const EXCLUDED: [&str; 1] = ["backups"];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Patch {
    event: Changes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Changes {
    name: Option<String>,
    exclude: Option<Vec<String>>,
}

/// Makes a backup of this name, or of the one that handlers give it. They may also keep it from being made.
///
/// # Errors
/// What the host says, and what handlers throw.
pub fn create(place: &Place, name: &str) -> Result<()> {
    if subscribed(&[EVENT.to_owned()], &[]).is_empty() {
        return backup::create(&place.text, name);
    }
    let document = json!({"name": name, "exclude": EXCLUDED}).into();
    let mut patches: Vec<Patch> = Vec::new();
    around(EVENT, &[], &document, &mut patches, |patches| {
        let mut wanted = name;
        for Patch { event } in patches.iter() {
            if let Some(name) = &event.name {
                name::check(name)
                    .map_err(|error| Error::new("bad_input", 400, error.message.to_string()))?;
                wanted = name;
            }
            if event.exclude.is_some() {
                log::warn("a hook has changed e.exclude of a backup, but backups are always whole");
            }
        }
        backup::create(&place.text, wanted)
    })?;
    Ok(())
}
