//! Events around requests.

use hangar_failure::{Answer, Failure};
use hangar_sdk::event::{Document, around_request, request_document};
use hangar_sdk::hooks::subscribed;
use hangar_sdk::http::Request;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What handlers may change.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Patch {
    event: Map<String, Value>,
}

/// Runs an action inside an event's handlers. It gets what they have changed of the document, which is made only if
/// there are any.
pub fn around(
    event: &str,
    request: &Request,
    document: impl FnOnce() -> Result<Value, Failure>,
    run: impl FnOnce(&Map<String, Value>) -> Answer,
) -> Answer {
    if subscribed(&[event.to_owned()], &[]).is_empty() {
        return run(&Map::new());
    }
    let mut document = document()?;
    let body = match document.get("batch") {
        Some(batch) => json!({"requests": batch}),
        // Bodies of these routes are documents; what is none is shown as none.
        None => serde_json::from_slice(&request.body).unwrap_or_else(|_| json!({})),
    };
    document["request"] = request_document(request, "default", body)?;
    let document = Document::from(document);
    let json = hangar_model::json::to_json;
    around_request(event, &[], &document, json, |patches: &[Patch]| {
        let changed = patches.iter().flat_map(|patch| patch.event.clone());
        run(&changed.collect())
    })
}
