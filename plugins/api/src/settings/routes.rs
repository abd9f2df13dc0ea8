//! `GET` and `PATCH /api/settings`.

use hangar_failure::{Answer, Failure};
use hangar_model::ApiError;
use hangar_sdk::http::{Request, Response};
use hangar_sdk::kv::revisions;
use hangar_sdk::log;
use hangar_sdk::postgres;
use serde_json::{Map, Value, json};

use super::{Settings, TOPIC, body, store};
use crate::answer;
use crate::{events, identity};

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
    let bodies = body::objects(body::of(request)?)?;
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
        settings = settings.merged(body).ok_or_else(body::unreadable)?;
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
