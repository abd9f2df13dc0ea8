//! Request events about plain values that handlers may change.

use hangar_sdk::hooks::subscribed;
use hangar_sdk::http::Response;
use serde_json::{Map, Value, json};

use crate::answer::Outcome;
use crate::records::hooks::{Around, Reply, Subject, around};
use crate::records::query::Values;

struct PlainEvent {
    changed: Map<String, Value>,
    reply: Reply,
    status: u16,
}

impl Subject for PlainEvent {
    fn apply(&mut self, patch: &Map<String, Value>) {
        if let Some(Value::Object(event)) = patch.get("event") {
            self.changed.extend(event.clone());
        }
        self.reply.apply(patch);
    }

    fn changes(&self, _known: &Values) -> Option<String> {
        Some(json!({"response": {"status": self.status}}).to_string())
    }
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
    let mut subject = PlainEvent {
        changed: Map::new(),
        reply: Reply::default(),
        status: 200,
    };
    let document = document()?.to_string();
    let done: Around<Response> = around(event, tags, document, &mut subject, |subject| {
        if subject.reply.answered() {
            return Ok(Response::empty(200));
        }
        let response = action(&subject.changed)?;
        subject.status = response.status;
        Ok(response)
    })?;
    Ok(subject.reply.finish(done))
}
