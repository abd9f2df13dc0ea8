//! Where a record has logged in from, and the mail about a new place.

use std::time::{SystemTime, UNIX_EPOCH};

use hangar_model::date;
use hangar_sdk::http::Request;
use hangar_sdk::{Result, collections, crypto, guard, log};
use serde::Deserialize;
use serde_json::json;

use crate::accounts::Accounts;
use crate::mail::background::Work;
use crate::record::Record;

/// Where origins are stored.
pub const COLLECTION: &str = "_authOrigins";
/// Origins kept of a record.
const MOST: usize = 5;
/// Characters of a user agent that count.
const MOST_AGENT: usize = 200;

#[derive(Deserialize)]
struct Origin {
    id: String,
    fingerprint: String,
}

/// Notes where a login came from; unless it is the first or a known place, a mail says so. The login goes on, whatever
/// comes of it.
pub fn note(request: &Request, accounts: &Accounts, record: &Record) {
    if !accounts.options.auth_alert.enabled {
        return;
    }
    if let Err(error) = try_note(request, accounts, record) {
        log::warn(&format!(
            "the origin of a login was not noted: {} ({})",
            error.message, error.code
        ));
    }
}

fn try_note(request: &Request, accounts: &Accounts, record: &Record) -> Result<()> {
    let address = guard::client_address();
    let agent = shortened(request.header("user-agent").unwrap_or_default());
    let fingerprint = crypto::digest::hash("md5", format!("{address}{agent}").as_bytes())?;
    let known = known(accounts, record)?;
    if let Some(origin) = known
        .iter()
        .find(|origin| origin.fingerprint == fingerprint)
    {
        let touched = json!({"id": origin.id});
        return collections::save(COLLECTION, &touched.to_string(), r#"{"isNew":false}"#).map(drop);
    }
    let origin = json!({
        "collectionRef": accounts.collection.id,
        "recordRef": record.id(),
        "fingerprint": fingerprint,
    });
    let stored = collections::save(COLLECTION, &origin.to_string(), r#"{"isNew":true}"#)?;
    let stored: Origin = serde_json::from_str(&stored)?;
    for oldest in known.iter().skip(MOST - 1) {
        collections::delete(COLLECTION, &oldest.id)?;
    }
    if !known.is_empty() {
        let info = format!("{} - {address} {agent}", now());
        let work = Work::Alert {
            origin: &stored.id,
            info: &info,
        };
        work.start(accounts, record);
    }
    Ok(())
}

/// The origins of a record, latest first.
fn known(accounts: &Accounts, record: &Record) -> Result<Vec<Origin>> {
    let query = json!({
        "filter": "collectionRef = {:collection} && recordRef = {:record}",
        "params": {"collection": accounts.collection.id, "record": record.id()},
        "sort": "-created",
    });
    Ok(serde_json::from_str(&collections::select(
        COLLECTION,
        &query.to_string(),
    )?)?)
}

fn shortened(agent: &str) -> String {
    match agent.char_indices().nth(MOST_AGENT) {
        Some((at, _)) => format!("{}...", &agent[..at]),
        None => agent.to_owned(),
    }
}

/// The time, as records have it.
pub fn now() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    date::format(i64::try_from(now.as_millis()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_agents_are_cut() {
        assert_eq!(shortened(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(
            shortened(&"é".repeat(201)),
            format!("{}...", "é".repeat(200))
        );
    }
}
