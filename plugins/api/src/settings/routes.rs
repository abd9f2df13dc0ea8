//! `GET` and `PATCH /api/settings`.

use hangar_model::ApiError;
use hangar_sdk::form::{self, FormError};
use hangar_sdk::http::{Request, Response};
use hangar_sdk::kv::revisions;
use hangar_sdk::postgres;
use serde_json::{Map, Value};

use super::{Settings, store};
use crate::answer::{self, Answer, Failure};
use crate::identity;

/// Topic of `hangar:kv/revisions` that is bumped when the settings have changed.
const TOPIC: &str = "settings";
const UNREADABLE: &str = "An error occurred while loading the submitted data.";
const INVALID: &str = "An error occurred while saving the new settings.";

/// The settings without secrets.
pub fn show(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    respond(request, &store::load()?)
}

/// Merges the body into the settings.
pub fn update(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let settings = merge(&bodies(request)?)?;
    respond(request, &settings)
}

/// Merges objects into the settings, stores them and lets them hold.
pub fn merge(bodies: &[Map<String, Value>]) -> Result<Settings, Failure> {
    let settings = change(bodies)?;
    revisions::bump(TOPIC);
    super::apply(&settings)?;
    Ok(settings)
}

fn change(bodies: &[Map<String, Value>]) -> Result<Settings, Failure> {
    // The row is locked from reading to writing, so that two changes at once both count.
    let transaction = postgres::begin()?;
    let mut settings = store::load_locked()?;
    for body in bodies {
        settings = settings
            .merged(body)
            .ok_or_else(|| ApiError::bad_request(UNREADABLE))?;
    }
    let errors = settings.validate();
    if !errors.is_empty() {
        return Err(ApiError::invalid(INVALID, errors).into());
    }
    store::save(&settings)?;
    postgres::Transaction::commit(transaction)?;
    Ok(settings)
}

fn respond(request: &Request, settings: &Settings) -> Result<Response, Failure> {
    Ok(answer::json(
        request,
        hangar_model::json::to_json(&settings.without_secrets()),
    )?)
}

/// The objects to merge: the JSON body, or the `@jsonPayload` fields of a form.
fn bodies(request: &Request) -> Result<Vec<Map<String, Value>>, ApiError> {
    let unreadable = || ApiError::bad_request(UNREADABLE);
    if request.body.is_empty() {
        return Ok(Vec::new());
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        // Like Go's decoder: the first document counts, what follows it does not.
        let mut documents = serde_json::Deserializer::from_slice(&request.body).into_iter();
        return documents
            .next()
            .transpose()
            .map(|body| body.into_iter().collect())
            .map_err(|_| unreadable());
    }
    match form::parse(content_type, &request.body) {
        Ok(parts) => parts
            .iter()
            .filter(|part| part.name == "@jsonPayload")
            .map(|part| serde_json::from_str(&part.text()).map_err(|_| unreadable()))
            .collect(),
        Err(FormError::NotAForm | FormError::Malformed | FormError::TooManyParts) => {
            Err(unreadable())
        }
    }
}
