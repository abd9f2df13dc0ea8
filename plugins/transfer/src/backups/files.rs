//! Backups as files: downloading and uploading them.

use hangar_model::file_names::stored_name;
use hangar_model::{ApiError, FieldError, Random, ValidationErrors, messages};
use hangar_sdk::http::{Payload, Request, Response};
use hangar_sdk::{auth, crypto, log, storage, uploads};
use serde::Deserialize;
use serde_json::json;

use super::api::{Identity, current_place};
use super::name;

const FORBIDDEN: &str = "Insufficient permissions to access the resource.";

/// A file of the form.
#[derive(Deserialize)]
struct Upload {
    field: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Sends a backup to whoever has a superuser's file token.
///
/// # Errors
/// 403 without one, 404 for a backup that is not there.
pub fn download(request: &Request) -> Result<Response, ApiError> {
    let token = hangar_sdk::form::query(&request.query)
        .into_iter()
        .find_map(|(name, value)| (name == "token").then_some(value))
        .unwrap_or_default();
    let identity = match token.is_empty() {
        true => None,
        false => auth::verify("file", &token).map_err(|_| ApiError::forbidden(FORBIDDEN))?,
    };
    let identity = identity.and_then(|text| serde_json::from_str::<Identity>(&text).ok());
    if !identity.is_some_and(|identity| identity.superuser) {
        return Err(ApiError::forbidden(FORBIDDEN));
    }
    let key = request.params.first().map_or("", String::as_str);
    let place = current_place()?;
    if storage::attributes(&place.text, key).is_err() {
        return Err(match place.remote {
            true => ApiError::bad_request(""),
            false => ApiError::not_found(""),
        });
    }
    let how = json!({
        "request": request.headers,
        "type": "application/zip",
        "headers": [
            ["cache-control", "max-age=2592000, stale-while-revalidate=86400"],
            ["content-disposition", format!("attachment; filename=\"{key}\"")],
            ["content-security-policy", "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox"],
        ],
    });
    let body = storage::defer(&place.text, key, &how.to_string()).map_err(|error| {
        log::error(&format!(
            "the backup {key} cannot be sent: {}",
            error.message
        ));
        ApiError::not_found("")
    })?;
    Ok(Response {
        status: 200,
        headers: Vec::new(),
        payload: Payload::Body(body),
    })
}

/// Keeps the file `file` of the form as a backup of its name.
///
/// # Errors
/// 400 for no file, one that is no ZIP, and a name that is taken or leads elsewhere.
pub fn upload() -> Result<Response, ApiError> {
    // A body that is no form has no files.
    let files = uploads::files().unwrap_or_else(|_| "[]".into());
    let files: Vec<Upload> = serde_json::from_str(&files).unwrap_or_default();
    let (at, file) = files
        .iter()
        .enumerate()
        .find(|(_, file)| file.field == "file")
        .ok_or_else(|| invalid(FieldError::new("validation_required", "Cannot be blank.")))?;
    if file.kind.split(';').next() != Some("application/zip") {
        // Named as a field of files would name it.
        let name = stored_name(&file.name, "", &mut Letters);
        let text = format!("{name:?} mime type must be one of: application/zip.");
        return Err(invalid(FieldError::new(
            "validation_invalid_mime_type",
            text,
        )));
    }
    if !name::may_stay(&file.name) {
        return Err(invalid(FieldError::new(
            "validation_match_invalid",
            "Must be in a valid format.",
        )));
    }
    let failed = |error: hangar_sdk::Error| {
        log::error(&format!(
            "an uploaded backup cannot be kept: {}",
            error.message
        ));
        ApiError::bad_request("Failed to upload backup.")
    };
    let place = current_place()?;
    let known = storage::attributes(&place.text, &file.name);
    // Also where the service does not say so, as in PocketBase.
    if !known.is_err_and(|error| error.code == "not_found") {
        return Err(invalid(FieldError::new(
            "validation_backup_name_exists",
            "Backup file with the specified name already exists.",
        )));
    }
    let at = u32::try_from(at).unwrap_or_default();
    storage::put(&place.text, &file.name, at).map_err(failed)?;
    Ok(Response::empty(204))
}

struct Letters;

impl Random for Letters {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        // They stand in a message only.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        crypto::random::text(length, alphabet).unwrap_or_default()
    }
}

fn invalid(error: FieldError) -> ApiError {
    ApiError::invalid(messages::INVALID_DATA, ValidationErrors::one("file", error))
}
