//! `/api/backups`.

use hangar_model::bound::{BadBody, Submitted};
use hangar_model::json::to_json;
use hangar_model::picker::Picker;
use hangar_model::{ApiError, FieldError, ValidationErrors, messages};
use hangar_sdk::http::{Request, Response};
use hangar_sdk::{Error, backup, form, log, storage};
use serde::Deserialize;
use serde_json::json;

use super::place::Place;
use super::{all, event, files, name, place};

const BUSY: &str = "Try again later - another backup/restore process has already been started.";
const MISSING: &str = "Missing or invalid backup file.";
const USED: &str = "The backup is currently being used and cannot be deleted.";
const GONE: &str = "Invalid or already deleted backup file.";
/// Restoring replaces the database under the server and takes as long as it takes, so it is done beside it.
const RESTORE: &str = "Backups are restored from the command line: hangar backup restore";

/// Who is asking.
#[derive(Deserialize)]
pub struct Identity {
    /// Whether it is a superuser.
    #[serde(default)]
    pub superuser: bool,
}

/// Answers a request.
pub fn handle(request: &Request) -> Response {
    let answer = match (request.method.as_str(), request.route.as_str()) {
        // A download is a link: it carries a token of its own instead of a header.
        ("GET", "/api/backups/{key}") => files::download(request),
        _ => superusers_only(request).and_then(|()| route(request)),
    };
    answer.unwrap_or_else(|error| Response::json(error.status, error.to_json()))
}

fn superusers_only(request: &Request) -> Result<(), ApiError> {
    let identity = request.identity.as_deref();
    let identity = identity.and_then(|text| serde_json::from_str::<Identity>(text).ok());
    match identity {
        Some(identity) if identity.superuser => Ok(()),
        other => Err(ApiError::superusers_only(other.is_some())),
    }
}

fn route(request: &Request) -> Result<Response, ApiError> {
    let key = request.params.first().map_or("", String::as_str);
    match (request.method.as_str(), request.route.as_str()) {
        ("GET", "/api/backups") => list(request),
        ("POST", "/api/backups") => create(request),
        ("POST", "/api/backups/upload") => files::upload(),
        ("DELETE", _) => delete(key),
        ("POST", _) => restore(key),
        _ => Err(ApiError::not_found("")),
    }
}

/// What the host says is for the log; the client gets a sentence.
fn failed(error: &Error) -> ApiError {
    log::error(&format!("backups: {} ({})", error.message, error.code));
    ApiError::bad_request("")
}

/// Where backups are.
pub fn current_place() -> Result<Place, ApiError> {
    place::current().map_err(|error| failed(&error))
}

fn list(request: &Request) -> Result<Response, ApiError> {
    let entries = all(&current_place()?).map_err(|error| {
        let what = "Failed to retrieve backup items. Raw error:";
        ApiError::bad_request(&format!("{what} \n{}", error.message))
    })?;
    let shown = entries
        .iter()
        .map(|entry| json!({"modified": entry.date(), "key": entry.key, "size": entry.size}));
    // PocketBase's order of keys.
    let texts: Vec<String> = shown
        .map(|entry| {
            format!(
                "{{\"modified\":{},\"key\":{},\"size\":{}}}",
                to_json(&entry["modified"]),
                to_json(&entry["key"]),
                entry["size"]
            )
        })
        .collect();
    let text = format!("[{}]", texts.join(","));
    let fields = hangar_sdk::form::query(&request.query)
        .into_iter()
        .find_map(|(name, value)| (name == "fields").then_some(value))
        .unwrap_or_default();
    let picker = Picker::parse(&fields).map_err(|_| ApiError::bad_request(""))?;
    let Some(picker) = picker else {
        return Ok(Response::json(200, text));
    };
    let mut value = serde_json::from_str(&text).map_err(|_| ApiError::internal(""))?;
    picker.pick(&mut value);
    Ok(Response::json(200, to_json(&value)))
}

fn create(request: &Request) -> Result<Response, ApiError> {
    if backup::busy().is_some() {
        return Err(ApiError::bad_request(BUSY));
    }
    let place = current_place()?;
    let wanted = wanted_name(request)?;
    let name = if wanted.is_empty() {
        name::generated("").map_err(|error| failed(&error))?
    } else {
        name::check(&wanted).map_err(invalid)?;
        // Also where the service does not say so, as in PocketBase.
        let free =
            storage::attributes(&place.text, &wanted).is_err_and(|error| error.code == "not_found");
        if !free {
            return Err(taken());
        }
        wanted
    };
    match event::create(&place, &name) {
        Ok(()) => Ok(Response::empty(204)),
        Err(error) if error.code == "busy" => Err(ApiError::bad_request(BUSY)),
        Err(error) if error.code == "exists" => Err(taken()),
        Err(error) => {
            log::error(&format!("a backup failed: {}", error.message));
            Err(ApiError::bad_request("Failed to create backup."))
        }
    }
}

fn taken() -> ApiError {
    invalid(FieldError::new(
        "validation_backup_name_exists",
        "The backup file name is invalid or already exists.",
    ))
}

fn invalid(error: FieldError) -> ApiError {
    ApiError::invalid(messages::INVALID_DATA, ValidationErrors::one("name", error))
}

/// The name in the body; empty for none.
fn wanted_name(request: &Request) -> Result<String, BadBody> {
    let content_type = request.header("content-type").unwrap_or_default();
    Submitted::read(content_type, &request.body, &request.query, form::texts)
        .and_then(Submitted::bind)
        .and_then(|body| body.text("name").map(str::to_owned))
        // A type that is not served is nothing else here.
        .map_err(|_| BadBody::Unreadable)
}

fn delete(key: &str) -> Result<Response, ApiError> {
    if backup::busy().is_some_and(|name| name == key) {
        return Err(ApiError::bad_request(USED));
    }
    let place = current_place()?;
    let gone = |error: Error| {
        log::error(&format!(
            "the backup {key:?} cannot be deleted: {}",
            error.message
        ));
        ApiError::bad_request(GONE)
    };
    // A bucket does not say whether there was one.
    if !place.remote {
        storage::attributes(&place.text, key).map_err(gone)?;
    }
    storage::delete(&place.text, key).map_err(gone)?;
    Ok(Response::empty(204))
}

fn restore(key: &str) -> Result<Response, ApiError> {
    if backup::busy().is_some() {
        return Err(ApiError::bad_request(BUSY));
    }
    if storage::attributes(&current_place()?.text, key).is_ok() {
        Err(ApiError::bad_request(RESTORE))
    } else {
        Err(ApiError::bad_request(MISSING))
    }
}
