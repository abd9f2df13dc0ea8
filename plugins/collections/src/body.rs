//! Request bodies: JSON, url-encoded and multipart forms become one map of values.

use std::mem::discriminant;
use std::rc::Rc;

use hangar_model::ApiError;
use hangar_sdk::http::Request;
use hangar_sdk::uploads;
use serde_json::{Map, Value};

use crate::files::{self, Upload};
use crate::multipart;
use hangar_model::bound::is_url_encoded;
use hangar_model::strict_json::Strict;

/// Form field whose text is JSON and is merged over the others.
const JSON_PAYLOAD: &str = "@jsonPayload";

/// A parsed body.
#[derive(Debug, Default)]
pub struct Body {
    /// Values by key; of forms typed by inference.
    pub values: Map<String, Value>,
    /// Files of a form that the host has taken apart.
    pub files: Rc<[Upload]>,
    /// It is said to be a form, and has not even an end.
    pub is_missing_form: bool,
}

impl Body {
    /// # Errors
    /// 400 if the form is missing, as where its files are looked for.
    pub fn check_form(&self) -> Result<(), ApiError> {
        match self.is_missing_form {
            true => Err(ApiError::bad_request("Failed to read the submitted data.")),
            false => Ok(()),
        }
    }
}

/// The body of a request, also of one whose form the host has taken apart.
///
/// # Errors
/// As [`parse`].
pub fn read(request: &Request) -> Result<Body, ApiError> {
    let content_type = request.header("content-type");
    let may_be_form = content_type.is_some_and(|kind| kind.starts_with("multipart/"));
    if !request.body.is_empty() || !may_be_form {
        return parse(content_type, &request.body);
    }
    match uploads::fields().map_err(|_| bad())? {
        None => Ok(Body {
            is_missing_form: true,
            ..Body::default()
        }),
        Some(fields) => Ok(Body {
            files: files::of_request().map_err(|_| bad())?.into(),
            ..form(fields)?
        }),
    }
}

/// Parses a body by its content type. An empty body is an empty map whatever the type.
///
/// # Errors
/// 400 as PocketBase answers it: a type that is not served, text that cannot be parsed, or a JSON document that is no
/// object.
pub fn parse(content_type: Option<&str>, bytes: &[u8]) -> Result<Body, ApiError> {
    if bytes.is_empty() {
        return Ok(Body::default());
    }
    let content_type = content_type.unwrap_or_default();
    // Types are told by how they begin, and in lower case only.
    let is = |kind: &str| content_type.starts_with(kind);
    if is("application/json") {
        json(bytes)
    } else if is("application/x-www-form-urlencoded") {
        if !is_url_encoded(bytes) {
            return Err(bad());
        }
        let pairs = form_urlencoded::parse(bytes)
            .map(|(name, value)| (name.into_owned(), value.into_owned()));
        form(pairs.collect())
    } else if is("multipart/form-data") {
        let parameters = content_type.split_once(';').map_or("", |(_, rest)| rest);
        form(multipart::parse(parameters, bytes).ok_or_else(bad)?)
    } else if is("text/xml") || is("application/xml") {
        // Known to PocketBase, but a map cannot be read from it.
        Err(bad())
    } else {
        Err(ApiError::bad_request("Unsupported Content-Type."))
    }
}

fn bad() -> ApiError {
    ApiError::bad_request("")
}

fn json(bytes: &[u8]) -> Result<Body, ApiError> {
    // Like Go's decoder: the first document counts, what follows it does not.
    let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Strict>();
    match documents.next() {
        Some(Ok(Strict(Value::Object(values)))) => Ok(Body {
            values,
            ..Body::default()
        }),
        Some(Ok(Strict(Value::Null))) | None => Ok(Body::default()),
        Some(_) => Err(bad()),
    }
}

fn form(pairs: Vec<(String, String)>) -> Result<Body, ApiError> {
    let mut values = Map::new();
    let mut payloads = Vec::new();
    for (name, text) in pairs {
        if name == JSON_PAYLOAD {
            payloads.push(text);
            continue;
        }
        let value = infer(text);
        match values.get_mut(&name) {
            None => {
                values.insert(name, value);
            }
            Some(Value::Array(items)) => items.push(value),
            Some(single) => {
                let first = single.take();
                *single = Value::Array(vec![first, value]);
            }
        }
    }
    for payload in payloads {
        match serde_json::from_str(&payload).map_err(|_| bad())? {
            Value::Object(map) => merge(&mut values, map)?,
            Value::Null => values.clear(),
            _ => return Err(bad()),
        }
    }
    Ok(Body {
        values,
        ..Body::default()
    })
}

/// Values of a payload win over those of fields, of which they may not differ in type.
fn merge(values: &mut Map<String, Value>, payload: Map<String, Value>) -> Result<(), ApiError> {
    for (name, value) in payload {
        let same = match values.get(&name) {
            None | Some(Value::Null) => true,
            Some(had) => value.is_null() || discriminant(had) == discriminant(&value),
        };
        if !same {
            return Err(bad());
        }
        values.insert(name, value);
    }
    Ok(())
}

/// The value a form text stands for: `true` and `false` are bools, plain decimal numbers that print as they were
/// written are numbers (`007`, `1.0` and `+5` are not), all else is text.
pub fn infer(text: String) -> Value {
    match text.as_str() {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    let numeric = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'.');
    if numeric
        && let Ok(number) = text.parse::<f64>()
        && number.to_string() == text
        && let Some(number) = serde_json::Number::from_f64(number)
    {
        return Value::Number(number);
    }
    Value::String(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_are_typed_by_inference() {
        for (text, value) in [
            ("true", json!(true)),
            ("12", json!(12.0)),
            ("-1.5", json!(-1.5)),
            ("007", json!("007")),
            ("1.0", json!("1.0")),
            ("+5", json!("+5")),
            ("1e3", json!("1e3")),
            ("", json!("")),
            ("-", json!("-")),
            ("null", json!("null")),
        ] {
            assert_eq!(infer(text.into()), value, "{text}");
        }
    }

    #[test]
    fn urlencoded_bodies() {
        let body = parse(
            Some("application/x-www-form-urlencoded; charset=utf-8"),
            b"a=1&b=x%20y&b=z&@jsonPayload=%7B%22a%22%3A2%2C%22c%22%3A%7B%22q%22%3A1%7D%7D",
        )
        .expect("well-formed");
        assert_eq!(
            Value::Object(body.values),
            json!({"a": 2, "b": ["x y", "z"], "c": {"q": 1}})
        );
    }

    #[test]
    fn bad_bodies_are_refused() {
        let status = |kind: &str, text: &str| {
            parse(Some(kind), text.as_bytes())
                .err()
                .map(|error| error.status)
        };
        assert_eq!(status("application/json", "{\"t\":"), Some(400));
        assert_eq!(status("application/json", "[1]"), Some(400));
        assert_eq!(status("application/json", &"[".repeat(100_000)), Some(400));
        assert_eq!(status("application/json", "{\"n\":1e999}"), Some(400));
        assert_eq!(status("application/json", "{\"a\":1,\"a\":2}"), Some(400));
        assert_eq!(
            status("application/x-www-form-urlencoded", "t=%zz"),
            Some(400)
        );
        assert_eq!(
            status("application/x-www-form-urlencoded", "t=%"),
            Some(400)
        );
        assert_eq!(
            status("application/x-www-form-urlencoded", "t=1;a=2"),
            Some(400)
        );
        assert_eq!(status("text/plain", "x"), Some(400));
        assert_eq!(status("text/plain", ""), None);
    }
}
