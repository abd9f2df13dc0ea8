//! The events of requests for collections. Handlers see the collection as the request wants it.

use hangar_failure::Outcome;
use hangar_model::Collection;
use hangar_sdk::hooks::subscribed;
use hangar_sdk::http::{Request, Response};
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::records::event_document;
use crate::records::plain_event::in_plain_event;

/// Runs an action inside the event of a request for one collection, which is made only if anybody listens. Without one
/// there is nothing to show: the action says what is wrong. It gets what handlers have changed of the collection.
///
/// # Errors
/// What the action or a handler fails with.
pub fn one(
    event: &str,
    request: &Request,
    collection: impl FnOnce() -> Option<Collection>,
    action: impl FnOnce(Map<String, Value>) -> Outcome<Response>,
) -> Outcome<Response> {
    if subscribed(&[event.to_owned()], &[]).is_empty() {
        return action(Map::new());
    }
    let Some(collection) = collection() else {
        return action(Map::new());
    };
    let more = || {
        let mut shown: Value = serde_json::from_str(&collection.to_json())?;
        if event == "onCollectionCreateRequest" {
            // By it scripts tell a new collection.
            shown["created"] = "".into();
        }
        Ok(json!({"collection": shown}))
    };
    several(event, request, more, |changed| {
        let changed = changed.get("collection").and_then(Value::as_object);
        action(changed.cloned().unwrap_or_default())
    })
}

/// Runs an action inside the event of a request. These events have no tags in PocketBase. `more` is made only if anybody listens; the action gets
/// what has been changed of it.
///
/// # Errors
/// What the action or a handler fails with.
pub fn several(
    event: &str,
    request: &Request,
    more: impl FnOnce() -> Outcome<Value>,
    action: impl FnOnce(&Map<String, Value>) -> Outcome<Response>,
) -> Outcome<Response> {
    in_plain_event(event, &[], || document(request, more()?), action)
}

fn document(request: &Request, mut document: Value) -> Outcome<Value> {
    let call = Call::new(request.clone())?;
    document["request"] = serde_json::to_value(event_document::Request::of(&call))?;
    Ok(document)
}
