//! Requests that no route takes, and errors the host met before or after a plugin could answer.

use hangar_model::ApiError;
use hangar_sdk::http::{Request, Response};

use crate::answer;

/// Answers a request that no route takes, or says in PocketBase's words what the host has to say.
pub fn answer(request: &Request) -> Response {
    let status = request
        .header("x-hangar-status")
        .and_then(|status| status.parse().ok());
    match (request.header("x-hangar-error"), status) {
        (Some(_), status) => host_error(status.unwrap_or(500)),
        (None, _) => answer::error(&not_found(&request.method)),
    }
}

/// A file might have been meant by a GET, nothing by anything else.
fn not_found(method: &str) -> ApiError {
    ApiError::not_found(if method == "GET" || method == "HEAD" {
        "File not found."
    } else {
        ""
    })
}

/// The envelope of an error of the host. Its message is for operators and stays in the log.
fn host_error(status: u16) -> Response {
    let error = envelope(status);
    let mut response = answer::error(&error);
    if status == 503 {
        response.headers.push(("retry-after".into(), "1".into()));
    }
    response
}

fn envelope(status: u16) -> ApiError {
    match status {
        400 => ApiError::bad_request(""),
        401 => ApiError::unauthorized(""),
        403 => ApiError::forbidden(""),
        404 => ApiError::not_found(""),
        408 | 504 => ApiError::new(status, "The request took too long."),
        413 => ApiError::too_large(),
        429 => ApiError::too_many_requests(""),
        503 => ApiError::new(503, "The server is busy, try again in a moment."),
        402..=499 | 501..=599 => ApiError::new(status, hangar_model::messages::SOMETHING_WRONG),
        _ => ApiError::internal(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        assert_eq!(
            envelope(413).to_json(),
            r#"{"data":{},"message":"Request entity too large.","status":413}"#
        );
        assert_eq!(
            envelope(500).to_json(),
            r#"{"data":{},"message":"Something went wrong while processing your request.","status":500}"#
        );
        assert_eq!(envelope(200).status, 500);
        assert_eq!(
            not_found("GET").to_json(),
            r#"{"data":{},"message":"File not found.","status":404}"#
        );
        assert_eq!(
            not_found("PUT").to_json(),
            r#"{"data":{},"message":"The requested resource wasn't found.","status":404}"#
        );
    }
}
