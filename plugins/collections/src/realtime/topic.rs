//! Subscriptions as clients write them: `posts/*`, `posts/RECORD_ID` or `posts`, with `?options=` of a request.

use hangar_model::bound::is_url_encoded;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A subscription.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Topic<'a> {
    /// What stands before the question mark: the channel.
    pub base: &'a str,
    /// What counts as the query of the subscriber's request.
    pub query: Vec<(String, String)>,
    /// What counts as its headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// The JSON of `options`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    query: Map<String, Value>,
    headers: Map<String, Value>,
}

/// What stands before the question mark.
pub fn channel(topic: &str) -> &str {
    topic.split_once('?').map_or(topic, |(base, _)| base)
}

impl<'a> Topic<'a> {
    /// Reads a subscription. Options that cannot be read count as none.
    pub fn parse(topic: &'a str) -> Self {
        let (base, rest) = topic.split_once('?').unwrap_or((topic, ""));
        let options: Options = rest
            .split('&')
            .filter(|pair| is_url_encoded(pair.as_bytes()))
            .flat_map(|pair| form_urlencoded::parse(pair.as_bytes()))
            .find(|(name, _)| name == "options")
            .and_then(|(_, text)| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let texts =
            |map: Map<String, Value>| map.into_iter().map(|(name, value)| (name, text(value)));
        Self {
            base,
            query: texts(options.query).collect(),
            headers: texts(options.headers)
                .map(|(name, value)| (name.to_ascii_lowercase(), value.replace(['\r', '\n'], " ")))
                .filter(|(name, _)| !name.contains(['\r', '\n', ':']))
                .collect(),
        }
    }
}

/// A value as a query or header has it.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Number(number) => number
            .as_f64()
            .map_or_else(String::new, hangar_model::json::format_float),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let topic = Topic::parse(
            "posts/*?a=1&options=%7B%22query%22%3A%7B%22filter%22%3A%22n%3E5%22%2C%22n%22%3A1%7D%2C\
             %22headers%22%3A%7B%22X-Token%22%3A%22a%22%2C%22list%22%3A%5B1%5D%7D%7D",
        );
        assert_eq!(topic.base, "posts/*");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(topic.query, [pair("filter", "n>5"), pair("n", "1")]);
        assert_eq!(topic.headers, [pair("x-token", "a"), pair("list", "")]);
    }

    #[test]
    fn options_that_cannot_be_read_are_none() {
        for rest in [
            "",
            "?",
            "?x=1",
            "?options=",
            "?options=%7Bx",
            "?options=%5B1%5D",
            "?options=%zz",
            "?options=%7B%22query%22%3A%22x%22%7D",
        ] {
            let text = format!("posts{rest}");
            let topic = Topic::parse(&text);
            assert_eq!((topic.base, topic.query.len()), ("posts", 0), "{text}");
            assert_eq!(channel(&text), "posts");
        }
    }
}
