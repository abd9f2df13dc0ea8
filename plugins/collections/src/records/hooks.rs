//! Raising events about records.

use hangar_failure::{Failure, Outcome};
use hangar_sdk::event;
use hangar_sdk::hooks::subscribed;
use hangar_sdk::http::Response;
use hangar_sdk::reply::Reply;
use serde_json::{Map, Value, json};

pub use hangar_sdk::event::Around;

use crate::call::Call;
use crate::catalog::Entry;
use crate::records::event_document::{self, Document, Record};
use crate::records::query::Values;
use crate::records::record::Shown;

/// The events, among those asked for, that somebody listens to.
#[derive(Debug, Default, Clone)]
pub struct Events(Vec<String>);

impl Events {
    /// Asks the host.
    pub fn among(names: &[&str], entry: &Entry) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Self(subscribed(&names, &entry.tags))
    }

    /// Whether nobody listens.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody listens to this one.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|other| other == name)
    }
}

/// What patches act on.
pub trait Subject {
    /// Applies one patch.
    fn apply(&mut self, patch: &Map<String, Value>);
    /// What handlers are shown of the record they may change.
    fn known(&self) -> Values {
        Values::new()
    }
    /// The patch that tells handlers what the action has changed of what they know, if anything.
    fn changes(&self, _known: &Values) -> Option<String> {
        None
    }
}

/// A subject, with what handlers know of it.
struct Known<'a, S> {
    subject: &'a mut S,
    known: Values,
}

impl<S: Subject> event::Subject for Known<'_, S> {
    type Patch = Map<String, Value>;

    fn apply(&mut self, patch: Self::Patch) {
        forget(&mut self.known, &patch);
        self.subject.apply(&patch);
    }

    fn outcome(&self) -> Option<String> {
        self.subject.changes(&self.known)
    }
}

/// Runs an action inside the chain of an event.
///
/// # Errors
/// What the outermost handler makes of the action's error, or of its own.
pub fn around<S: Subject, T>(
    event: &str,
    tags: &[String],
    document: event::Document,
    subject: &mut S,
    action: impl FnOnce(&mut S) -> Outcome<T>,
) -> Outcome<Around<T>> {
    let known = subject.known();
    let mut known = Known { subject, known };
    event::around(event, tags, &document, &mut known, |known| {
        action(known.subject)
    })
}

/// What a handler has assigned it knows in its own form, not in that of the field.
fn forget(known: &mut Values, patch: &Map<String, Value>) {
    if patch.contains_key("record") {
        known.clear();
    }
    if let Some(Value::Object(set)) = patch.get("set") {
        for name in set.keys() {
            known.remove(name);
        }
    }
}

/// The patch after a view or a list: the status of the answer.
fn answered() -> Option<String> {
    Some(r#"{"response":{"status":200}}"#.into())
}

/// The answer to a request event.
///
/// # Errors
/// A handler's own cannot be read.
pub fn reply(reply: Reply, around: Around<Response>) -> Outcome<Response> {
    Ok(reply.finish(around, hangar_model::json::to_json)?)
}

struct ViewEvent<'a> {
    entry: &'a Entry,
    record: Shown,
    reply: Reply,
}

impl Subject for ViewEvent<'_> {
    fn apply(&mut self, patch: &Map<String, Value>) {
        self.record.apply(self.entry, patch);
        self.reply.add_from(patch);
    }

    fn changes(&self, _known: &Values) -> Option<String> {
        answered()
    }
}

/// `onRecordViewRequest` around the answer.
pub fn view_request(
    entry: &Entry,
    call: &Call,
    record: Shown,
    answer: impl FnOnce(Shown) -> Outcome<Response>,
) -> Outcome<Response> {
    let document = event_document::event(
        &Document {
            record: Some(Record(&record)),
            is_new: Some(false),
            original: Some(json!({})),
            ..Document::default()
        },
        Some(call),
    );
    let mut event = ViewEvent {
        entry,
        record,
        reply: Reply::default(),
    };
    let around = around(
        "onRecordViewRequest",
        &entry.tags,
        document,
        &mut event,
        |event| {
            if event.reply.answered() {
                return Ok(Response::empty(200));
            }
            answer(event.record.clone())
        },
    )?;
    reply(event.reply, around)
}

struct ListEvent<'a> {
    entry: &'a Entry,
    records: Vec<Shown>,
    kept: Option<Vec<usize>>,
    result: Value,
    reply: Reply,
}

impl ListEvent<'_> {
    fn chosen(&self) -> Vec<Shown> {
        match &self.kept {
            None => self.records.clone(),
            Some(kept) => kept
                .iter()
                .filter_map(|at| self.records.get(*at).cloned())
                .collect(),
        }
    }
}

impl Subject for ListEvent<'_> {
    fn apply(&mut self, patch: &Map<String, Value>) {
        apply_records(self.entry, &mut self.records, patch);
        if let Some(keep) = patch.get("keep").and_then(Value::as_array) {
            self.kept = Some(
                keep.iter()
                    .filter_map(Value::as_u64)
                    .filter_map(|at| usize::try_from(at).ok())
                    .collect(),
            );
        }
        if let Some(result @ Value::Object(_)) =
            patch.get("event").and_then(|event| event.get("result"))
        {
            self.result = result.clone();
        }
        self.reply.add_from(patch);
    }

    fn changes(&self, _known: &Values) -> Option<String> {
        answered()
    }
}

/// The patches of single records among many.
fn apply_records(entry: &Entry, records: &mut [Shown], patch: &Map<String, Value>) {
    for part in patch
        .get("records")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let at = part
            .get("at")
            .and_then(Value::as_u64)
            .and_then(|at| usize::try_from(at).ok());
        if let (Some(at), Value::Object(part)) = (at, part)
            && let Some(record) = records.get_mut(at)
        {
            record.apply(entry, part);
        }
    }
}

/// `onRecordsListRequest` around the answer.
pub fn list_request(
    entry: &Entry,
    call: &Call,
    records: Vec<Shown>,
    result: Value,
    answer: impl FnOnce(Vec<Shown>, &Value) -> Outcome<Response>,
) -> Outcome<Response> {
    let document = event_document::event(
        &Document {
            records: Some(records.iter().map(Record).collect()),
            result: Some(&result),
            ..Document::default()
        },
        Some(call),
    );
    let mut event = ListEvent {
        entry,
        records,
        kept: None,
        result,
        reply: Reply::default(),
    };
    let around = around(
        "onRecordsListRequest",
        &entry.tags,
        document,
        &mut event,
        |event| {
            if event.reply.answered() {
                return Ok(Response::empty(200));
            }
            answer(event.chosen(), &event.result)
        },
    )?;
    reply(event.reply, around)
}

struct EnrichEvent<'a> {
    entry: &'a Entry,
    records: Vec<Shown>,
    expanded: bool,
}

impl Subject for EnrichEvent<'_> {
    fn apply(&mut self, patch: &Map<String, Value>) {
        if self.records.len() == 1 && !patch.contains_key("records") {
            self.records[0].apply(self.entry, patch);
        }
        apply_records(self.entry, &mut self.records, patch);
    }

    fn changes(&self, _known: &Values) -> Option<String> {
        if !self.expanded {
            return None;
        }
        let parts = self.records.iter().enumerate().filter_map(|(at, record)| {
            let expand = record.expand.as_ref()?;
            Some(json!({"at": at, "expand": expand}))
        });
        Some(json!({"records": parts.collect::<Vec<_>>()}).to_string())
    }
}

/// `onRecordEnrich` around `action`, which expands.
pub fn enrich(
    entry: &Entry,
    call: &Call,
    records: Vec<Shown>,
    action: impl FnOnce(&mut [Shown]) -> Outcome<()>,
) -> Outcome<Vec<Shown>> {
    let document = event_document::event(
        &Document {
            records: Some(records.iter().map(Record).collect()),
            ..Document::default()
        },
        Some(call),
    );
    let mut event = EnrichEvent {
        entry,
        records,
        expanded: false,
    };
    around(
        "onRecordEnrich",
        &entry.tags,
        document,
        &mut event,
        |event| {
            event.expanded = true;
            action(&mut event.records)
        },
    )?;
    Ok(event.records)
}

/// The error of an after-error event.
pub fn error_document(failure: &Failure) -> Value {
    match failure {
        Failure::Api(error) => {
            json!({"code": "api_error", "message": error.message, "status": error.status, "data": error.data})
        }
        Failure::Host(error) => {
            let data: Value = serde_json::from_str(&error.data).unwrap_or_else(|_| json!({}));
            json!({"code": error.code, "message": error.message, "status": error.status, "data": data})
        }
    }
}
