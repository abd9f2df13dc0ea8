//! What stands under `/_/` until the dashboard does: a page that says so, and the form for the first superuser.

use hangar_sdk::http::{Payload, Response};

const HTML: &str = include_str!("../assets/page.html");
const STYLE: &str = include_str!("../assets/install.css");
const SCRIPT: &str = include_str!("../assets/install.js");

/// The page runs nothing but its own files and talks to nobody else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The page.
pub fn page() -> Response {
    let mut response = file("text/html; charset=utf-8", HTML);
    response
        .headers
        .push(("content-security-policy".into(), POLICY.into()));
    response
        .headers
        .push(("referrer-policy".into(), "no-referrer".into()));
    response
}

/// Its style sheet.
pub fn style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

/// Its script.
pub fn script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

/// From `/_` to `/_/`.
pub fn redirect() -> Response {
    Response {
        status: 307,
        headers: vec![("location".into(), "/_/".into())],
        payload: Payload::Empty,
    }
}

fn file(content_type: &str, text: &str) -> Response {
    Response {
        status: 200,
        headers: vec![
            ("content-type".into(), content_type.into()),
            ("cache-control".into(), "no-cache".into()),
            ("x-hangar-log".into(), "off".into()),
        ],
        payload: Payload::Text(text.into()),
    }
}
