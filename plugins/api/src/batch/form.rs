//! What was submitted: JSON, or a form with the JSON in `@jsonPayload` and files beside it.

use hangar_model::ApiError;
use hangar_model::bound::spell;
use hangar_model::strict_json::Strict;
use hangar_sdk::form;
use hangar_sdk::http::Request;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

const UNREADABLE: &str = "Failed to read the submitted batch data.";

/// A submitted batch.
#[derive(Clone, Default)]
pub struct Form {
    /// The requests, in order.
    pub parts: Vec<Part>,
    /// Files for them.
    pub files: Vec<File>,
}

/// One request.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Part {
    /// Its body.
    pub body: Option<Map<String, Value>>,
    /// Its own headers.
    pub headers: Option<Map<String, Value>>,
    /// Its method.
    #[serde(deserialize_with = "text")]
    pub method: String,
    /// Path and query.
    #[serde(deserialize_with = "text")]
    pub url: String,
}

/// A file of one request.
#[derive(Clone)]
pub struct File {
    /// Which request it is for.
    pub part: usize,
    /// The field.
    pub field: String,
    /// Its name there.
    pub name: String,
    /// Its type, as the client says.
    pub content_type: String,
    /// What is in it.
    pub data: Vec<u8>,
}

/// Go takes null for a text that is not there.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Form {
    /// Reads a request.
    ///
    /// # Errors
    /// 400 for what cannot be read.
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let unreadable = || ApiError::bad_request(UNREADABLE);
        let mut form = Self::default();
        if request.body.is_empty() {
            return Ok(form);
        }
        let content_type = request.header("content-type").unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        // Go's binder knows it in lower case only.
        if kind == "application/json" {
            // Like Go's decoder: the first document counts, what follows it does not.
            let mut documents = serde_json::Deserializer::from_slice(&request.body).into_iter();
            if let Some(document) = documents.next() {
                let Strict(document) = document.map_err(|_| unreadable())?;
                form.take(document)?;
            }
            return Ok(form);
        }
        let values = form::parse(content_type, &request.body).map_err(|_| unreadable())?;
        for value in &values {
            match &value.file_name {
                None if value.name == "@jsonPayload" => {
                    let Strict(document) =
                        serde_json::from_str(&value.text()).map_err(|_| unreadable())?;
                    form.take(document)?;
                }
                None if value.name == "requests" => return Err(unreadable()),
                None => {}
                Some(name) => {
                    if let Some((part, field)) = target(&value.name) {
                        form.files.push(File {
                            part,
                            field: field.to_owned(),
                            name: name.clone(),
                            content_type: value.content_type.clone(),
                            data: value.data.to_vec(),
                        });
                    }
                }
            }
        }
        Ok(form)
    }

    fn take(&mut self, document: Value) -> Result<(), ApiError> {
        let unreadable = || ApiError::bad_request(UNREADABLE);
        let requests = match object(document, &["requests"])?.remove("requests") {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Array(requests)) => requests,
            Some(_) => return Err(unreadable()),
        };
        let parts = requests.into_iter().map(part);
        let parts: Vec<Option<Part>> = parts.collect::<Result<_, _>>()?;
        self.parts.clear();
        for part in parts {
            // PocketBase fails here, too.
            let part = part.ok_or_else(|| ApiError::internal(""))?;
            let texts = part.headers.iter().flat_map(Map::values);
            if texts
                .clone()
                .any(|value| !value.is_string() && !value.is_null())
            {
                return Err(unreadable());
            }
            self.parts.push(part);
        }
        Ok(())
    }
}

/// An object with these names in any case.
fn object(value: Value, names: &[&str]) -> Result<Map<String, Value>, ApiError> {
    let unreadable = || ApiError::bad_request(UNREADABLE);
    let Value::Object(mut values) = value else {
        return Err(unreadable());
    };
    spell(&mut values, names).map_err(|_| unreadable())?;
    Ok(values)
}

fn part(value: Value) -> Result<Option<Part>, ApiError> {
    if value.is_null() {
        return Ok(None);
    }
    let values = object(value, &["body", "headers", "method", "url"])?;
    let part = serde_json::from_value(Value::Object(values));
    part.map(Some)
        .map_err(|_| ApiError::bad_request(UNREADABLE))
}

/// `requests.N.field` or `requests[N].field`, the number written in one way only.
fn target(name: &str) -> Option<(usize, &str)> {
    let rest = name.strip_prefix("requests")?;
    let (number, field) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once("].")?,
        None => rest.strip_prefix('.')?.split_once('.')?,
    };
    let part: usize = number.parse().ok()?;
    (!field.is_empty() && part.to_string() == number).then_some((part, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_any_case_and_come_once() {
        let read = |text: &str| {
            let mut form = Form::default();
            let Strict(document) = serde_json::from_str(text).map_err(|_| 0_u16)?;
            form.take(document).map_err(|error| error.status)?;
            Ok(form.parts)
        };
        let parts = read(r#"{"Requests":[{"METHOD":"POST","Url":"/x","BODY":{"Title":1}}]}"#)
            .expect("readable");
        assert_eq!(
            (parts[0].method.as_str(), parts[0].url.as_str()),
            ("POST", "/x")
        );
        let body = parts[0].body.as_ref().expect("a body");
        assert_eq!(body["Title"], 1);
        assert_eq!(read(r#"{"requests":null}"#), Ok(Vec::new()));
        for (text, status) in [
            (r#"{"requests":[{"method":"GET","Method":"PUT"}]}"#, 400),
            (r#"{"requests":[],"Requests":[]}"#, 400),
            (r#"{"requests":[{"body":{"a":1,"a":2}}]}"#, 0),
            (r#"{"requests":[{"method":5}]}"#, 400),
            (r#"{"requests":[[]]}"#, 400),
            (r#"{"requests":{}}"#, 400),
            (r#"{"requests":[null]}"#, 500),
            ("[]", 400),
        ] {
            assert_eq!(read(text), Err(status), "{text}");
        }
    }

    #[test]
    fn files_name_their_request() {
        assert_eq!(target("requests.0.docs"), Some((0, "docs")));
        assert_eq!(target("requests[12].docs+"), Some((12, "docs+")));
        for other in [
            "requests.0",
            "requests.x.docs",
            "requests[1.docs",
            "requests.00.docs",
            "requests.+1.docs",
            "Requests.1.docs",
            "docs",
            "requests.0.",
        ] {
            assert_eq!(target(other), None, "{other}");
        }
    }
}
