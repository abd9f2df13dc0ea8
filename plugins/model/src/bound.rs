//! Small bodies, as PocketBase reads them into its structs: JSON, or a form together with the query.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::strict_json::Strict;

const UNREADABLE: &str = "An error occurred while loading the submitted data.";
const UNSUPPORTED: &str = "Unsupported Content-Type.";
const URL_ENCODED: &str = "application/x-www-form-urlencoded";
/// Field of a form whose text is JSON and goes before the others.
const JSON_PAYLOAD: &str = "@jsonPayload";

/// Why a body could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadBody {
    /// Its content type is not served.
    Unsupported,
    /// It cannot be parsed, or a value has the wrong type.
    Unreadable,
}

impl From<BadBody> for ApiError {
    fn from(why: BadBody) -> Self {
        ApiError::bad_request(match why {
            BadBody::Unsupported => UNSUPPORTED,
            BadBody::Unreadable => UNREADABLE,
        })
    }
}

/// What was sent, as it stands there.
#[derive(Debug, Default)]
pub struct Submitted {
    /// Fields of a form; of several with one name the first counts.
    pub fields: Vec<(String, String)>,
    /// The JSON body, or those in a form's fields `@jsonPayload`.
    pub documents: Vec<Value>,
    form: bool,
}

impl Submitted {
    /// Reads a body; an empty one says nothing, whatever its type. `texts` takes the plain values out of a form of
    /// either encoding.
    ///
    /// # Errors
    /// A type that is not served, and what cannot be parsed.
    pub fn read<E>(
        content_type: &str,
        body: &[u8],
        query: &str,
        texts: impl Fn(&str, &[u8]) -> Result<Vec<(String, String)>, E>,
    ) -> Result<Self, BadBody> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        // Types are told by how they begin, and in lower case only.
        let is = |kind: &str| content_type.starts_with(kind);
        if is("application/json") {
            Self::json(body)
        } else if is("application/xml") || is("text/xml") {
            // None of the names we want can be in it.
            match is_xml(body) {
                true => Ok(Self::default()),
                false => Err(BadBody::Unreadable),
            }
        } else if is(URL_ENCODED) || is("multipart/form-data") {
            let texts = |kind: &str, text: &[u8]| {
                if kind.starts_with(URL_ENCODED) && !is_url_encoded(text) {
                    return Err(BadBody::Unreadable);
                }
                texts(kind, text).map_err(|_| BadBody::Unreadable)
            };
            let query = texts(URL_ENCODED, query.as_bytes())?;
            let fields = texts(content_type, body)?;
            // Go's order.
            Self::form(match is(URL_ENCODED) {
                true => [fields, query].concat(),
                false => [query, fields].concat(),
            })
        } else {
            Err(BadBody::Unsupported)
        }
    }

    fn json(body: &[u8]) -> Result<Self, BadBody> {
        // Like Go's decoder: the first document counts, what follows it does not.
        let mut documents = serde_json::Deserializer::from_slice(body).into_iter::<Strict>();
        let document = documents
            .next()
            .transpose()
            .map_err(|_| BadBody::Unreadable)?;
        Ok(Self {
            documents: document.into_iter().map(|Strict(value)| value).collect(),
            ..Self::default()
        })
    }

    fn form(fields: Vec<(String, String)>) -> Result<Self, BadBody> {
        let (payloads, fields): (Vec<_>, Vec<_>) = fields
            .into_iter()
            .partition(|(name, _)| name == JSON_PAYLOAD);
        let documents = payloads
            .iter()
            .map(|(_, text)| serde_json::from_str(text).map(|Strict(value)| value));
        Ok(Self {
            documents: documents
                .collect::<Result<_, _>>()
                .map_err(|_| BadBody::Unreadable)?,
            fields,
            form: true,
        })
    }

    /// The values by name.
    ///
    /// # Errors
    /// A document that is no object.
    pub fn bind(self) -> Result<Bound, BadBody> {
        let mut values = Map::new();
        for (name, text) in self.fields {
            values.entry(name).or_insert_with(|| text.into());
        }
        for document in self.documents {
            match document {
                Value::Object(object) => values.extend(object),
                Value::Null => values.clear(),
                _ => return Err(BadBody::Unreadable),
            }
        }
        Ok(Bound {
            values,
            form: self.form,
        })
    }
}

/// What was sent, by name. Names of JSON match in any case, those of forms as they are.
#[derive(Debug, Default)]
pub struct Bound {
    /// The values. Those of forms are texts.
    pub values: Map<String, Value>,
    form: bool,
}

impl Bound {
    fn get(&self, name: &str) -> Result<Option<&Value>, BadBody> {
        if self.form {
            return Ok(self.values.get(name));
        }
        let mut named = self
            .values
            .iter()
            .filter_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value));
        match (named.next(), named.next()) {
            (value, None) => Ok(value),
            _ => Err(BadBody::Unreadable),
        }
    }

    /// A text; empty if it was not sent.
    ///
    /// # Errors
    /// A value of another type, a name that is there in two spellings.
    pub fn text(&self, name: &str) -> Result<&str, BadBody> {
        text(self.get(name)?)
    }

    /// The text of a name as it is written, where others differ from it in case only.
    ///
    /// # Errors
    /// A value of another type.
    pub fn spelled(&self, name: &str) -> Result<&str, BadBody> {
        text(self.values.get(name))
    }

    /// An integer; 0 if it was not sent.
    ///
    /// # Errors
    /// As of [`text`](Self::text).
    pub fn integer(&self, name: &str) -> Result<i64, BadBody> {
        let number = match self.get(name)? {
            None | Some(Value::Null) => Some(0),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) if self.form && text.is_empty() => Some(0),
            Some(Value::String(text)) if self.form => text.parse().ok(),
            Some(_) => None,
        };
        number.ok_or(BadBody::Unreadable)
    }
}

fn text(value: Option<&Value>) -> Result<&str, BadBody> {
    match value {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(BadBody::Unreadable),
    }
}

/// Writes the names a reader knows as it knows them: those of JSON match in any case.
///
/// # Errors
/// A name that is there in two spellings.
pub fn spell(values: &mut Map<String, Value>, names: &[&str]) -> Result<(), BadBody> {
    for name in names {
        let mut keys = values.keys().filter(|key| key.eq_ignore_ascii_case(name));
        let key = match (keys.next(), keys.next()) {
            (Some(key), None) => key.clone(),
            (None, _) => continue,
            _ => return Err(BadBody::Unreadable),
        };
        if let Some(value) = values.remove(&key) {
            values.insert((*name).to_owned(), value);
        }
    }
    Ok(())
}

/// Whether every `%` begins an escape and no semicolon separates: Go reads no other forms.
pub fn is_url_encoded(text: &[u8]) -> bool {
    let escape = |at: usize| {
        let digits = text.get(at + 1..at + 3).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    };
    text.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => escape(at),
        b';' => false,
        _ => true,
    })
}

/// Whether there is an element with an end in the text: as much as matters where nothing is taken from it.
fn is_xml(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let mut starts = text.match_indices('<').map(|(at, _)| &text[at + 1..]);
    let element = starts.find(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    let Some((tag, rest)) = element.and_then(|element| element.split_once('>')) else {
        return false;
    };
    let end = tag.find(|c: char| c.is_whitespace() || c == '/');
    let name = &tag[..end.unwrap_or(tag.len())];
    tag.ends_with('/') || rest.contains(&format!("</{name}>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JSON: &str = "application/json; charset=utf-8";
    const FORM: &str = "application/x-www-form-urlencoded";
    const MULTIPART: &str = "multipart/form-data; boundary=x";

    /// Forms without escapes, whatever they call themselves.
    fn texts(_: &str, text: &[u8]) -> Result<Vec<(String, String)>, ()> {
        let text = std::str::from_utf8(text).map_err(drop)?;
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Ok(pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect())
    }

    fn read(content_type: &str, body: &str, query: &str) -> Result<Value, BadBody> {
        let submitted = Submitted::read(content_type, body.as_bytes(), query, texts)?;
        Ok(submitted.bind()?.values.into())
    }

    #[test]
    fn documents() {
        let read = |body: &str| read(JSON, body, "b=2");
        assert_eq!(read(r#"{"a":"1"} rest"#), Ok(json!({"a": "1"})));
        assert_eq!(read("null"), Ok(json!({})));
        assert_eq!(read(" "), Ok(json!({})));
        assert_eq!(read(""), Ok(json!({})));
        for bad in ["[]", "{", "5", r#"{"a":1,"a":2}"#, r#"{"x":{"a":1,"a":2}}"#] {
            assert_eq!(read(bad), Err(BadBody::Unreadable), "{bad}");
        }
    }

    #[test]
    fn forms() {
        let read = |body: &str| read(FORM, body, "b=2&a=3");
        assert_eq!(read("a=1&a=2"), Ok(json!({"a": "1", "b": "2"})));
        assert_eq!(
            read(r#"a=1&@jsonPayload={"a":5}"#),
            Ok(json!({"a": 5, "b": "2"}))
        );
        assert_eq!(read("a=1&@jsonPayload=null"), Ok(json!({})));
        for bad in [
            "a=1;b=2",
            "a=%zz",
            "a=%",
            "@jsonPayload=",
            "@jsonPayload=[]",
        ] {
            assert_eq!(read(bad), Err(BadBody::Unreadable), "{bad}");
        }
        assert_eq!(
            super::tests::read(MULTIPART, "a=1;&c=%", "a=3"),
            Ok(json!({"a": "3", "c": "%"}))
        );
        assert_eq!(
            super::tests::read(MULTIPART, "a=1", "a=%"),
            Err(BadBody::Unreadable)
        );
    }

    #[test]
    fn other_types() {
        for kind in ["text/plain", "APPLICATION/json", "Multipart/form-data", ""] {
            assert_eq!(read(kind, "{}", ""), Err(BadBody::Unsupported), "{kind}");
            assert_eq!(read(kind, "", ""), Ok(json!({})), "{kind}");
        }
        for good in [
            "<x/>",
            "<?xml version=\"1.0\"?><x a=\"1\"><y>é</y></x>",
            "text <x/>",
        ] {
            assert_eq!(read("text/xml", good, ""), Ok(json!({})), "{good}");
        }
        for bad in [
            " ",
            "a=1",
            "<x>",
            "<x></y>",
            "<!-- c -->",
            "<1/>",
            "<",
            "<é",
        ] {
            let read = read("application/xml", bad, "");
            assert_eq!(read, Err(BadBody::Unreadable), "{bad}");
        }
        let answer = ApiError::from(BadBody::Unsupported);
        assert_eq!((answer.status, answer.message.as_str()), (400, UNSUPPORTED));
    }

    #[test]
    fn spelling() {
        let spelled = |mut value: Value| {
            let values = value.as_object_mut().expect("an object");
            spell(values, &["deleteMissing", "query"]).map(|()| value)
        };
        assert_eq!(
            spelled(json!({"DeleteMissing": true, "query": 1, "Other": 2})),
            Ok(json!({"deleteMissing": true, "query": 1, "Other": 2}))
        );
        assert_eq!(spelled(json!({})), Ok(json!({})));
        assert_eq!(
            spelled(json!({"query": 1, "Query": 2})),
            Err(BadBody::Unreadable)
        );
    }

    #[test]
    fn values() {
        let bound = |content_type: &str, body: &str| {
            let submitted = Submitted::read(content_type, body.as_bytes(), "", texts);
            submitted.and_then(Submitted::bind).expect("a body")
        };
        let body = bound(JSON, r#"{"a":"x","n":5,"F":1.5,"b":1,"B":2}"#);
        assert_eq!(body.text("A"), Ok("x"));
        assert_eq!(body.text("absent"), Ok(""));
        assert_eq!((body.integer("n"), body.integer("absent")), (Ok(5), Ok(0)));
        for bad in ["n", "b"] {
            assert_eq!(body.text(bad), Err(BadBody::Unreadable));
        }
        let both = bound(JSON, r#"{"url":"x","URL":"y"}"#);
        assert_eq!(
            (both.spelled("url"), both.spelled("Url")),
            (Ok("x"), Ok(""))
        );
        for bad in ["a", "f", "b"] {
            assert_eq!(body.integer(bad), Err(BadBody::Unreadable));
        }
        let body = bound(FORM, "A=x&n=5&e=&f=1.5");
        assert_eq!((body.text("a"), body.text("A")), (Ok(""), Ok("x")));
        assert_eq!((body.integer("n"), body.integer("e")), (Ok(5), Ok(0)));
        assert_eq!(body.integer("f"), Err(BadBody::Unreadable));
    }
}
