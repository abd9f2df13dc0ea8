//! Bodies of requests about settings.

use std::collections::HashSet;

use hangar_model::ApiError;
use hangar_model::bound::{BadBody, Submitted};
use hangar_sdk::form;
use hangar_sdk::http::Request;
use serde_json::{Map, Value};

use super::Settings;

/// What was sent.
///
/// # Errors
/// 400 for what cannot be read; a type that is not served is nothing else here.
pub fn of(request: &Request) -> Result<Submitted, ApiError> {
    let content_type = request.header("content-type").unwrap_or_default();
    Submitted::read(content_type, &request.body, &request.query, form::texts)
        .map_err(|_| unreadable())
}

/// 400 for what cannot be read.
pub fn unreadable() -> ApiError {
    BadBody::Unreadable.into()
}

/// The objects to merge into the settings: what the fields of a form say (`meta.appName`), then the documents.
///
/// # Errors
/// 400 for what is no object, and for a field that is not of its setting's type.
pub fn objects(submitted: Submitted) -> Result<Vec<Map<String, Value>>, ApiError> {
    let mut objects = Vec::new();
    if !submitted.fields.is_empty() {
        objects.push(from_form(submitted.fields).ok_or_else(unreadable)?);
    }
    for document in submitted.documents {
        match document {
            Value::Object(object) => objects.push(object),
            _ => return Err(unreadable()),
        }
    }
    Ok(objects)
}

/// The fields of a form as an object, typed as the settings of those names are; others are left out, and so are later
/// ones of a name. `None` for a text that is not of the type.
fn from_form(fields: Vec<(String, String)>) -> Option<Map<String, Value>> {
    let known = serde_json::to_value(Settings::initial()).ok()?;
    let mut body = Value::Object(Map::new());
    let mut seen = HashSet::new();
    for (name, text) in fields {
        if !seen.insert(name.clone()) {
            continue;
        }
        let path: Vec<&str> = name.split('.').collect();
        let Some(like) = path.iter().try_fold(&known, |level, key| level.get(key)) else {
            continue;
        };
        let value = match like {
            Value::Bool(_) => match text.as_str() {
                "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
                _ => return None,
            },
            Value::Number(_) if text.is_empty() => 0.into(),
            Value::Number(_) => text.parse::<i64>().ok()?.into(),
            Value::String(_) => text.into(),
            _ => continue,
        };
        let mut level = &mut body;
        for key in path {
            let Value::Object(map) = level else {
                return None;
            };
            level = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
        }
        *level = value;
    }
    match body {
        Value::Object(body) => Some(body),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_name_settings_by_their_path() {
        let read = |fields: &[(&str, &str)]| {
            let fields = fields
                .iter()
                .map(|(name, text)| ((*name).into(), (*text).into()));
            from_form(fields.collect()).map(Value::Object)
        };
        assert_eq!(
            read(&[
                ("meta.appName", "x"),
                ("batch.enabled", "true"),
                ("smtp.port", "25"),
                ("no.such", "y"),
                ("meta.appName", "the first counts"),
            ]),
            Some(
                json!({"meta": {"appName": "x"}, "batch": {"enabled": true}, "smtp": {"port": 25}})
            )
        );
        assert_eq!(read(&[("smtp.port", "many")]), None);
        assert_eq!(read(&[("batch.enabled", "maybe")]), None);
    }

    #[test]
    fn only_objects_are_merged() {
        let objects = |body: &str| {
            let body = Submitted::read("application/json", body.as_bytes(), "", form::texts);
            objects(body.expect("JSON")).map_err(|error| error.status)
        };
        assert_eq!(objects("{}"), Ok(vec![Map::new()]));
        for body in ["[]", "null", "\"x\""] {
            assert_eq!(objects(body), Err(400), "{body}");
        }
    }
}
