//! `onSettingsReload` around letting the settings hold on this node.

use hangar_sdk::Result;
use hangar_sdk::event::around;
use hangar_sdk::hooks::subscribed;
use serde::de::IgnoredAny;

use super::Settings;
use super::policy::apply;

const EVENT: &str = "onSettingsReload";

/// Lets settings hold: at the start, and whenever they have been changed here or through another node.
///
/// # Errors
/// What the host says, and what handlers throw.
pub fn reload(settings: &Settings) -> Result<()> {
    if subscribed(&[EVENT.to_owned()], &[]).is_empty() {
        return apply(settings);
    }
    let mut patches: Vec<IgnoredAny> = Vec::new();
    around(EVENT, &[], &"{}".to_owned().into(), &mut patches, |_| {
        apply(settings)
    })?;
    Ok(())
}
