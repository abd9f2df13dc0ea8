//! What was submitted: JSON, or a form with the JSON in `@jsonPayload` and files beside it.

use hangar_model::ApiError;
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

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    requests: Option<Vec<Option<Part>>>,
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
                form.take(document.map_err(|_| unreadable())?)?;
            }
            return Ok(form);
        }
        let values = form::parse(content_type, &request.body).map_err(|_| unreadable())?;
        for value in &values {
            match &value.file_name {
                None if value.name == "@jsonPayload" => {
                    form.take(serde_json::from_str(&value.text()).map_err(|_| unreadable())?)?;
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

    fn take(&mut self, document: Document) -> Result<(), ApiError> {
        let Some(requests) = document.requests else {
            return Ok(());
        };
        self.parts.clear();
        for part in requests {
            // PocketBase fails here, too.
            let part = part.ok_or_else(|| ApiError::internal(""))?;
            let texts = part.headers.iter().flat_map(Map::values);
            if texts
                .clone()
                .any(|value| !value.is_string() && !value.is_null())
            {
                return Err(ApiError::bad_request(UNREADABLE));
            }
            self.parts.push(part);
        }
        Ok(())
    }
}

/// `requests.N.field` or `requests[N].field`.
fn target(name: &str) -> Option<(usize, &str)> {
    let rest = name.strip_prefix("requests")?;
    let (number, field) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once("].")?,
        None => rest.strip_prefix('.')?.split_once('.')?,
    };
    (!field.is_empty()).then_some((number.parse().ok()?, field))
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn files_name_their_request() {
        assert_eq!(target("requests.0.docs"), Some((0, "docs")));
        assert_eq!(target("requests[12].docs+"), Some((12, "docs+")));
        for other in [
            "requests.0",
            "requests.x.docs",
            "requests[1.docs",
            "docs",
            "requests.0.",
        ] {
            assert_eq!(target(other), None, "{other}");
        }
    }
}
