//! Requests to services: bounded in time and size, their answers as JSON.

use hangar_sdk::fetch::{self, Request, Response};
use serde_json::Value;

use crate::providers::Unusable;

/// What one request may take.
const OPTIONS: &str = r#"{"timeoutMs":15000}"#;
/// No token and no user is longer.
const MOST_BYTES: usize = 1 << 20;

/// Sends a request.
///
/// # Errors
/// No answer, or one that is too long.
pub fn send(
    method: &str,
    url: &str,
    headers: Vec<(String, String)>,
    body: &str,
) -> Result<Response, Unusable> {
    let request = Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers,
        body: body.as_bytes().to_vec(),
        options: OPTIONS.to_owned(),
    };
    let response = fetch::send(&request).map_err(|error| error.message)?;
    if response.body.len() > MOST_BYTES {
        return Err(format!("the answer has more than {MOST_BYTES} bytes"));
    }
    Ok(response)
}

/// Sends a request whose answer is a JSON document.
///
/// # Errors
/// As [`send`], a status from 400, no JSON.
pub fn json(
    method: &str,
    url: &str,
    headers: Vec<(String, String)>,
    body: &str,
) -> Result<Value, Unusable> {
    let response = send(method, url, headers, body)?;
    if response.status >= 400 {
        return Err(format!("status {}", response.status));
    }
    serde_json::from_slice(&response.body)
        .map_err(|error| format!("the answer is no JSON: {error}"))
}
