//! The entry that each request leaves in the log store.

use std::time::Instant;

use axum::response::Response;
use hangar_core::Error;
use hangar_telemetry::{Entry, Level, Telemetry};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::dispatch::Asking;

/// Errors longer than this are not looked into.
const LONGEST: usize = 64 << 10;

/// What is known of an answer besides its status. Travels as an extension of the response.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// No entry unless it failed.
    pub quiet: bool,
    /// What went wrong, with details.
    pub error: Option<(String, Value)>,
}

/// An error as plugins answer it.
#[derive(Deserialize)]
struct Envelope {
    message: String,
    status: u16,
    #[serde(default)]
    data: Value,
}

impl Note {
    /// The note of a response that is only logged if it fails.
    pub fn quiet() -> Self {
        Self {
            quiet: true,
            error: None,
        }
    }

    /// The note of an answer with this body, if the whole of it is known.
    pub fn of(status: u16, headers: &[(String, String)], body: Option<&[u8]>) -> Self {
        let quiet = headers.iter().any(|(name, value)| {
            (name.eq_ignore_ascii_case("x-hangar-log") && value == "off")
                || (name.eq_ignore_ascii_case("content-type")
                    && value.starts_with("text/event-stream"))
        });
        let error = body
            .filter(|body| status >= 400 && body.len() <= LONGEST)
            .and_then(|body| serde_json::from_slice::<Envelope>(body).ok())
            .filter(|envelope| envelope.status == status)
            .map(|envelope| (envelope.message, details(envelope.data)));
        Self { quiet, error }
    }

    /// The note of an error that the host had to tell.
    pub fn host(mut self, error: &Error) -> Self {
        let message = match self.error.take() {
            Some((message, _)) => message,
            None => error.code.to_string(),
        };
        self.error = Some((message, error.message.clone().into()));
        self
    }
}

fn details(data: Value) -> Value {
    match data {
        Value::Object(map) if map.is_empty() => Value::Null,
        other => other,
    }
}

/// Records a request that has been answered.
pub fn record(telemetry: &Telemetry, asking: &Asking, response: &Response, began: Instant) {
    let note = response.extensions().get::<Note>();
    let error = note.and_then(|note| note.error.as_ref());
    let level = if error.is_some() {
        Level::ERROR
    } else {
        Level::INFO
    };
    if !telemetry.wants(level) || (error.is_none() && note.is_some_and(|note| note.quiet)) {
        return;
    }
    let settings = telemetry.settings();
    let uri = &asking.parts.uri;
    let url = uri.path_and_query().map_or(uri.path(), |url| url.as_str());
    let headers = &asking.parts.headers;
    let mut data = Map::new();
    data.insert("type".into(), "request".into());
    data.insert(
        "execTime".into(),
        json!(began.elapsed().as_nanos() as f64 / 1e6),
    );
    data.insert("method".into(), asking.parts.method.as_str().into());
    data.insert("url".into(), url.into());
    data.insert("status".into(), response.status().as_u16().into());
    data.insert("referer".into(), text(headers, header::REFERER).into());
    data.insert("userAgent".into(), text(headers, header::USER_AGENT).into());
    for key in &settings.identity {
        let known = asking
            .caller
            .identity
            .as_ref()
            .and_then(|identity| identity.log.get(key));
        // The first key is the one that tells guests.
        match known {
            Some(value) => data.insert(key.clone(), value.clone()),
            None if Some(key) == settings.identity.first() => data.insert(key.clone(), "".into()),
            None => None,
        };
    }
    if settings.addresses {
        data.insert("userIP".into(), asking.caller.head.client.as_str().into());
        data.insert("remoteIP".into(), asking.caller.head.peer.as_str().into());
    }
    if let Some((error, details)) = error {
        data.insert("error".into(), error.as_str().into());
        data.insert("details".into(), details.clone());
    }
    let readable = percent_encoding::percent_decode_str(url).decode_utf8_lossy();
    let message = format!("{} {readable}", asking.parts.method);
    telemetry.record(Entry::new(level, message, data));
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_in_answers() {
        let body = br#"{"data":{"a":{"code":"x"}},"message":"Failed.","status":400}"#;
        let note = Note::of(400, &[], Some(body));
        assert_eq!(
            note.error,
            Some(("Failed.".into(), json!({"a": {"code": "x"}})))
        );
        let body = br#"{"data":{},"message":"Gone.","status":404}"#;
        assert_eq!(
            Note::of(404, &[], Some(body)).error,
            Some(("Gone.".into(), Value::Null))
        );
        // A plugin's own document is no error, whatever its status.
        assert_eq!(Note::of(400, &[], Some(b"{\"message\":\"x\"}")).error, None);
        assert_eq!(Note::of(200, &[], Some(body)).error, None);
    }

    #[test]
    fn plugins_and_streams_may_be_quiet() {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert!(Note::of(200, &header("X-Hangar-Log", "off"), None).quiet);
        assert!(Note::of(200, &header("content-type", "text/event-stream"), None).quiet);
        assert!(!Note::of(200, &header("content-type", "text/html"), None).quiet);
    }
}
