//! A plugin's request, checked.

use std::time::Duration;

use bytes::Bytes;
use hangar_core::{Error, Limits, Result};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::view::Request;

const MAX_URL_BYTES: usize = 16 << 10;
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;

/// Headers the host writes itself. As in browsers they are ignored: a plugin must neither disturb the framing of the
/// connection nor name another host than the granted one.
const OURS: [HeaderName; 11] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What to do about a redirect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Redirect {
    /// Go there, if it is granted.
    #[default]
    Follow,
    /// Answer the redirect itself.
    Manual,
    /// Fail.
    Error,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Options {
    timeout_ms: Option<u64>,
    redirect: Redirect,
    private: Option<bool>,
}

impl Options {
    /// From a JSON object or nothing. By way of a map, since a structure would take an array too.
    fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str::<Map<String, Value>>(text)
            .and_then(|object| serde_json::from_value(Value::Object(object)))
            .map_err(|e| Error::bad_input(format!("the options of hangar:fetch: {e}")))
    }
}

/// A request that may be sent once its address has been checked.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) redirect: Redirect,
    /// Whether what the grant says of private addresses holds.
    pub(crate) private: bool,
}

impl Outgoing {
    pub(crate) fn new(plugin: &str, limits: &Limits, request: Request) -> Result<Self> {
        let max = limits.fetch_bytes;
        if request.body.len() > max {
            let what = format!("an outgoing body of {} bytes", request.body.len());
            return Err(Error::limit(plugin, &what, max, "limits.fetch-bytes"));
        }
        let options = Options::parse(&request.options)?;
        let timeout = options
            .timeout_ms
            .map_or(limits.fetch_ms, |ms| ms.min(limits.fetch_ms));
        Ok(Self {
            method: method(&request.method)?,
            url: url(&request.url)?,
            headers: headers(&request.headers)?,
            body: request.body.into(),
            timeout: Duration::from_millis(timeout),
            redirect: options.redirect,
            private: options.private.unwrap_or(true),
        })
    }

    /// The request that a redirect of this status asks for.
    pub(crate) fn redirected(mut self, status: u16, target: Url) -> Self {
        let to_get = match status {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if to_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            for name in [
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
            ] {
                self.headers.remove(name);
            }
        }
        if self.url.origin() != target.origin() {
            // They were meant for the first address only.
            self.headers.remove(header::AUTHORIZATION);
            self.headers.remove(header::COOKIE);
        }
        self.url = target;
        self
    }
}

fn method(text: &str) -> Result<Method> {
    let method = Method::from_bytes(text.to_ascii_uppercase().as_bytes())
        .map_err(|_| Error::bad_input(format!("\"{}\" is no HTTP method", text.escape_debug())))?;
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(Error::bad_input(format!(
            "the method {method} cannot be used"
        )));
    }
    Ok(method)
}

fn url(text: &str) -> Result<Url> {
    if text.len() > MAX_URL_BYTES {
        return Err(Error::bad_input(format!(
            "an address has at most {MAX_URL_BYTES} bytes, not {}",
            text.len()
        )));
    }
    let mut url = Url::parse(text)
        .map_err(|e| Error::bad_input(format!("this address cannot be read: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Error::bad_input(format!(
            "hangar:fetch speaks http and https, not {}",
            url.scheme()
        )));
    }
    url.set_fragment(None);
    Ok(url)
}

fn headers(list: &[(String, String)]) -> Result<HeaderMap> {
    let bytes: usize = list
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if list.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(Error::bad_input(format!(
            "a request has at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together, not {} of {bytes}",
            list.len()
        )));
    }
    let mut headers = HeaderMap::with_capacity(list.len());
    for (name, value) in list {
        let bad = || {
            Error::bad_input(format!(
                "the header \"{}\" is not well-formed",
                name.escape_debug()
            ))
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| bad())?;
        if !OURS.contains(&name) && name != "keep-alive" && name != "proxy-connection" {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str, headers: &[(&str, &str)], options: &str) -> Request {
        Request {
            method: method.into(),
            url: url.into(),
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect(),
            body: b"body".to_vec(),
            options: options.into(),
        }
    }

    fn outgoing(request: Request) -> Result<Outgoing> {
        Outgoing::new("shop", &Limits::default(), request)
    }

    #[test]
    fn options_and_their_bounds() {
        let of = |options| outgoing(request("get", "http://a.test/", &[], options));
        let plain = of("").expect("fine");
        assert_eq!(
            (plain.method, plain.redirect),
            (Method::GET, Redirect::Follow)
        );
        assert_eq!(plain.timeout.as_millis(), 30_000);
        assert_eq!(
            of(r#"{"timeoutMs":99999999}"#)
                .expect("fine")
                .timeout
                .as_millis(),
            30_000
        );
        assert_eq!(
            of(r#"{"timeoutMs":20}"#).expect("fine").timeout.as_millis(),
            20
        );
        assert_eq!(
            of(r#"{"redirect":"manual"}"#).expect("fine").redirect,
            Redirect::Manual
        );
        for options in [
            "[]",
            r#"{"redirect":"maybe"}"#,
            r#"{"timeout":1}"#,
            r#"{"timeoutMs":-1}"#,
        ] {
            assert_eq!(
                of(options).expect_err("options").code,
                "bad_input",
                "{options}"
            );
        }
    }

    #[test]
    fn what_cannot_be_sent() {
        for (method, url, headers) in [
            ("CONNECT", "http://a.test", &[][..]),
            ("TRACE", "http://a.test", &[]),
            ("G T", "http://a.test", &[]),
            ("GET", "ftp://a.test", &[]),
            ("GET", "file:///etc/passwd", &[]),
            ("GET", "/relative", &[]),
            ("GET", "http://", &[]),
            ("GET", "http://a.test", &[("X-A", "a\r\nX-B: b")]),
            ("GET", "http://a.test", &[("X A", "a")]),
            ("GET", "http://a.test", &[("", "a")]),
        ] {
            let error = outgoing(request(method, url, headers, "")).expect_err("refused");
            assert_eq!(error.code, "bad_input", "{method} {url}");
        }
        let long = "x".repeat(MAX_HEADER_BYTES);
        let error =
            outgoing(request("GET", "http://a.test", &[("x", &long)], "")).expect_err("long");
        assert!(error.message.contains("65536"), "{error}");
    }

    #[test]
    fn headers_that_are_the_hosts_are_left_out() {
        let headers = [
            ("Host", "other"),
            ("content-length", "1"),
            ("Transfer-Encoding", "chunked"),
            ("X-A", "1"),
        ];
        let sent = outgoing(request("POST", "http://a.test", &headers, ""))
            .expect("fine")
            .headers;
        assert_eq!(sent.len(), 1);
        assert_eq!(sent["x-a"], "1");
    }

    #[test]
    fn a_body_over_the_limit_names_the_setting() {
        let limits = Limits {
            fetch_bytes: 3,
            ..Limits::default()
        };
        let error = Outgoing::new("shop", &limits, request("POST", "http://a.test", &[], ""))
            .expect_err("too large");
        assert_eq!(error.code, "limit");
        for part in ["limits.fetch-bytes", "at most 3", "4 bytes", "shop"] {
            assert!(error.message.contains(part), "{part} in {error}");
        }
    }

    #[test]
    fn redirects_change_method_and_drop_credentials() {
        let headers = [
            ("authorization", "secret"),
            ("cookie", "a=b"),
            ("content-type", "text/plain"),
            ("x-a", "1"),
        ];
        let post = outgoing(request("POST", "http://a.test/x", &headers, "")).expect("fine");
        let to = |text: &str| Url::parse(text).expect("a URL");
        let other = post.clone().redirected(302, to("http://b.test/"));
        assert_eq!((other.method, other.body.len()), (Method::GET, 0));
        assert_eq!(other.headers.len(), 1);
        let same = post.clone().redirected(307, to("http://a.test/y"));
        assert_eq!(
            (same.method, same.body.len(), same.headers.len()),
            (Method::POST, 4, 4)
        );
        let port = post.redirected(308, to("http://a.test:81/"));
        assert!(!port.headers.contains_key("authorization"));
    }
}
