//! CORS as PocketBase does it: every OPTIONS is answered 204, any origin is allowed unless some are listed, no
//! credentials.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

const METHODS: &str = "GET,HEAD,PUT,PATCH,POST,DELETE";

/// The answer to an OPTIONS request.
pub fn preflight(
    origins: &[String],
    origin: Option<&HeaderValue>,
    request: &HeaderMap,
) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let Some(origin) = origin else {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        return response;
    };
    headers.insert(
        VARY,
        HeaderValue::from_static(
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        ),
    );
    if allow(origins, Some(origin), headers) {
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(METHODS),
        );
        if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
    }
    response
}

/// Allows the origin of a request, if it is one that may be; answers whether it is.
pub fn allow(origins: &[String], origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
    let Some(origin) = origin else { return false };
    if origins.is_empty() || origins.iter().any(|allowed| allowed == "*") {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        return true;
    }
    let allowed = origins
        .iter()
        .any(|allowed| matches(allowed.as_bytes(), origin.as_bytes()));
    if allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    allowed
}

/// `*` stands for any run of characters, `?` for one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                // Let the last star take one character more.
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn origins_match_by_wildcards() {
        for (pattern, text, expected) in [
            ("https://example.com", "https://example.com", true),
            ("https://example.com", "https://example.com.evil.org", false),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("http://localhost:????", "http://localhost:3000", true),
            ("http://localhost:????", "http://localhost:30000", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
