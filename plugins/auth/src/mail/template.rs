//! Placeholders of mail templates: `{APP_NAME}`, `{TOKEN}`, `{RECORD:field}` and so on.

use hangar_model::json::to_json;
use hangar_model::{Collection, Field, FieldType};
use serde_json::Value;

use crate::record::Record;

/// What placeholders stand for.
pub struct Placeholders<'a> {
    /// Values by name.
    pub values: &'a [(&'static str, String)],
    /// For `{RECORD:field}`: whose fields.
    pub collection: &'a Collection,
    /// And which.
    pub record: &'a Record,
}

impl Placeholders<'_> {
    /// The text with its placeholders filled in, in one pass: what a value says is never taken for a placeholder.
    /// Unknown ones and hidden fields stay as they are.
    pub fn fill(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 256);
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            let (before, placeholder) = rest.split_at(at);
            out.push_str(before);
            let known = placeholder
                .find('}')
                .and_then(|end| Some((end, self.value(&placeholder[1..end])?)));
            match known {
                Some((end, value)) => {
                    out.push_str(&value);
                    rest = &placeholder[end + 1..];
                }
                None => {
                    out.push('{');
                    rest = &placeholder[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn value(&self, name: &str) -> Option<String> {
        if let Some(field) = name.strip_prefix("RECORD:") {
            let field = self.collection.field(field).filter(|field| !field.hidden)?;
            let value = self.record.fields.get(&field.name);
            return Some(field_text(field, value.unwrap_or(&Value::Null)));
        }
        self.values
            .iter()
            .find_map(|(known, value)| (*known == name).then(|| value.clone()))
    }
}

/// A field's value as it stands in mails: lists as nothing, numbers in full, what is no plain text as JSON.
fn field_text(field: &Field, value: &Value) -> String {
    match (field.kind(), value) {
        (_, Value::Array(_)) if field.is_multiple() => String::new(),
        (FieldType::GeoPoint, Value::Object(point)) => {
            let part = |name: &str| to_json(point.get(name).unwrap_or(&Value::Null));
            escape(&format!(
                "{{\"lon\":{},\"lat\":{}}}",
                part("lon"),
                part("lat")
            ))
        }
        (FieldType::Json | FieldType::GeoPoint, value) => escape(&to_json(value)),
        (_, Value::String(text)) => escape(text),
        (_, Value::Bool(value)) => value.to_string(),
        (_, Value::Number(number)) => number
            .as_i64()
            .map(|number| number.to_string())
            .or_else(|| number.as_f64().map(|number| number.to_string()))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// The text with HTML's special characters written out, as Go does it.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fill(template: &str) -> String {
        let collection = json!({"id": "c1", "name": "users", "type": "auth", "fields": [
            {"name": "id", "type": "text"}, {"name": "name", "type": "text"}, {"name": "n", "type": "number"},
            {"name": "tags", "type": "json"}, {"name": "many", "type": "select", "maxSelect": 2, "values": ["a", "b"]},
            {"name": "place", "type": "geoPoint"}, {"name": "ok", "type": "bool"},
            {"name": "notes", "type": "text", "hidden": true},
        ]});
        let collection = Collection::from_storage(&collection.to_string()).expect("a collection");
        let fields = json!({"id": "r1", "name": "<b>\"{TOKEN}'", "n": 1e21, "tags": {"a": ["<"]}, "many": ["a"],
            "place": {"lat": 2, "lon": 1.5}, "ok": true, "notes": "hush"});
        let record = Record {
            fields: fields.as_object().expect("an object").clone(),
        };
        let values = [
            ("TOKEN", "t".to_owned()),
            ("APP_NAME", "{RECORD:id}".to_owned()),
        ];
        let placeholders = Placeholders {
            values: &values,
            collection: &collection,
            record: &record,
        };
        placeholders.fill(template)
    }

    #[test]
    fn values() {
        assert_eq!(fill("{RECORD:name}"), "&lt;b&gt;&#34;{TOKEN}&#39;");
        assert_eq!(fill("{RECORD:n}"), "1000000000000000000000");
        assert_eq!(fill("{RECORD:tags}"), "{&#34;a&#34;:[&#34;&lt;&#34;]}");
        assert_eq!(fill("{RECORD:many}|{RECORD:ok}"), "|true");
        assert_eq!(
            fill("{RECORD:place}"),
            "{&#34;lon&#34;:1.5,&#34;lat&#34;:2}"
        );
    }

    #[test]
    fn what_is_unknown_stays() {
        for text in [
            "{RECORD:notes}",
            "{RECORD:nothere}",
            "{RECORD}",
            "{OTP}",
            "{token}",
            "{",
            "}{",
            "{TOKEN",
            "a{b",
        ] {
            assert_eq!(fill(text), text);
        }
        assert_eq!(fill("{{TOKEN}}"), "{t}");
        assert_eq!(fill("{APP_NAME}"), "{RECORD:id}", "never filled twice");
    }
}
