//! What follows a change of a record once it has ended: files that go, after-events, forgotten identities. Inside a transaction what
//! went well waits for the outermost end, as text with the host; on a roll-back it has failed after all. What failed by
//! itself is told at once, inside the transaction, as PocketBase does.

use std::rc::Rc;

use hangar_failure::{Failure, Outcome};
use hangar_model::{ApiError, Collection, messages};
use hangar_sdk::context::{after_transaction, forget_identity};
use hangar_sdk::postgres::active;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog;
use crate::files;
use crate::realtime::announce::{self, Action};
use crate::records::draft::{self, CREATE, DELETE, Draft, Names, UPDATE};
use crate::records::hooks::{Around, Events, around, error_document};
use crate::records::query::Values;
use crate::records::record::Shown;

/// A change that waits for the end of its transaction.
#[derive(Serialize, Deserialize)]
struct Waiting {
    /// Id of the collection.
    collection: String,
    /// `Create`, `Update` or `Delete`.
    verb: String,
    values: Values,
    custom: Map<String, Value>,
    original: Option<Values>,
    farewell: Option<String>,
    /// Keys of the files that were stored for it.
    files: Vec<String>,
}

/// An auth collection whose tokens are void once its transaction has been committed.
#[derive(Serialize, Deserialize)]
struct Revoked {
    revoked: String,
}

/// Makes guests of the realtime clients of an auth collection, once this is committed.
///
/// # Errors
/// Too much work is left already.
pub fn revoke(collection: &Collection) -> Outcome<()> {
    let revoked = collection.id.clone();
    let work = serde_json::to_string(&Revoked { revoked })?;
    if !after_transaction(&work)? {
        announce::revoke_all(&collection.id);
    }
    Ok(())
}

/// Does what follows a change that has ended, well or not.
///
/// # Errors
/// The failure itself, or what a handler throws: the client then gets an error though the change has happened.
pub fn after(
    names: &Names,
    draft: &mut Draft,
    events: &Events,
    result: Outcome<()>,
) -> Outcome<()> {
    let error = result.as_ref().err().map(error_document);
    if !concerns(names, draft, events, error.is_none()) {
        return result;
    }
    if error.is_none() && active() {
        let waiting = Waiting {
            collection: draft.entry.id.clone(),
            verb: names.verb.to_owned(),
            values: draft.shown.values.clone(),
            custom: draft.shown.custom.clone(),
            original: draft.original.clone(),
            farewell: draft.farewell.take(),
            files: draft.stored_files.clone(),
        };
        after_transaction(&serde_json::to_string(&waiting)?)?;
    } else {
        settle(names, draft, events, error)?;
    }
    result
}

/// The transaction in which a change was left has ended.
///
/// # Errors
/// What a handler throws.
pub fn transaction_ended(work: &str, committed: bool) -> Outcome<()> {
    if let Ok(Revoked { revoked }) = serde_json::from_str(work) {
        if committed {
            announce::revoke_all(&revoked);
        }
        return Ok(());
    }
    let waiting: Waiting = serde_json::from_str(work)?;
    let catalog = catalog::current()?;
    // A collection that is gone has taken its records and their events with it.
    let Some(entry) = catalog.get(&waiting.collection) else {
        return Ok(());
    };
    let names = match waiting.verb.as_str() {
        "Create" => CREATE,
        "Update" => UPDATE,
        _ => DELETE,
    };
    let error = (!committed).then(|| {
        error_document(&Failure::Api(ApiError::bad_request(
            messages::SOMETHING_WRONG,
        )))
    });
    let mut shown = Shown::new(waiting.values);
    shown.custom = waiting.custom;
    let mut draft = Draft {
        entry: entry.clone(),
        shown,
        original: waiting.original,
        saved: error.is_none() && names.verb != DELETE.verb,
        id_given: false,
        farewell: waiting.farewell,
        uploads: Rc::from([]),
        stored_files: waiting.files,
        made_password: None,
    };
    let events = draft::listened(&names, entry, &[]);
    settle(&names, &mut draft, &events, error)
}

/// Whether anything follows.
pub fn concerns(names: &Names, draft: &Draft, events: &Events, success: bool) -> bool {
    let outcome = if success { "Success" } else { "Error" };
    (success && (changes_identity(draft) || is_heard(draft)))
        || files::left_over(draft, names.verb == DELETE.verb, success)
        || ["Record", "Model"]
            .iter()
            .any(|kind| events.has(&names.after(kind, outcome)))
}

/// Whether the host may remember the record as somebody who is asking.
fn changes_identity(draft: &Draft) -> bool {
    draft.entry.is_auth() && !draft.is_new()
}

/// Whether a realtime client may be told of a change.
fn is_heard(draft: &Draft) -> bool {
    // Who hears of a deletion was found out before it. What a hook has kept from being saved has not happened.
    draft.farewell.is_some() || (draft.saved && announce::heard(draft))
}

/// Does what follows a change, after the commit.
fn settle(names: &Names, draft: &mut Draft, events: &Events, error: Option<Value>) -> Outcome<()> {
    let success = error.is_none();
    files::settle(draft, names.verb == DELETE.verb, success);
    if success && changes_identity(draft) {
        forget_identity(&format!("{}/{}", draft.entry.id, draft.shown.id()));
        announce::renew(names.verb == DELETE.verb, draft);
    }
    let outcome = if success { "Success" } else { "Error" };
    for kind in ["Record", "Model"] {
        let event = names.after(kind, outcome);
        if events.has(&event) {
            let entry = draft.entry.clone();
            let document = draft.document(None, error.as_ref());
            if let Around::Stopped = around(&event, &entry.tags, document, draft, |_| Ok(()))? {
                return Ok(());
            }
        }
    }
    if success {
        tell(names, draft);
    }
    Ok(())
}

/// Tells realtime clients.
fn tell(names: &Names, draft: &mut Draft) {
    if let Some(messages) = draft.farewell.take() {
        announce::announce_prepared(&messages);
    } else if draft.saved && announce::heard(draft) {
        let action = if names.verb == CREATE.verb {
            Action::Create
        } else {
            Action::Update
        };
        announce::announce(action, draft);
    }
}
