//! The request events of create, update and delete.

use hangar_failure::Outcome;
use hangar_sdk::http::Response;
use hangar_sdk::reply::Reply;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::records::draft::Draft;
use crate::records::event_document::{self, Outcome as Told, Status};
use crate::records::hooks::{Events, Subject, around, reply};
use crate::records::query::Values;

struct RequestEvent<'a> {
    draft: &'a mut Draft,
    reply: Reply,
    status: u16,
}

impl Subject for RequestEvent<'_> {
    fn apply(&mut self, patch: &Map<String, Value>) {
        self.draft.apply(patch);
        self.reply.add_from(patch);
    }

    fn known(&self) -> Values {
        self.draft.known()
    }

    fn changes(&self, known: &Values) -> Option<String> {
        Some(event_document::text(&Told {
            set: self.draft.difference(known),
            response: Some(Status {
                status: self.status,
            }),
        }))
    }
}

/// Runs an action that answers the request inside the chain of a request event, or bare if nobody listens.
///
/// # Errors
/// What the action or a handler fails with.
pub fn in_request(
    events: &Events,
    event: &str,
    call: &Call,
    draft: &mut Draft,
    action: impl FnOnce(&mut Draft) -> Outcome<Response>,
) -> Outcome<Response> {
    if !events.has(event) {
        return action(draft);
    }
    let entry = draft.entry.clone();
    let document = draft.document(Some(call), None);
    let mut subject = RequestEvent {
        draft,
        reply: Reply::default(),
        status: 200,
    };
    let around = around(event, &entry.tags, document, &mut subject, |subject| {
        let response = action(subject.draft)?;
        subject.status = response.status;
        Ok(response)
    })?;
    reply(subject.reply, around)
}
