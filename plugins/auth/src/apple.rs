//! `POST /api/settings/apple/generate-client-secret`.

use hangar_failure::Answer;
use hangar_model::{ApiError, FieldError, ValidationErrors, json, value_rules};
use hangar_sdk::crypto;
use hangar_sdk::http::Request;
use serde::Serialize;

use crate::body;
use crate::claims;
use crate::forms;
use crate::identity::{self, Identity};
use crate::respond;

const INVALID: &str = "Invalid client secret data.";
const FAILED: &str = "Failed to generate client secret.";
/// Six months: Apple takes no longer ones.
const MOST_SECONDS: i64 = 15_777_000;
const ID_LENGTH: usize = 10;
const AUDIENCE: &str = "https://appleid.apple.com";

/// What the secret says, in the order PocketBase writes it.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: [&'a str; 1],
    exp: i64,
    iat: i64,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// Serves the route.
pub fn generate(request: &Request) -> Answer {
    identity::require_superuser(Identity::of(request)?.as_ref())?;
    let body = body::of(request)?;
    let (client, team, key_id, key) = (
        body.text("clientId")?,
        body.text("teamId")?,
        body.text("keyId")?,
        body.text("privateKey")?,
    );
    let duration = body.integer("duration")?;
    let mut errors = ValidationErrors::new();
    errors.check("clientId", required(client));
    errors.check("teamId", forms::length(team, ID_LENGTH, ID_LENGTH));
    errors.check("keyId", forms::length(key_id, ID_LENGTH, ID_LENGTH));
    errors.check("privateKey", check_key(key));
    errors.check("duration", forms::between(duration, 1, MOST_SECONDS));
    if !errors.is_empty() {
        return Err(ApiError::invalid(INVALID, errors).into());
    }
    let now = claims::now();
    let header = Header {
        alg: "ES256",
        kid: key_id,
        typ: "JWT",
    };
    let claims = Claims {
        iss: team,
        sub: client,
        aud: [AUDIENCE],
        exp: now + duration,
        iat: now,
    };
    let signed =
        crypto::jwt::sign_with(&json::to_json(&header), &json::to_json(&claims), key.trim());
    match signed {
        Ok(secret) => respond::picked(request, serde_json::json!({"secret": secret})),
        Err(error) => {
            let message = format!("{FAILED} Raw error: \n{}", error.message);
            Err(ApiError::bad_request(&message).into())
        }
    }
}

fn required(text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return Err(value_rules::required());
    }
    Ok(())
}

fn check_key(text: &str) -> Result<(), FieldError> {
    required(text)?;
    let framed = text
        .find("-----BEGIN PRIVATE KEY-----")
        .zip(text.find("-----END PRIVATE KEY-----"));
    match framed {
        Some((begin, end)) if begin < end => Ok(()),
        _ => Err(FieldError::new(
            "validation_match_invalid",
            "must be in a valid format",
        )),
    }
}
