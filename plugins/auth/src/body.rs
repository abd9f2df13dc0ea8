//! The small bodies of auth requests: JSON or form, a few texts and numbers.

use hangar_model::ApiError;
use hangar_sdk::form;
use hangar_sdk::http::Request;
use serde_json::{Map, Value};

use crate::failure::Failure;

const UNREADABLE: &str = "An error occurred while loading the submitted data.";
const UNSUPPORTED: &str = "Unsupported Content-Type.";
/// Form field whose text is JSON and is merged over the others.
const JSON_PAYLOAD: &str = "@jsonPayload";

/// A parsed body.
#[derive(Debug, Default)]
pub struct Body {
    /// What was sent, by key. Values of forms are texts.
    pub values: Map<String, Value>,
}

/// Why a body could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadBody {
    /// Its content type is not served.
    Unsupported,
    /// It cannot be parsed, or a value has the wrong type.
    Unreadable,
}

impl From<BadBody> for ApiError {
    fn from(why: BadBody) -> Self {
        ApiError::bad_request(match why {
            BadBody::Unsupported => UNSUPPORTED,
            BadBody::Unreadable => UNREADABLE,
        })
    }
}

impl From<BadBody> for Failure {
    fn from(why: BadBody) -> Self {
        Self::Api(why.into())
    }
}

impl Body {
    /// Reads the body of a request. No body is an empty one, whatever the type.
    ///
    /// # Errors
    /// A type that is not served, text that cannot be parsed.
    pub fn of(request: &Request) -> Result<Self, BadBody> {
        Self::parse(
            request.header("content-type").unwrap_or_default(),
            &request.body,
        )
    }

    fn parse(content_type: &str, bytes: &[u8]) -> Result<Self, BadBody> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let kind = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => Self::json(bytes),
            // Known to PocketBase, but none of the names we want can be in it.
            "text/xml" | "application/xml" => Ok(Self::default()),
            "application/x-www-form-urlencoded" | "multipart/form-data" => {
                Self::form(content_type, bytes)
            }
            _ => Err(BadBody::Unsupported),
        }
    }

    fn json(bytes: &[u8]) -> Result<Self, BadBody> {
        // Like Go's decoder: the first document counts, what follows it does not.
        let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
        match documents.next() {
            Some(Ok(Value::Object(values))) => Ok(Self { values }),
            Some(Ok(Value::Null)) | None => Ok(Self::default()),
            Some(_) => Err(BadBody::Unreadable),
        }
    }

    fn form(content_type: &str, bytes: &[u8]) -> Result<Self, BadBody> {
        let parts = form::parse(content_type, bytes).map_err(|_| BadBody::Unreadable)?;
        let mut body = Self::default();
        for part in parts
            .iter()
            .filter(|part| part.file_name.is_none() && part.name != JSON_PAYLOAD)
        {
            // The first of several values counts.
            body.values
                .entry(part.name.as_str())
                .or_insert_with(|| part.text().into());
        }
        for part in parts.iter().filter(|part| part.name == JSON_PAYLOAD) {
            let payload: Map<String, Value> =
                serde_json::from_str(&part.text()).map_err(|_| BadBody::Unreadable)?;
            body.values.extend(payload);
        }
        Ok(body)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).or_else(|| {
            self.values
                .iter()
                .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
        })
    }

    /// A text; empty if it was not sent.
    ///
    /// # Errors
    /// A value of another type.
    pub fn text(&self, name: &str) -> Result<&str, BadBody> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(BadBody::Unreadable),
        }
    }

    /// An integer; 0 if it was not sent.
    ///
    /// # Errors
    /// A value of another type.
    pub fn integer(&self, name: &str) -> Result<i64, BadBody> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(0),
            Some(Value::Number(number)) => number.as_i64().ok_or(BadBody::Unreadable),
            Some(_) => Err(BadBody::Unreadable),
        }
    }

    /// Reads a form's texts as integers where a number is wanted; JSON keeps its types.
    pub fn with_integer(mut self, name: &str, request: &Request) -> Self {
        let is_form = !request
            .header("content-type")
            .unwrap_or_default()
            .to_ascii_lowercase()
            .contains("json");
        if is_form
            && let Some(value) = self.values.get_mut(name)
            && let Some(number) = value.as_str().and_then(|text| text.parse::<i64>().ok())
        {
            *value = number.into();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_bodies() {
        let body = Body::parse(
            "application/json; charset=utf-8",
            br#"{"identity":"a","n":5,"Password":"p"}"#,
        )
        .expect("a body");
        assert_eq!(body.text("identity"), Ok("a"));
        assert_eq!(body.text("password"), Ok("p"));
        assert_eq!(body.text("absent"), Ok(""));
        assert_eq!(body.integer("n"), Ok(5));
        assert!(body.text("n").is_err());
        assert!(body.integer("identity").is_err());
        assert!(
            Body::parse("application/json", b"null")
                .expect("a body")
                .values
                .is_empty()
        );
        assert_eq!(
            Body::parse("application/json", b"{\"a\":\"b\"}rest")
                .expect("a body")
                .text("a"),
            Ok("b")
        );
        for bad in ["[]", "{", "5"] {
            assert_eq!(
                Body::parse("application/json", bad.as_bytes()).expect_err(bad),
                BadBody::Unreadable
            );
        }
    }

    #[test]
    fn other_bodies() {
        let body = Body::parse(
            "application/x-www-form-urlencoded",
            b"a=1&a=2&%40jsonPayload=%7B%22b%22%3A3%7D",
        )
        .expect("a body");
        assert_eq!(body.text("a"), Ok("1"));
        assert_eq!(body.integer("b"), Ok(3));
        assert!(
            Body::parse("application/xml", b"<x/>")
                .expect("a body")
                .values
                .is_empty()
        );
        assert_eq!(
            Body::parse("text/plain", b"x").expect_err("a text"),
            BadBody::Unsupported
        );
        let answer = ApiError::from(BadBody::Unsupported);
        assert_eq!((answer.status, answer.message.as_str()), (400, UNSUPPORTED));
        assert!(Body::parse("text/plain", b"").is_ok());
    }
}
