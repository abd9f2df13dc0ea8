//! `POST /api/settings/test/s3`: writes, lists and deletes a file in the bucket the settings name.

use hangar_failure::Answer;
use hangar_model::{ApiError, ValidationErrors};
use hangar_sdk::crypto::random;
use hangar_sdk::http::{Request, Response};
use hangar_sdk::{Error, storage};
use serde_json::json;

use super::rules::{one_of, required};
use super::{S3, body, store};
use crate::identity;

const FAILED: &str = "Failed to test the S3 filesystem.";

/// Serves the route.
pub fn test_s3(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let body = body::of(request)?.bind().map_err(ApiError::from)?;
    let which = body.text("filesystem").map_err(ApiError::from)?;
    let mut errors = ValidationErrors::new();
    errors.check("filesystem", required(!which.is_empty()));
    errors.check("filesystem", one_of(which, &["storage", "backups"]));
    errors
        .into_result()
        .map_err(|errors| ApiError::invalid(FAILED, errors))?;
    let settings = store::load()?;
    let s3 = match which {
        "backups" => settings.backups.s3,
        _ => settings.s3,
    };
    if !s3.enabled {
        return Err(raw("S3 storage filesystem is not enabled").into());
    }
    attempt(which, &s3).map_err(|error| raw(&error.message))?;
    Ok(Response::empty(204))
}

fn raw(message: &str) -> ApiError {
    ApiError::bad_request(&format!("{FAILED} Raw error: \n{message}"))
}

fn attempt(area: &str, s3: &S3) -> Result<(), Error> {
    let place = json!({"area": area, "s3": s3}).to_string();
    let folder = format!(
        "pb_settings_test_{}/",
        random::text(5, "abcdefghijklmnopqrstuvwxyz0123456789")?
    );
    let key = format!("{folder}test.txt");
    let step = |what: &str, result: Result<(), Error>| {
        result.map_err(|error| Error {
            message: format!("failed to {what}: {}", error.message),
            ..error
        })
    };
    step(
        "upload a test file",
        storage::write(&place, &key, "text/plain", b"test"),
    )?;
    step("list test files", storage::list(&place, &folder).map(drop))?;
    step(
        "delete a test file",
        storage::delete_folder(&place, &folder),
    )
}
