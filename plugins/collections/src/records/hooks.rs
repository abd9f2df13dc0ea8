//! Raising events. What travels is described in plugins/hooks/PROTOCOL.md: a JSON document, then patches, each after
//! a record separator.

use hangar_sdk::hooks::{Raised, raise, subscribed};
use hangar_sdk::http::{Payload, Response};
use serde_json::{Map, Value, json};

use crate::answer::{Failure, Outcome};
use crate::call::Call;
use crate::catalog::Entry;
use crate::records::event_document::{self, Document, Record, Request};
use crate::records::query::Values;
use crate::records::record::Shown;

const SEPARATOR: char = '\u{1e}';

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

/// How a chain went.
pub enum Around<T> {
    /// The action happened, with this result.
    Done(T),
    /// A handler ended the chain before the action, or swallowed its error.
    Stopped,
}

/// Runs an action inside the chain of an event.
///
/// # Errors
/// What the outermost handler makes of the action's error, or of its own.
pub fn around<S: Subject, T>(
    event: &str,
    tags: &[String],
    document: String,
    subject: &mut S,
    action: impl FnOnce(&mut S) -> Outcome<T>,
) -> Outcome<Around<T>> {
    let mut known = subject.known();
    let raised = raise(event, tags, &document)?;
    let turn = raised.turn();
    let patches = patches(&turn.payload, document.len());
    for patch in &patches {
        forget(&mut known, patch);
        subject.apply(patch);
    }
    let mut text = turn.payload;
    if !turn.proceed {
        let last = Raised::finish(raised, Ok(&text))?;
        apply(subject, &last, text.len());
        return Ok(Around::Stopped);
    }
    match action(subject) {
        Ok(done) => {
            if let Some(changes) = subject.changes(&known) {
                text.push(SEPARATOR);
                text.push_str(&changes);
            }
            let last = Raised::finish(raised, Ok(&text))?;
            apply(subject, &last, text.len());
            Ok(Around::Done(done))
        }
        Err(failure) => {
            let last = Raised::finish(raised, Err(&failure.into_error()))?;
            apply(subject, &last, text.len());
            Ok(Around::Stopped)
        }
    }
}

fn apply(subject: &mut impl Subject, text: &str, known: usize) {
    for patch in &patches(text, known) {
        subject.apply(patch);
    }
}

/// The patches that come after what is known of a text.
fn patches(text: &str, known: usize) -> Vec<Map<String, Value>> {
    let new = text.get(known..).unwrap_or_default();
    let parts = new.split(SEPARATOR).filter(|patch| !patch.is_empty());
    parts
        .filter_map(|patch| match serde_json::from_str(patch) {
            Ok(Value::Object(patch)) => Some(patch),
            _ => {
                hangar_sdk::log::warn(
                    "a hook has answered a patch that is no JSON object; it is ignored",
                );
                None
            }
        })
        .collect()
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

/// What handlers of a request event want as its answer.
#[derive(Default)]
pub struct Reply {
    written: Option<Response>,
    headers: Vec<(String, String)>,
}

impl Reply {
    /// Whether a handler has answered.
    pub fn answered(&self) -> bool {
        self.written.is_some()
    }

    /// Reads the `response` of a patch.
    pub fn apply(&mut self, patch: &Map<String, Value>) {
        let Some(response) = patch.get("response") else {
            return;
        };
        let headers = response
            .get("headers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|pair| {
                Some((
                    pair.get(0)?.as_str()?.to_owned(),
                    pair.get(1)?.as_str()?.to_owned(),
                ))
            });
        self.headers.extend(headers);
        let Some(status) = response
            .get("status")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok())
        else {
            return;
        };
        if self.written.is_some() {
            return;
        }
        self.written = Some(match response {
            _ if response.get("json").is_some() => {
                Response::json(status, hangar_model::json::to_json(&response["json"]))
            }
            _ => match (
                response.get("text").and_then(Value::as_str),
                response.get("base64").and_then(Value::as_str),
            ) {
                (Some(text), _) => Response {
                    status,
                    headers: vec![],
                    payload: Payload::Text(text.to_owned()),
                },
                (None, Some(text)) => Response {
                    status,
                    headers: vec![],
                    payload: Payload::Bytes(decode(text)),
                },
                (None, None) => Response::empty(status),
            },
        });
    }

    /// The answer: a handler's own, else the raiser's, else 200 without a body.
    pub fn finish(self, around: Around<Response>) -> Response {
        let mut response = match (self.written, around) {
            (Some(written), _) => written,
            (None, Around::Done(response)) => response,
            (None, Around::Stopped) => Response::empty(200),
        };
        for (name, value) in self.headers {
            if name.eq_ignore_ascii_case("content-type") {
                response
                    .headers
                    .retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            }
            response.headers.push((name, value));
        }
        response
    }
}

/// Standard base64, padding optional; what is no base64 is skipped.
fn decode(text: &str) -> Vec<u8> {
    let (mut out, mut bits, mut count) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    out
}

struct ViewEvent<'a> {
    entry: &'a Entry,
    record: Shown,
    reply: Reply,
}

impl Subject for ViewEvent<'_> {
    fn apply(&mut self, patch: &Map<String, Value>) {
        self.record.apply(self.entry, patch);
        self.reply.apply(patch);
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
    let document = event_document::text(&Document {
        record: Some(Record(&record)),
        is_new: Some(false),
        original: Some(json!({})),
        request: Some(Request::of(call)),
        ..Document::default()
    });
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
            if event.reply.written.is_some() {
                return Ok(Response::empty(200));
            }
            answer(event.record.clone())
        },
    )?;
    Ok(event.reply.finish(around))
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
        self.reply.apply(patch);
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
    let document = event_document::text(&Document {
        records: Some(records.iter().map(Record).collect()),
        result: Some(&result),
        request: Some(Request::of(call)),
        ..Document::default()
    });
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
            if event.reply.written.is_some() {
                return Ok(Response::empty(200));
            }
            answer(event.chosen(), &event.result)
        },
    )?;
    Ok(event.reply.finish(around))
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
    let document = event_document::text(&Document {
        records: Some(records.iter().map(Record).collect()),
        request: Some(Request::of(call)),
        ..Document::default()
    });
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
