use axum::body::{Body, HttpBody};
use axum::response::Response;
use hangar_core::{Error, Result};
use http::{HeaderName, HeaderValue, StatusCode, header};

/// Headers that are the host's.
const OWNED: [HeaderName; 3] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
];

/// Whether and how a plugin wishes its answer to be held back (`hangar:http/types.response`).
pub fn delay(headers: &[(String, String)]) -> Option<&str> {
    let named = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("x-hangar-delay");
    headers.iter().find(named).map(|(_, hint)| hint.as_str())
}

/// A plugin's answer as a response.
pub fn response(status: u16, headers: Vec<(String, String)>, body: Body) -> Result<Response> {
    // 1xx are no answers: a client would go on waiting for one.
    let status = StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational())
        .ok_or_else(|| {
            Error::new(
                "bad_response",
                500,
                format!("a plugin answered with the status {status}, which is none"),
            )
        })?;
    // These have no body, and none is announced either: the next response would be taken for it.
    let bodiless = matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    );
    let mut response = Response::new(if bodiless { Body::empty() } else { body });
    *response.status_mut() = status;
    for (name, value) in headers {
        // What plugins tell the host does not leave it.
        if name
            .get(..9)
            .is_some_and(|start| start.eq_ignore_ascii_case("x-hangar-"))
        {
            continue;
        }
        let name = HeaderName::try_from(name);
        let value = HeaderValue::try_from(value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Error::new(
                "bad_response",
                500,
                "a plugin answered a header that is not valid",
            ));
        };
        // The length of a body in memory is the server's to tell; of a file it comes with the body.
        let known = name == header::CONTENT_LENGTH && response.body().size_hint().exact().is_none();
        if known || !OWNED.contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

/// An error when no plugin can put it into words. Says no more than the status means: details are in the log.
pub fn plain(error: &Error) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = status.canonical_reason().unwrap_or("Error");
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(crate::paths::TEXT),
    );
    response
}

/// The same content has another address.
pub fn moved(to: &str) -> Response {
    redirect(StatusCode::MOVED_PERMANENTLY, to, Body::empty())
}

/// Marks a response that the router itself gives: it carries no headers of the API.
#[derive(Clone, Copy)]
pub struct Bare;

/// Marks a refusal that comes before the headers of the API are put on.
#[derive(Clone, Copy)]
pub struct Early;

/// The path was not in its plain form.
pub fn cleaned(to: &str) -> Response {
    let escaped = to
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;");
    let body = Body::from(format!("<a href=\"{escaped}\">Temporary Redirect</a>.\n\n"));
    let mut response = redirect(StatusCode::TEMPORARY_REDIRECT, to, body);
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response.extensions_mut().insert(Bare);
    response
}

fn redirect(status: StatusCode, to: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    // A path that came in a request line can go into a header.
    if let Ok(location) = HeaderValue::try_from(to) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The answer to HEAD: everything but the body; of an error not even its length.
pub fn without_body(response: Response) -> Response {
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, Body::empty())
}
