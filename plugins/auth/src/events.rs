//! Events around what this plugin does.

use hangar_failure::{Answer, Failure};
use hangar_sdk::Result;
use hangar_sdk::event;
use hangar_sdk::hooks::subscribed;
use hangar_sdk::http::Request;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A change a handler has made.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Patch {
    /// Another record in place of the event's.
    pub record: Option<Map<String, Value>>,
    /// New values of the record's fields.
    pub set: Map<String, Value>,
    /// Fields not to show.
    pub hide: Vec<String>,
    /// Fields to show although they are hidden.
    pub unhide: Vec<String>,
    /// Whether to show values that are no field.
    pub custom: bool,
    /// Other keys of the event.
    pub event: Map<String, Value>,
}

/// Whether anybody wants one of these events for the collection of these tags.
pub fn wanted(event: &str, tags: &[String; 2]) -> bool {
    !subscribed(&[event.to_owned()], tags).is_empty()
}

/// Runs `action` inside the event's handlers. `document` is built only if there are any; `action` gets what they have
/// changed before it, and answers the response.
pub fn around(
    event: &str,
    tags: &[String; 2],
    document: impl FnOnce() -> Result<Value>,
    action: impl FnOnce(&[Patch]) -> Answer,
) -> Answer {
    if !wanted(event, tags) {
        return action(&[]);
    }
    let document = event::Document::from(document()?);
    event::around_request(event, tags, &document, hangar_model::json::to_json, action)
}

/// Runs `action`, which answers nothing, inside the event's handlers.
pub fn around_sending(
    event: &str,
    tags: &[String; 2],
    document: impl FnOnce() -> Result<Value>,
    action: impl FnOnce(&[Patch]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !wanted(event, tags) {
        return action(&[]);
    }
    let document = event::Document::from(document()?);
    let mut patches = Vec::new();
    // A handler may end the chain or catch the error: then it did not happen.
    event::around(event, tags, &document, &mut patches, |patches| {
        action(patches)
    })?;
    Ok(())
}

/// The `request` of an event.
pub fn request_document(
    request: &Request,
    context: &str,
    body: &Map<String, Value>,
) -> Result<Value> {
    event::request_document(request, context, body.clone().into())
}
