//! What events are about (plugins/hooks/PROTOCOL.md, section 2), written as JSON from what they borrow: a hooked write
//! makes several of these, and building trees of values for them costs more than the write itself.

use hangar_sdk::event;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::records::record::Shown;

/// A document; what is none is left out.
#[derive(Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    /// The one record the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Record<'a>>,
    /// Whether it has not been saved yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_new: Option<bool>,
    /// Its stored values that differ; null for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Value>,
    /// The records the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<Record<'a>>>,
    /// The page they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'a Value>,
    /// Why a change has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a Value>,
}

/// What the client has asked.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: &'a str,
    body: &'a Map<String, Value>,
    identity: Option<&'a RawValue>,
    context: &'a str,
    remote_address: &'a str,
}

impl<'a> Request<'a> {
    /// Of a call.
    pub fn of(call: &'a Call) -> Self {
        let identity = call.identity_text.as_deref();
        Self {
            method: &call.method,
            path: &call.path,
            query: &call.query,
            headers: &call.headers,
            body: &call.body.values,
            identity: identity.and_then(|text| serde_json::from_str(text).ok()),
            context: if call.context.is_empty() {
                "default"
            } else {
                call.context
            },
            remote_address: &call.remote_address,
        }
    }
}

/// A record of a document: its fields and the values hooks have set beside them, without new passwords.
pub struct Record<'a>(pub &'a Shown);

impl<'a> Record<'a> {
    /// Names and values.
    pub fn values(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let shown = self.0;
        let beside = shown
            .custom
            .iter()
            .filter(|(name, _)| !shown.values.contains_key(*name));
        beside
            .chain(&shown.values)
            .filter(|(name, _)| !shown.passwords.contains_key(*name))
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.values())
    }
}

/// Values that differ from those that are known already.
pub struct Difference<'a> {
    /// The record as it is now.
    pub record: Record<'a>,
    /// What handlers know of it.
    pub known: &'a Map<String, Value>,
}

impl Serialize for Difference<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        for (name, value) in self.record.values() {
            if self.known.get(name) != Some(value) {
                out.serialize_entry(name, value)?;
            }
        }
        out.end()
    }
}

/// The patch after an action: what it has changed, and the status of the answer to the request.
#[derive(serde::Serialize)]
pub struct Outcome<'a> {
    /// Fields of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<Difference<'a>>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Status>,
}

/// A status that informs handlers.
#[derive(serde::Serialize)]
pub struct Status {
    /// As in HTTP.
    pub status: u16,
}

/// An event's document, and that of the request in which it happens.
pub fn event(document: &Document<'_>, call: Option<&Call>) -> event::Document {
    event::Document {
        text: text(document),
        request: call
            .map(|call| text(&Request::of(call)))
            .unwrap_or_default(),
    }
}

/// The text of a document or a patch.
pub fn text(document: &impl Serialize) -> String {
    // Nothing here can fail to be written: keys are texts, and numbers came from JSON.
    serde_json::to_string(document).unwrap_or_default()
}
