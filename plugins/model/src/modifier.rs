//! Write modifiers of record bodies: `name+`, `+name`, `name-`, `name:autogenerate`.

use serde_json::{Map, Value, json};

use crate::collection::Collection;
use crate::field::{Field, FieldType};
use crate::ids::Random;
use crate::options::FieldOptions;
use crate::value::{list_of, normalize, to_list, zero};

/// What a key of a body means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modifier {
    Set,
    Append,
    Prepend,
    Remove,
    Autogenerate,
}

/// Resolves a body against a record: the result has plain names only, fields in normal form, and keys that are no field
/// as they were (rules can see them as `@request.body`). Shorter keys act first, so `{"n":1,"n+":2}` gives 3.
///
/// `record` holds the stored values in normal form; missing ones count as zero.
pub fn resolve(
    collection: &Collection,
    record: &Map<String, Value>,
    body: &Map<String, Value>,
    random: &mut dyn Random,
) -> Map<String, Value> {
    let mut keys: Vec<&String> = body.keys().collect();
    keys.sort_by_key(|key| key.len());
    let mut resolved = Map::new();
    for key in keys {
        let value = &body[key];
        let Some((field, modifier)) = find(collection, key) else {
            resolved.insert(key.clone(), value.clone());
            continue;
        };
        let current = resolved
            .get(&field.name)
            .or_else(|| record.get(&field.name))
            .cloned()
            .unwrap_or_else(|| zero(field));
        resolved.insert(
            field.name.clone(),
            apply(field, modifier, &current, value, random),
        );
    }
    resolved
}

/// The field and modifier a key means, if it means one.
fn find<'a>(collection: &'a Collection, key: &str) -> Option<(&'a Field, Modifier)> {
    if let Some(field) = collection.field(key) {
        return Some((field, Modifier::Set));
    }
    let (name, modifier) = if let Some(name) = key.strip_suffix(":autogenerate") {
        (name, Modifier::Autogenerate)
    } else if let Some(name) = key.strip_suffix('+') {
        (name, Modifier::Append)
    } else if let Some(name) = key.strip_suffix('-') {
        (name, Modifier::Remove)
    } else {
        (key.strip_prefix('+')?, Modifier::Prepend)
    };
    let field = collection.field(name)?;
    let fits = match field.kind() {
        FieldType::Text => modifier == Modifier::Autogenerate,
        FieldType::Number => matches!(modifier, Modifier::Append | Modifier::Remove),
        FieldType::Select | FieldType::Relation | FieldType::File => {
            modifier != Modifier::Autogenerate
        }
        _ => false,
    };
    fits.then_some((field, modifier))
}

fn apply(
    field: &Field,
    modifier: Modifier,
    current: &Value,
    value: &Value,
    random: &mut dyn Random,
) -> Value {
    if modifier == Modifier::Set {
        return normalize(field, value);
    }
    match &field.options {
        FieldOptions::Number(_) => {
            let number = |value: &Value| normalize(field, value).as_f64().unwrap_or(0.0);
            let sign = if modifier == Modifier::Append {
                1.0
            } else {
                -1.0
            };
            normalize(field, &json!(number(current) + sign * number(value)))
        }
        FieldOptions::Text(options) => {
            let mut text = crate::value::to_text(value);
            // The pattern was checked when the collection was saved.
            text.push_str(
                &crate::pattern::generate(&options.autogenerate_pattern, random)
                    .unwrap_or_default(),
            );
            Value::String(text)
        }
        _ => {
            let (old, given) = (to_list(current), list_of(field, value));
            let list: Vec<String> = match modifier {
                Modifier::Append => old.into_iter().chain(given).collect(),
                Modifier::Prepend => given.into_iter().chain(old).collect(),
                _ => old
                    .into_iter()
                    .filter(|item| !given.contains(item))
                    .collect(),
            };
            normalize(field, &json!(list))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Counter;

    fn collection() -> Collection {
        Collection::from_storage(
            r#"{"type":"base","name":"t","fields":[{"name":"id","type":"text"},{"name":"n","type":"number"},
                {"name":"s","type":"select","values":["a","b","c"]},
                {"name":"m","type":"select","maxSelect":3,"values":["a","b","c"]},
                {"name":"t","type":"text","autogeneratePattern":"[0-9]{4}"},{"name":"b","type":"bool"}]}"#,
        )
        .expect("a collection")
    }

    /// `[record, body, resolved]`.
    const CASES: [[&str; 3]; 14] = [
        [r#"{"n":5}"#, r#"{"n+":2}"#, r#"{"n":7.0}"#],
        [r#"{"n":5}"#, r#"{"n-":"2"}"#, r#"{"n":3.0}"#],
        [r#"{"n":5}"#, r#"{"n+":2,"n":1}"#, r#"{"n":3.0}"#],
        [r#"{}"#, r#"{"n+":"x"}"#, r#"{"n":0.0}"#],
        [r#"{"m":["a"]}"#, r#"{"m+":"b"}"#, r#"{"m":["a","b"]}"#],
        [
            r#"{"m":["a"]}"#,
            r#"{"+m":["c","b"]}"#,
            r#"{"m":["c","b","a"]}"#,
        ],
        [
            r#"{"m":["a","b"]}"#,
            r#"{"m-":["a","x"]}"#,
            r#"{"m":["b"]}"#,
        ],
        [r#"{"m":["a"]}"#, r#"{"m+":"a"}"#, r#"{"m":["a"]}"#],
        [r#"{"s":"a"}"#, r#"{"s+":"b"}"#, r#"{"s":"b"}"#],
        [r#"{"s":"a"}"#, r#"{"s-":"a"}"#, r#"{"s":""}"#],
        [r#"{}"#, r#"{"b+":true}"#, r#"{"b+":true}"#],
        [r#"{}"#, r#"{"unknown":{"x":1}}"#, r#"{"unknown":{"x":1}}"#],
        [r#"{}"#, r#"{"n":"7","b":"x"}"#, r#"{"n":7.0,"b":false}"#],
        [r#"{"n":1}"#, r#"{"+n":2}"#, r#"{"+n":2}"#],
    ];

    #[test]
    fn modifiers_resolve_shortest_first() {
        let read =
            |text: &str| serde_json::from_str::<Map<String, Value>>(text).expect("an object");
        for [record, body, expected] in CASES {
            let got = resolve(
                &collection(),
                &read(record),
                &read(body),
                &mut Counter::default(),
            );
            assert_eq!(got, read(expected), "{record} {body}");
        }
    }

    #[test]
    fn autogenerate_appends_to_a_prefix() {
        let body = serde_json::from_str(r#"{"t:autogenerate":"pre-"}"#).expect("an object");
        let got = resolve(&collection(), &Map::new(), &body, &mut Counter::default());
        let text = got["t"].as_str().expect("a text");
        assert_eq!(
            crate::pattern::matches("^pre-[0-9]{4}$", text),
            Ok(true),
            "{text}"
        );
    }
}
