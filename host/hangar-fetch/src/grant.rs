use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Url;
use serde_json::Value;

/// Which addresses a plugin may reach. Cheap to clone.
///
/// A list of
/// - `scheme://host[:port][/path]`: `http` or `https`. The host is a name, an address, or `*.name` for the names below
///   that one (not itself). Without a port the scheme's own, `:*` is any. Without a path every one, a path ending in
///   `*` is a prefix, another must match as it is; the query does not count.
/// - `*`: every address.
/// - `private`: those the patterns allow may be private, loopback or link-local. A pattern that spells out such an
///   address (`http://127.0.0.1:9000/*`) allows this one without the word.
#[derive(Clone, Debug)]
pub struct Grant {
    source: Arc<[String]>,
    patterns: Arc<[Pattern]>,
    private: bool,
}

impl Grant {
    /// From `grant.fetch` of hangar.toml.
    pub fn parse(value: &Value) -> Result<Self, String> {
        let shape = "grant.fetch must be a list of texts such as \"https://api.example.com/*\"";
        let (mut source, mut patterns, mut private) = (Vec::new(), Vec::new(), false);
        for item in value.as_array().ok_or(shape)? {
            let item = item.as_str().ok_or(shape)?;
            match item {
                "private" => private = true,
                pattern => patterns.push(
                    Pattern::parse(pattern)
                        .map_err(|e| format!("grant.fetch, \"{pattern}\": {e}"))?,
                ),
            }
            source.push(item.to_owned());
        }
        if patterns.is_empty() {
            return Err(
                "grant.fetch names no address; leave it out or add patterns, \"*\" for all".into(),
            );
        }
        Ok(Self {
            source: source.into(),
            patterns: patterns.into(),
            private,
        })
    }

    /// Whether a pattern matches, whatever the address behind the name.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(url))
    }

    /// Whether private addresses are allowed.
    pub(crate) fn private(&self) -> bool {
        self.private
    }

    /// Without the word `private`.
    pub(crate) fn public(self) -> Self {
        Self {
            private: false,
            ..self
        }
    }

    /// Whether a pattern matches that spells out this very address.
    pub(crate) fn spells_out(&self, url: &Url) -> bool {
        self.patterns
            .iter()
            .any(|p| p.is_literal() && p.matches(url))
    }

    /// The line for hangar.toml that grants `extra` too.
    pub(crate) fn line(grant: Option<&Self>, extra: &str) -> String {
        let known = grant.map_or(&[][..], |grant| &grant.source);
        let list: Vec<&str> = known.iter().map(String::as_str).chain([extra]).collect();
        format!("grant.fetch = {}", Value::from(list))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Any,
    Place {
        scheme: String,
        host: Host,
        port: Option<u16>,
        path: Path,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Is(String),
    /// With the leading dot.
    Below(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Path {
    Is(String),
    StartsWith(String),
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (scheme, rest) = text
            .split_once("://")
            .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
            .ok_or("a pattern starts with http:// or https://")?;
        if rest.contains(['?', '#', '@', '\\']) {
            return Err("a pattern has no query, fragment or user".into());
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/*"),
        };
        let (authority, any_port) = match authority.strip_suffix(":*") {
            Some(host) => (host, true),
            None => (authority, false),
        };
        let (host, below) = match authority.strip_prefix("*.") {
            Some(host) => (host, true),
            None => (authority, false),
        };
        let (path, prefix) = match path.strip_suffix('*') {
            Some(path) => (path, true),
            None => (path, false),
        };
        if host.contains('*') || path.contains('*') {
            return Err("* stands before a host, after a path, as a port or alone".into());
        }
        // Through the same parser as requests, so that both sides are spelled alike.
        let url = Url::parse(&format!("{scheme}://{host}{path}")).map_err(|e| e.to_string())?;
        let name = url.host_str().ok_or("a pattern names a host")?.to_owned();
        if below && literal(&url).is_some() {
            return Err("there are no names below an address".into());
        }
        let path = url.path().to_owned();
        Ok(Self::Place {
            scheme: scheme.to_owned(),
            host: if below {
                Host::Below(format!(".{name}"))
            } else {
                Host::Is(name)
            },
            port: if any_port {
                None
            } else {
                url.port_or_known_default()
            },
            path: if prefix {
                Path::StartsWith(path)
            } else {
                Path::Is(path)
            },
        })
    }

    fn matches(&self, url: &Url) -> bool {
        match self {
            Self::Any => matches!(url.scheme(), "http" | "https"),
            Self::Place {
                scheme,
                host,
                port,
                path,
            } => {
                url.scheme() == scheme
                    && url.host_str().is_some_and(|name| host.matches(name))
                    && port.is_none_or(|port| url.port_or_known_default() == Some(port))
                    && path.matches(url.path())
            }
        }
    }

    fn is_literal(&self) -> bool {
        match self {
            Self::Place {
                host: Host::Is(name),
                ..
            } => address(name).is_some(),
            _ => false,
        }
    }
}

impl Host {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Is(host) => name == host,
            Self::Below(suffix) => name.len() > suffix.len() && name.ends_with(suffix.as_str()),
        }
    }
}

impl Path {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Is(exact) => path == exact,
            Self::StartsWith(prefix) if prefix == "/" => true,
            // The parser has resolved `..`, but not one hidden behind `%2F`, which some servers resolve.
            Self::StartsWith(prefix) => path.starts_with(prefix.as_str()) && !climbs(path),
        }
    }
}

/// Whether a path, its escapes undone, has a segment `..`.
fn climbs(path: &str) -> bool {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [byte, tail @ ..] = rest {
        match escaped(rest) {
            Some(value) => {
                plain.push(value);
                rest = &rest[3..];
            }
            None => {
                plain.push(*byte);
                rest = tail;
            }
        }
    }
    plain
        .split(|b| matches!(b, b'/' | b'\\'))
        .any(|segment| segment == b"..")
}

/// The byte that `%xx` at the start stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    match text {
        [b'%', high, low, ..] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

/// The address a URL spells out instead of a name.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str().and_then(address)
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn grant(patterns: &[&str]) -> Grant {
        Grant::parse(&json!(patterns)).expect("a grant")
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn patterns_and_what_they_match() {
        let table: &[(&str, &[&str], &[&str])] = &[
            (
                "https://api.example.com/*",
                &[
                    "https://api.example.com",
                    "https://api.example.com/v1/x?q=1",
                    "https://API.example.com:443/",
                    "https://user:pw@api.example.com/",
                    "https://api.example.com/a%2F..%2Fb",
                ],
                &[
                    "http://api.example.com/",
                    "https://api.example.com:8443/",
                    "https://example.com/",
                    "https://api.example.com.evil.test/",
                    "https://api.example.com@evil.test/",
                    "https://evil.test/https://api.example.com/",
                    "https://xapi.example.com/",
                ],
            ),
            (
                "https://*.example.com",
                &["https://a.example.com/x", "https://a.b.example.com/"],
                &[
                    "https://example.com/",
                    "https://.example.com/",
                    "https://evilexample.com/",
                    "http://a.example.com/",
                ],
            ),
            (
                "http://127.0.0.1:9000/*",
                &[
                    "http://127.0.0.1:9000/x",
                    "http://127.1:9000/",
                    "http://0x7f000001:9000/",
                ],
                &[
                    "http://127.0.0.1/",
                    "http://127.0.0.2:9000/",
                    "http://localhost:9000/",
                ],
            ),
            (
                "http://[::1]:*",
                &["http://[::1]/", "http://[0:0::1]:81/x"],
                &["http://[::2]/", "https://[::1]/"],
            ),
            (
                "https://example.com/v1/*",
                &[
                    "https://example.com/v1/",
                    "https://example.com/v1/a%2Fb",
                    "https://example.com/x/../v1/y",
                ],
                &[
                    "https://example.com/v1",
                    "https://example.com/v2/",
                    "https://example.com/v1/../admin",
                    "https://example.com/v1/%2e%2e/admin",
                    "https://example.com/v1/..%2Fadmin",
                    "https://example.com/v1/x%2f%2E.%5cadmin",
                ],
            ),
            (
                "https://example.com/hook",
                &["https://example.com/hook", "https://example.com/hook?x=1"],
                &[
                    "https://example.com/hook/",
                    "https://example.com/hooks",
                    "https://example.com/",
                ],
            ),
            (
                "https://bücher.example",
                &["https://xn--bcher-kva.example/", "https://BÜCHER.example/"],
                &["https://bucher.example/"],
            ),
            (
                "*",
                &["http://a/", "https://b:1/c"],
                &["ftp://a/", "file:///etc/passwd"],
            ),
        ];
        for (pattern, matching, others) in table {
            let grant = grant(&[pattern]);
            for text in *matching {
                assert!(grant.allows(&url(text)), "{pattern} should match {text}");
            }
            for text in *others {
                assert!(
                    !grant.allows(&url(text)),
                    "{pattern} should not match {text}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_grant_says_why() {
        let refused = [
            (json!(true), "list"),
            (json!([1]), "list"),
            (json!([]), "no address"),
            (json!(["private"]), "no address"),
            (json!(["example.com"]), "http://"),
            (json!(["ftp://example.com"]), "http://"),
            (json!(["https://"]), "host"),
            (json!(["https://a*.example.com"]), "*"),
            (json!(["https://example.com/*/x"]), "*"),
            (json!(["https://*.10.0.0.1"]), "address"),
            (json!(["https://u@example.com"]), "user"),
            (json!(["https://example.com/?a=1"]), "query"),
            (json!(["https://example.com:99999"]), "port"),
        ];
        for (value, why) in refused {
            let error = Grant::parse(&value).expect_err("no grant");
            assert!(
                error.contains("grant.fetch") && error.contains(why),
                "{value}: {error}"
            );
        }
    }

    #[test]
    fn private_is_a_word_or_an_address_spelled_out() {
        assert!(grant(&["*", "private"]).private());
        assert!(!grant(&["*", "private"]).public().private());
        let literal = grant(&["http://127.0.0.1:9000/*", "*"]);
        assert!(!literal.private());
        assert!(literal.spells_out(&url("http://127.0.0.1:9000/x")));
        assert!(!literal.spells_out(&url("http://127.0.0.1:9001/x")));
        assert!(!literal.spells_out(&url("http://10.0.0.1:9000/x")));
        assert!(!grant(&["http://localhost"]).spells_out(&url("http://localhost/")));
    }

    #[test]
    fn the_suggested_line_keeps_what_is_there_and_parses() {
        let line = Grant::line(Some(&grant(&["https://a.test/*"])), "private");
        assert_eq!(line, r#"grant.fetch = ["https://a.test/*","private"]"#);
        assert_eq!(
            Grant::line(None, "https://b.test/*"),
            r#"grant.fetch = ["https://b.test/*"]"#
        );
    }
}
