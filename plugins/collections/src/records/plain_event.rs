//! Request events about plain values that handlers may change.

use hangar_failure::Outcome;
use hangar_sdk::event::{Document, around_request};
use hangar_sdk::hooks::subscribed;
use hangar_sdk::http::Response;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What handlers may change.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Patch {
    event: Map<String, Value>,
}

/// Runs an action inside the chain of a request event, or bare if nobody listens. It gets the values that handlers have
/// changed; `document` is made only if there are any.
///
/// # Errors
/// What the action or a handler fails with.
pub fn in_plain_event(
    event: &str,
    tags: &[String],
    document: impl FnOnce() -> Outcome<Value>,
    action: impl FnOnce(&Map<String, Value>) -> Outcome<Response>,
) -> Outcome<Response> {
    if subscribed(&[event.to_owned()], tags).is_empty() {
        return action(&Map::new());
    }
    let document = Document::from(document()?);
    let json = hangar_model::json::to_json;
    around_request(event, tags, &document, json, |patches: &[Patch]| {
        let changed = patches.iter().flat_map(|patch| patch.event.clone());
        action(&changed.collect())
    })
}
