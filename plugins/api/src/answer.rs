//! What every route answers with.

use hangar_model::ApiError;
use hangar_model::picker::Picker;
use hangar_sdk::http::{Request, Response};
use hangar_sdk::{Error, log};
use serde_json::Value;

/// A route that failed, for the client or for us.
pub enum Failure {
    /// Something the client is told.
    Client(ApiError),
    /// Something the client is not told: the host's error.
    Host(Error),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Client(error)
    }
}

impl From<Failure> for Error {
    /// The failure as it passes through hooks.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Host(error) => error,
            Failure::Client(error) => Self::answer(hangar_sdk::Answer {
                status: error.status,
                message: error.message,
                data: error.data,
            }),
        }
    }
}

impl From<Error> for Failure {
    /// An `api_error` (a hook or another plugin has decided the answer) becomes that answer.
    fn from(error: Error) -> Self {
        match error.into_answer() {
            Ok(answer) => Self::Client(ApiError {
                status: answer.status,
                message: answer.message,
                data: answer.data,
            }),
            Err(error) => Self::Host(error),
        }
    }
}

/// The result of a route.
pub type Answer = Result<Response, Failure>;

/// An error envelope.
pub fn error(error: &ApiError) -> Response {
    Response::json(error.status, error.to_json())
}

/// Turns a failure into its envelope. Host errors are logged and answered without their text.
pub fn finish(answer: Answer) -> Response {
    match answer {
        Ok(response) => response,
        Err(Failure::Client(api_error)) => error(&api_error),
        Err(Failure::Host(host_error)) => {
            // A hook's own error is in the log already.
            if host_error.code != "hook_error" {
                log::error(&format!(
                    "the request failed: {} ({})",
                    host_error.message, host_error.code
                ));
            }
            error(&ApiError::bad_request(""))
        }
    }
}

/// The keys by which a page of a list is known.
const PAGE: [&str; 5] = ["page", "perPage", "totalItems", "totalPages", "items"];

/// A JSON response, narrowed by `?fields=`.
///
/// # Errors
/// 400 for a `fields` expression that cannot be read.
pub fn json(request: &Request, text: String) -> Result<Response, ApiError> {
    let fields = query_value(request, "fields").unwrap_or_default();
    let Some(picker) = Picker::parse(&fields).map_err(|_| ApiError::bad_request(""))? else {
        return Ok(Response::json(200, text));
    };
    let mut value: Value = serde_json::from_str(&text).map_err(|_| ApiError::internal(""))?;
    // Of a page the items are narrowed, and its numbers stay.
    let is_page = PAGE.iter().all(|key| value.get(key).is_some());
    match value.get_mut("items").filter(|_| is_page) {
        Some(items) => picker.pick(items),
        None => picker.pick(&mut value),
    }
    Ok(Response::json(200, hangar_model::json::to_json(&value)))
}

/// The first value of a query parameter.
pub fn query_value(request: &Request, wanted: &str) -> Option<String> {
    if request.query.is_empty() {
        return None;
    }
    hangar_sdk::form::query(&request.query)
        .into_iter()
        .find_map(|(name, value)| (name == wanted).then_some(value))
}
