//! The second factor: the first method leaves a session behind, a different one must complete it.

use hangar_failure::Failure;
use hangar_model::ApiError;
use hangar_sdk::collections;
use hangar_sdk::http::Response;
use serde_json::{Map, Value, json};

use crate::access;
use crate::claims;
use crate::respond::{Login, parameter};

/// Collection of the sessions.
const SESSIONS: &str = "_mfas";
const UNREADABLE: &str = "Failed to read MFA Id.";
const EXPIRED: &str = "Invalid or expired MFA session.";
const FOREIGN: &str = "Invalid MFA session.";
const SAME_METHOD: &str = "A different authentication method is required.";

/// `None` if the login is complete; the answer to a first factor if another one is needed.
///
/// # Errors
/// 400 for a session that is unknown, over, somebody else's, or was begun with the same method.
pub fn check(login: &Login) -> Result<Option<Response>, Failure> {
    let options = &login.accounts.options.mfa;
    if !options.enabled || login.method.is_empty() || !wanted(login)? {
        return Ok(None);
    }
    let id = session_id(login)?;
    if id.is_empty() {
        let session = begin(login)?;
        return Ok(Some(Response::json(
            401,
            json!({"mfaId": session}).to_string(),
        )));
    }
    let session = match collections::find(SESSIONS, &id) {
        Ok(text) => {
            serde_json::from_str::<Map<String, Value>>(&text).map_err(hangar_sdk::Error::from)?
        }
        Err(error) if error.code == "not_found" => {
            return Err(ApiError::bad_request(EXPIRED).into());
        }
        Err(error) => return Err(error.into()),
    };
    let text = |name: &str| {
        session
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if is_over(text("created"), options.duration, claims::now()) {
        collections::delete(SESSIONS, &id)?;
        return Err(ApiError::bad_request(EXPIRED).into());
    }
    if text("recordRef") != login.record.id()
        || text("collectionRef") != login.accounts.collection.id
    {
        return Err(ApiError::bad_request(FOREIGN).into());
    }
    if text("method") == login.method {
        return Err(ApiError::bad_request(SAME_METHOD).into());
    }
    collections::delete(SESSIONS, &id)?;
    Ok(None)
}

/// Whether the collection asks this record for a second factor.
fn wanted(login: &Login) -> Result<bool, Failure> {
    let rule = login.accounts.options.mfa.rule.trim();
    if rule.is_empty() {
        return Ok(true);
    }
    access::meets(
        &login.accounts.collection,
        login.record.id(),
        rule,
        &login.filter_request(),
    )
}

/// From the query, else from the body.
fn session_id(login: &Login) -> Result<String, ApiError> {
    let id = parameter(login.request, "mfaId");
    if !id.is_empty() {
        return Ok(id);
    }
    login
        .body
        .text("mfaId")
        .map(str::to_owned)
        .map_err(|_| ApiError::bad_request(UNREADABLE))
}

fn begin(login: &Login) -> Result<String, Failure> {
    let session = json!({
        "collectionRef": login.accounts.collection.id,
        "recordRef": login.record.id(),
        "method": login.method,
    });
    let stored = collections::save(SESSIONS, &session.to_string(), r#"{"isNew":true}"#)?;
    let stored: Value = serde_json::from_str(&stored).map_err(hangar_sdk::Error::from)?;
    Ok(stored["id"].as_str().unwrap_or_default().to_owned())
}

/// Whether more than `duration` seconds have passed since a canonical date. A date that cannot be read has passed.
fn is_over(created: &str, duration: i64, now: i64) -> bool {
    let begun =
        hangar_model::date::parse(created).map(|milliseconds| milliseconds.div_euclid(1000));
    begun.is_none_or(|begun| begun.saturating_add(duration) < now)
}

#[cfg(test)]
mod tests {
    use super::is_over;

    #[test]
    fn sessions_end() {
        let begun = 1_795_472_488;
        assert!(!is_over("2026-11-23 22:21:28.988Z", 600, begun + 600));
        assert!(is_over("2026-11-23 22:21:28.988Z", 600, begun + 601));
        assert!(is_over("", 600, begun));
    }
}
