//! Rate limits follow a collection that gets another name.

use hangar_sdk::collections;
use hangar_sdk::kv::revisions;
use hangar_sdk::{Result, hooks};
use serde::Deserialize;

use super::{Settings, store};

#[derive(Deserialize)]
struct Document {
    collection: Named,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    id: String,
    name: String,
}

/// `onCollectionUpdateExecute`: stores the collection and then, in the same transaction, the labels of its rate limits.
///
/// # Errors
/// What the rest of the chain, the host and the database say.
pub fn follow(document: &str) -> Result<()> {
    let new = serde_json::from_str::<Document>(document)?.collection;
    let old: Named = serde_json::from_str(&collections::collection(&new.id)?)?;
    hooks::next("")?;
    if old.name == new.name {
        return Ok(());
    }
    let mut settings = store::load_locked()?;
    if relabel(&mut settings, &old.name, &new.name) {
        store::save(&settings)?;
        revisions::bump(super::TOPIC);
    }
    Ok(())
}

/// Whether any label has changed.
fn relabel(settings: &mut Settings, old: &str, new: &str) -> bool {
    let mut changed = false;
    for rule in &mut settings.rate_limits.rules {
        let action = rule
            .label
            .strip_prefix(old)
            .filter(|rest| rest.starts_with(':'));
        if let Some(action) = action {
            rule.label = format!("{new}{action}");
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RateLimit;

    #[test]
    fn only_labels_of_the_collection_follow() {
        let mut settings = Settings::initial();
        settings.rate_limits.rules = [
            "staff:list",
            "staffer:list",
            "STAFF:view",
            "/staff:x",
            "*:list",
        ]
        .into_iter()
        .map(|label| RateLimit {
            label: label.into(),
            ..RateLimit::default()
        })
        .collect();
        assert!(relabel(&mut settings, "staff", "workers"));
        let labels = settings
            .rate_limits
            .rules
            .iter()
            .map(|rule| rule.label.as_str());
        assert_eq!(
            labels.collect::<Vec<_>>(),
            [
                "workers:list",
                "staffer:list",
                "STAFF:view",
                "/staff:x",
                "*:list"
            ]
        );
        assert!(!relabel(&mut settings, "staff", "workers"));
    }
}
