//! Values of records: zero values and the coercion of what clients send. Nothing is refused here; what does not fit
//! becomes the zero value, as in PocketBase, and [`crate::value_rules`] judges the result.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::collection::Collection;
use crate::field::{Field, FieldType};
use crate::ids::Random;
use crate::options::FieldOptions;

/// The value of a field nobody has set.
pub fn zero(field: &Field) -> Value {
    match field.kind() {
        FieldType::Number => json!(0.0),
        FieldType::Bool => Value::Bool(false),
        FieldType::Json => Value::Null,
        FieldType::GeoPoint => geo(0.0, 0.0),
        _ if field.is_multiple() => Value::Array(Vec::new()),
        _ => Value::String(String::new()),
    }
}

/// Whether a normal-form value counts as empty for `required`.
pub fn is_zero(field: &Field, value: &Value) -> bool {
    match (field.kind(), value) {
        (_, Value::Null) => true,
        (_, Value::String(text)) => text.is_empty(),
        (_, Value::Array(items)) => items.is_empty(),
        (FieldType::Json, Value::Object(map)) => map.is_empty(),
        (FieldType::GeoPoint, point) => {
            point["lon"].as_f64() == Some(0.0) && point["lat"].as_f64() == Some(0.0)
        }
        (FieldType::Number, number) => number.as_f64() == Some(0.0),
        (FieldType::Bool, flag) => flag.as_bool() == Some(false),
        _ => false,
    }
}

/// Any JSON as the field's normal form.
///
/// A number field may give the text `NaN` or `Infinity`, which validation refuses. A password stays plain text: it is
/// to be validated and then hashed.
pub fn normalize(field: &Field, value: &Value) -> Value {
    match field.kind() {
        FieldType::Text
        | FieldType::Editor
        | FieldType::Email
        | FieldType::Url
        | FieldType::Password => Value::String(to_text(value)),
        FieldType::Number => to_number(value),
        FieldType::Bool => Value::Bool(to_bool(value)),
        FieldType::Date | FieldType::Autodate => Value::String(
            value
                .as_str()
                .map(crate::date::normalize)
                .unwrap_or_default(),
        ),
        FieldType::Select | FieldType::Relation | FieldType::File => {
            let mut list = list_of(field, value);
            if field.is_multiple() {
                Value::Array(list.into_iter().map(Value::String).collect())
            } else {
                Value::String(list.pop().unwrap_or_default())
            }
        }
        FieldType::Json => to_any(value),
        FieldType::GeoPoint => to_geo(value),
    }
}

/// A scalar as text; arrays, objects and null give an empty one.
pub fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        // All numbers are floats, and printed without an exponent.
        Value::Number(number) => number
            .as_f64()
            .map(|number| number.to_string())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn to_number(value: &Value) -> Value {
    let number = match value {
        Value::Number(number) => number.as_f64().unwrap_or(0.0),
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::String(text) => parse_number(text),
        _ => 0.0,
    };
    if number.is_nan() {
        Value::String("NaN".to_owned())
    } else if number.is_infinite() {
        Value::String("Infinity".to_owned())
    } else {
        json!(number)
    }
}

/// A number as Go reads it; 0 for anything else.
fn parse_number(text: &str) -> f64 {
    let digits: String = if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return 0.0;
    } else {
        text.chars().filter(|letter| *letter != '_').collect()
    };
    digits.parse().unwrap_or(0.0)
}

fn to_bool(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"),
        _ => false,
    }
}

/// A scalar, an array, or a text with a JSON array of texts in it, as distinct non-empty texts in order. Of a repeated text
/// the first stays.
pub fn to_list(value: &Value) -> Vec<String> {
    let mut texts = match value {
        Value::Array(items) => items.iter().map(to_text).collect(),
        Value::String(text) if text.trim_start().starts_with('[') => texts_of(text),
        _ => vec![to_text(value)],
    };
    let mut seen = HashSet::new();
    texts.retain(|text| !text.is_empty() && seen.insert(text.clone()));
    texts
}

/// The texts of a JSON array. Of one that cannot be read to its end, what could be read and the whole: nobody is to take
/// it for less than was sent.
fn texts_of(list: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(list);
    let read = Texts(&mut texts).deserialize(&mut reader);
    if read.and_then(|()| reader.end()).is_err() {
        texts.push(list.to_owned());
    }
    texts
}

struct Texts<'a>(&'a mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(text) = items.next_element::<Option<String>>()? {
            self.0.extend(text);
        }
        Ok(())
    }
}

/// As [`to_list`] for a field. Names of files count in lists within the list as well, else such a list would take the
/// files away.
pub fn list_of(field: &Field, value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) if field.kind() == FieldType::File => to_list(&flat(items)),
        _ => to_list(value),
    }
}

fn flat(items: &[Value]) -> Value {
    let mut out = Vec::new();
    for item in items {
        match item {
            Value::Array(inner) => match flat(inner) {
                Value::Array(inner) => out.extend(inner),
                other => out.push(other),
            },
            other => out.push(other.clone()),
        }
    }
    Value::Array(out)
}

/// Any JSON; texts that look like JSON are parsed. Numbers become floats, as everywhere.
fn to_any(value: &Value) -> Value {
    let Value::String(text) = value else {
        return floats(value.clone());
    };
    let looks_like_json = matches!(text.as_str(), "null" | "true" | "false")
        || text.starts_with(|first: char| {
            first.is_ascii_digit() || matches!(first, '-' | '"' | '[' | '{')
        });
    if looks_like_json && let Ok(parsed) = serde_json::from_str::<Value>(text) {
        return floats(parsed);
    }
    value.clone()
}

fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, |number| json!(number)),
        Value::Array(items) => items.into_iter().map(floats).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, floats(value)))
            .collect(),
        other => other,
    }
}

fn geo(lon: f64, lat: f64) -> Value {
    json!({"lon": lon, "lat": lat})
}

/// An object (or its JSON text) with numbers `lon` and `lat`; one of another type spoils both.
fn to_geo(value: &Value) -> Value {
    let parsed;
    let map = match value {
        Value::Object(map) => map,
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(map)) => {
                parsed = map;
                &parsed
            }
            _ => return geo(0.0, 0.0),
        },
        _ => return geo(0.0, 0.0),
    };
    let part = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Some(0.0),
        Some(value) => value.as_f64(),
    };
    match (part("lon"), part("lat")) {
        (Some(lon), Some(lat)) => geo(lon, lat),
        _ => geo(0.0, 0.0),
    }
}

/// A record with the zero value in every field.
pub fn blank_record(collection: &Collection) -> Map<String, Value> {
    collection
        .fields
        .iter()
        .map(|field| (field.name.clone(), zero(field)))
        .collect()
}

/// Generates text where a new record has none and the field has a pattern for it: the id, the token key, others.
pub fn fill_generated(
    collection: &Collection,
    record: &mut Map<String, Value>,
    random: &mut dyn Random,
) {
    for field in &collection.fields {
        let FieldOptions::Text(options) = &field.options else {
            continue;
        };
        let empty = record
            .get(&field.name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .is_empty();
        if !empty {
            continue;
        }
        let text = if !options.autogenerate_pattern.is_empty() {
            // The pattern was checked when the collection was saved.
            crate::pattern::generate(&options.autogenerate_pattern, random).unwrap_or_default()
        } else {
            String::new()
        };
        record.insert(field.name.clone(), Value::String(text));
    }
}

/// Sets autodates for a save at `now` (canonical date).
pub fn touch_autodates(
    collection: &Collection,
    record: &mut Map<String, Value>,
    is_new: bool,
    now: &str,
) {
    for field in &collection.fields {
        if let FieldOptions::Autodate(options) = &field.options
            && if is_new {
                options.on_create
            } else {
                options.on_update
            }
        {
            record.insert(field.name.clone(), Value::String(now.to_owned()));
        }
    }
}
