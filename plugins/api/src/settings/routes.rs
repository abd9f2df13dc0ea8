//! `GET` and `PATCH /api/settings`.

use hangar_model::ApiError;
use hangar_sdk::form;
use hangar_sdk::http::{Request, Response};
use hangar_sdk::kv::revisions;
use hangar_sdk::log;
use hangar_sdk::postgres;
use serde_json::{Map, Value, json};

use super::{Settings, TOPIC, store};
use crate::answer::{self, Answer, Failure};
use crate::{events, identity};

const UNREADABLE: &str = "An error occurred while loading the submitted data.";
const INVALID: &str = "An error occurred while saving the new settings.";

/// The settings without secrets.
pub fn show(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let settings = store::load()?;
    let document = || Ok(json!({"settings": settings.without_secrets()}));
    events::around(
        "onSettingsListRequest",
        request,
        document,
        |changed| match changed.get("settings") {
            Some(settings) => answered(request, settings),
            None => respond(request, &settings),
        },
    )
}

/// Merges the body into the settings.
pub fn update(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let bodies = bodies(request)?;
    let document = || {
        let old = store::load()?;
        let new = with(old.clone(), &bodies)?;
        let (old, new) = (old.without_secrets(), new.without_secrets());
        Ok(json!({"oldSettings": old, "newSettings": new}))
    };
    events::around("onSettingsUpdateRequest", request, document, |changed| {
        let mut bodies = bodies.clone();
        // Merged last: what handlers have not touched is what the body says anyway.
        if let Some(Value::Object(settings)) = changed.get("newSettings") {
            bodies.push(settings.clone());
        }
        respond(request, &merge(&bodies)?)
    })
}

/// The settings with objects merged in.
fn with(mut settings: Settings, bodies: &[Map<String, Value>]) -> Result<Settings, ApiError> {
    for body in bodies {
        settings = settings
            .merged(body)
            .ok_or_else(|| ApiError::bad_request(UNREADABLE))?;
    }
    Ok(settings)
}

/// Merges objects into the settings, stores them and lets them hold.
pub fn merge(bodies: &[Map<String, Value>]) -> Result<Settings, Failure> {
    let settings = change(bodies)?;
    revisions::bump(TOPIC);
    // They are stored: that somebody could not follow is all there is to say.
    super::reload(&settings).map_err(|error| {
        log::error(&format!(
            "the settings do not hold everywhere: {}",
            error.message
        ));
        ApiError::bad_request(INVALID)
    })?;
    Ok(settings)
}

fn change(bodies: &[Map<String, Value>]) -> Result<Settings, Failure> {
    // The row is locked from reading to writing, so that two changes at once both count.
    let transaction = postgres::begin()?;
    let settings = with(store::load_locked()?, bodies)?;
    let errors = settings.validate();
    if !errors.is_empty() {
        return Err(ApiError::invalid(INVALID, errors).into());
    }
    store::save(&settings)?;
    postgres::Transaction::commit(transaction)?;
    Ok(settings)
}

fn respond(request: &Request, settings: &Settings) -> Result<Response, Failure> {
    answered(request, &settings.without_secrets())
}

fn answered(request: &Request, settings: &impl serde::Serialize) -> Result<Response, Failure> {
    let text = hangar_model::json::to_json(settings);
    Ok(answer::json(request, text)?)
}

/// The objects to merge: the JSON body, or the fields of a form (`meta.appName`) and then its `@jsonPayload`.
///
/// # Errors
/// 400 for what cannot be read.
pub fn bodies(request: &Request) -> Result<Vec<Map<String, Value>>, ApiError> {
    let unreadable = || ApiError::bad_request(UNREADABLE);
    if request.body.is_empty() {
        return Ok(Vec::new());
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    // Go's binder knows it in lower case only.
    if kind == "application/json" {
        // Like Go's decoder: the first document counts, what follows it does not.
        let mut documents = serde_json::Deserializer::from_slice(&request.body).into_iter();
        return documents
            .next()
            .transpose()
            .map(|body| body.into_iter().collect())
            .map_err(|_| unreadable());
    }
    let parts = form::parse(content_type, &request.body).map_err(|_| unreadable())?;
    let texts = parts.iter().filter(|part| part.file_name.is_none());
    let (documents, fields): (Vec<_>, Vec<_>) = texts.partition(|part| part.name == "@jsonPayload");
    let fields = fields.iter().map(|part| (part.name.as_str(), part.text()));
    let mut bodies = vec![from_form(fields).ok_or_else(unreadable)?];
    for document in documents {
        bodies.push(serde_json::from_str(&document.text()).map_err(|_| unreadable())?);
    }
    Ok(bodies)
}

/// The fields of a form as an object, typed as the settings of those names are; others are left out. `None` for a text
/// that is not of the type.
fn from_form<'a>(
    fields: impl Iterator<Item = (&'a str, std::borrow::Cow<'a, str>)>,
) -> Option<Map<String, Value>> {
    let known = serde_json::to_value(Settings::initial()).ok()?;
    let mut body = Value::Object(Map::new());
    for (name, text) in fields {
        let path: Vec<&str> = name.split('.').collect();
        let Some(like) = path.iter().try_fold(&known, |level, key| level.get(key)) else {
            continue;
        };
        let value = match like {
            Value::Bool(_) => match &*text {
                "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
                _ => return None,
            },
            Value::Number(_) if text.is_empty() => 0.into(),
            Value::Number(_) => text.parse::<i64>().ok()?.into(),
            Value::String(_) => text.into_owned().into(),
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
        let read = |fields: &[(&'static str, &'static str)]| {
            let fields = fields.iter().map(|(name, text)| (*name, (*text).into()));
            from_form(fields).map(Value::Object)
        };
        assert_eq!(
            read(&[
                ("meta.appName", "x"),
                ("batch.enabled", "true"),
                ("smtp.port", "25"),
                ("no.such", "y")
            ]),
            Some(
                json!({"meta": {"appName": "x"}, "batch": {"enabled": true}, "smtp": {"port": 25}})
            )
        );
        assert_eq!(read(&[("smtp.port", "many")]), None);
        assert_eq!(read(&[("batch.enabled", "maybe")]), None);
    }
}
