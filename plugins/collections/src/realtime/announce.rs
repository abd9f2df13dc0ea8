//! The source of realtime: changes made through this server. A reader of the database's log can take its place, since
//! all that leaves here is a collection, an action and the record.

use hangar_sdk::{log, realtime};
use serde_json::{Value, json};

use crate::catalog::Entry;
use crate::records::draft::Draft;

/// What has happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the action of its name")]
pub enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Whether anybody listens to a record's collection or to the record. One call of the host: without a listener it is
/// all that realtime costs a write.
pub fn heard(draft: &Draft) -> bool {
    // Without the grant there is nobody to hear.
    realtime::listening(&channels(draft)).unwrap_or(false)
}

/// Tells of a change that is committed.
pub fn announce(action: Action, draft: &Draft) {
    if let Err(error) = realtime::post(&channels(draft), &change(action, draft)) {
        log::error(&format!(
            "a change could not be announced: {}",
            error.message
        ));
    }
}

/// Finds out who may hear of a deletion, before it. The answer is for [`announce_prepared`], once it is committed.
pub fn prepare_delete(draft: &Draft) -> Option<String> {
    if !heard(draft) {
        return None;
    }
    match realtime::prepare(&channels(draft), &change(Action::Delete, draft)) {
        Ok(messages) => Some(messages),
        Err(error) => {
            log::error(&format!(
                "nobody is told of a deletion, since who may know could not be found out: {}",
                error.message
            ));
            None
        }
    }
}

/// Tells of a deletion that is committed.
pub fn announce_prepared(messages: &str) {
    if let Err(error) = realtime::send(messages) {
        log::error(&format!(
            "a deletion could not be announced: {}",
            error.message
        ));
    }
}

/// Brings what the streams know of a changed auth record up to date: with the record gone, or another token key, its
/// clients are guests.
pub fn renew(deleted: bool, draft: &Draft) {
    let subject = format!("{}/{}", draft.entry.id, draft.shown.id());
    if !realtime::identified(&subject).is_ok_and(|count| count > 0) {
        return;
    }
    let revoked = deleted || draft.changed("tokenKey");
    let document = (!revoked).then(|| identity(&subject, draft));
    set(&subject, document.as_deref());
}

/// Makes guests of all clients of an auth collection whose tokens have become void.
pub fn revoke_all(entry: &str) {
    set(&format!("{entry}/"), None);
}

fn set(subject: &str, document: Option<&str>) {
    match realtime::renew(subject, document) {
        Err(error) if error.code != "denied" => {
            log::error(&format!(
                "event streams know an outdated identity: {}",
                error.message
            ));
        }
        _ => {}
    }
}

/// As the auth plugin describes it, without what depends on the token.
fn identity(subject: &str, draft: &Draft) -> String {
    let entry: &Entry = &draft.entry;
    let mut record = draft.shown.values.clone();
    record.retain(|name, _| !matches!(name.as_str(), "password" | "tokenKey"));
    json!({
        "subject": subject,
        "superuser": entry.is_superusers(),
        "collection": {"id": entry.id, "name": entry.name},
        "record": record,
    })
    .to_string()
}

/// Under which names clients listen.
fn channels(draft: &Draft) -> Vec<String> {
    let id = draft.shown.id();
    let entry = &draft.entry;
    [&entry.name, &entry.id]
        .iter()
        .flat_map(|name| [format!("{name}/*"), format!("{name}/{id}"), (*name).clone()])
        .collect()
}

fn change(action: Action, draft: &Draft) -> String {
    json!({
        "collection": draft.entry.id,
        "action": action.name(),
        "record": Value::Object(draft.shown.values.clone()),
    })
    .to_string()
}
