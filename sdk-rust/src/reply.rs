//! What handlers of a request event want as its answer (`plugins/hooks/PROTOCOL.md`, section 3).

use base64::Engine;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::event::Around;
use crate::http::{Payload, Response};
use crate::{Error, Result};

/// Padding may be there or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The `response` of a patch: a handler's own answer, or headers for the raiser's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResponsePatch {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    #[serde(deserialize_with = "given")]
    json: Option<Value>,
    text: Option<String>,
    base64: Option<String>,
}

/// Null is a value, too.
fn given<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(source).map(Some)
}

/// The answer so far. The first handler that gives a status has answered; headers add up.
#[derive(Debug, Default)]
pub struct Reply {
    own: Option<ResponsePatch>,
    headers: Vec<(String, String)>,
}

impl Reply {
    /// Whether a handler has answered.
    pub fn answered(&self) -> bool {
        self.own.is_some()
    }

    /// Takes over the `response` of a patch.
    pub fn add(&mut self, mut patch: ResponsePatch) {
        self.headers.append(&mut patch.headers);
        if patch.status.is_some() && self.own.is_none() {
            self.own = Some(patch);
        }
    }

    /// The same of a patch that has not been read further. A `response` that cannot be read is none.
    pub fn add_from(&mut self, patch: &Map<String, Value>) {
        let response = patch.get("response").map(ResponsePatch::deserialize);
        if let Some(Ok(response)) = response {
            self.add(response);
        }
    }

    /// The response: a handler's own, else the raiser's, else 200 without a body. `write` makes the text of a JSON value.
    ///
    /// # Errors
    /// A handler has answered bytes that are no base64.
    pub fn finish(
        self,
        around: Around<Response>,
        write: impl FnOnce(&Value) -> String,
    ) -> Result<Response> {
        let mut response = match (self.own, around) {
            (Some(own), _) => own.into_response(write)?,
            (None, Around::Done(response)) => response,
            (None, Around::Stopped) => Response::empty(200),
        };
        for (name, value) in self.headers {
            if name.eq_ignore_ascii_case("content-type") {
                let headers = &mut response.headers;
                headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            }
            response.headers.push((name, value));
        }
        Ok(response)
    }
}

impl ResponsePatch {
    fn into_response(self, write: impl FnOnce(&Value) -> String) -> Result<Response> {
        let status = self.status.unwrap_or(200);
        let payload = match (self.json, self.text, self.base64) {
            (Some(value), ..) => return Ok(Response::json(status, write(&value))),
            (None, Some(text), _) => Payload::Text(text),
            (None, None, Some(text)) => {
                let broken = |_| Error::internal("a hook handler answered broken base64");
                Payload::Bytes(BASE64.decode(text).map_err(broken)?)
            }
            (None, None, None) => Payload::Empty,
        };
        Ok(Response {
            status,
            headers: Vec::new(),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply(patches: Value) -> Result<Response> {
        let mut reply = Reply::default();
        for patch in patches.as_array().into_iter().flatten() {
            reply.add_from(json!({"response": patch}).as_object().expect("an object"));
        }
        reply.finish(Around::Done(Response::json(200, "{}")), Value::to_string)
    }

    #[test]
    fn the_first_status_wins_and_headers_add_up() {
        let response = reply(json!([
            {"headers": [["x-a", "1"]]}, {"status": 201, "json": {"a": 1}}, {"status": 202, "text": "no"},
        ]))
        .expect("a response");
        assert_eq!(response.status, 201);
        assert!(response.headers.contains(&("x-a".into(), "1".into())));
        assert!(matches!(&response.payload, Payload::Text(text) if text == "{\"a\":1}"));
    }

    #[test]
    fn there_is_one_content_type() {
        let response = reply(json!([{"headers": [["Content-Type", "text/x"]]}])).expect("one");
        assert_eq!(response.headers, [("Content-Type".into(), "text/x".into())]);
    }

    #[test]
    fn bodies() {
        let body = |patch| reply(json!([patch])).map(|response| response.payload);
        assert!(
            matches!(body(json!({"status": 200, "json": null})), Ok(Payload::Text(text)) if text == "null")
        );
        assert!(matches!(body(json!({"status": 204})), Ok(Payload::Empty)));
        let bytes = |text: &str| body(json!({"status": 200, "base64": text}));
        assert!(matches!(bytes("aGVsbG8="), Ok(Payload::Bytes(bytes)) if bytes == b"hello"));
        assert!(matches!(bytes("AP+/"), Ok(Payload::Bytes(bytes)) if bytes == [0, 255, 191]));
        assert!(matches!(bytes("aGVsbG8"), Ok(Payload::Bytes(bytes)) if bytes == b"hello"));
        assert!(bytes("*").is_err());
    }
}
