//! Values as SQLite holds them, made what PocketBase's API answers for them.

use hangar_model::sql::{SqlValue, to_sql};
use hangar_model::{Field, FieldType, value};
use serde_json::Value;

/// What had to be changed in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// PostgreSQL text cannot hold NUL characters.
    Nul,
    /// JSON that is nested too deep or has half a surrogate pair is kept as a text.
    Json,
    /// Not a number, or infinite.
    Number,
}

impl Change {
    /// All of them.
    pub const ALL: [Change; 3] = [Self::Nul, Self::Json, Self::Number];

    /// What the report says of it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Nul => "lost NUL characters, which PostgreSQL cannot hold",
            Self::Json => {
                "kept as text, since the JSON in it cannot be read (nested too deep, or half a character)"
            }
            Self::Number => "set to 0, being infinite or no number",
        }
    }
}

/// A stored value for its field's column.
pub fn column(field: &Field, stored: Value, changes: &mut Vec<Change>) -> SqlValue {
    let stored = match stored {
        Value::String(text) if text.contains('\0') => {
            changes.push(Change::Nul);
            Value::String(text.replace('\0', ""))
        }
        other => other,
    };
    let normal = match stored {
        Value::Null => value::zero(field),
        stored => normal(field, &stored, changes),
    };
    to_sql(field, &normal)
}

fn normal(field: &Field, stored: &Value, changes: &mut Vec<Change>) -> Value {
    // Only 1 is true; of what clients send it is any number but 0.
    if let (FieldType::Bool, Value::Number(number)) = (field.kind(), stored) {
        return Value::Bool(number.as_f64() == Some(1.0));
    }
    let mut normal = value::normalize(field, stored);
    match field.kind() {
        FieldType::Number if !normal.is_number() => {
            changes.push(Change::Number);
            return value::zero(field);
        }
        FieldType::Json => {
            if let (Value::String(text), Value::String(before)) = (&normal, stored)
                && text == before
                && text.starts_with(['{', '['])
                && text.ends_with(['}', ']'])
            {
                changes.push(Change::Json);
            }
            if drop_nuls(&mut normal) {
                changes.push(Change::Nul);
            }
        }
        _ => {}
    }
    normal
}

/// Removes NUL characters from the texts of a document, which JSON writes as `\u0000`.
fn drop_nuls(value: &mut Value) -> bool {
    match value {
        Value::String(text) if text.contains('\0') => {
            *text = text.replace('\0', "");
            true
        }
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, item| drop_nuls(item) | any),
        Value::Object(map) => {
            let mut any = false;
            if map.keys().any(|key| key.contains('\0')) {
                any = true;
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(key, value)| (key.replace('\0', ""), value))
                    .collect();
            }
            map.values_mut()
                .fold(any, |any, value| drop_nuls(value) | any)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hangar_model::FieldOptions;
    use serde_json::json;

    fn text(text: &str) -> SqlValue {
        SqlValue::Text(text.to_owned())
    }

    fn multiple(kind: FieldType) -> Field {
        let mut field = Field::new(kind, "f");
        if let FieldOptions::Select(options) = &mut field.options {
            options.max_select = 3;
        }
        field
    }

    #[test]
    fn loosely_stored_values_become_typed_ones() {
        let plain = |kind| Field::new(kind, "f");
        let cases = [
            (plain(FieldType::Bool), json!(1), SqlValue::Bool(true)),
            (plain(FieldType::Bool), json!("true"), SqlValue::Bool(true)),
            (plain(FieldType::Bool), json!(2), SqlValue::Bool(false)),
            (plain(FieldType::Bool), json!("x"), SqlValue::Bool(false)),
            (
                plain(FieldType::Number),
                json!("12.5"),
                SqlValue::Float(12.5),
            ),
            (plain(FieldType::Number), json!("x"), SqlValue::Float(0.0)),
            (plain(FieldType::Number), Value::Null, SqlValue::Float(0.0)),
            (plain(FieldType::Text), json!(12), text("12")),
            (plain(FieldType::Text), Value::Null, text("")),
            (plain(FieldType::Date), json!(""), SqlValue::Null),
            (plain(FieldType::Date), json!("x"), SqlValue::Null),
            (
                plain(FieldType::Date),
                json!("2022-05-02 10:11:12Z"),
                text("2022-05-02 10:11:12.000Z"),
            ),
            (plain(FieldType::Select), json!("[\"a\",\"b\"]"), text("b")),
            (
                multiple(FieldType::Select),
                json!("[\"a\",\"\",\"a\"]"),
                text("[\"a\"]"),
            ),
            (multiple(FieldType::Select), json!("a"), text("[\"a\"]")),
            (multiple(FieldType::Select), json!(""), text("[]")),
            (plain(FieldType::Json), json!(5), text("5")),
            (
                plain(FieldType::Json),
                json!("{\"a\":1}"),
                text("{\"a\":1}"),
            ),
            (plain(FieldType::Json), json!("\"5\""), text("\"5\"")),
            (plain(FieldType::Json), json!("null"), SqlValue::Null),
            (plain(FieldType::Json), json!("{bad"), text("\"{bad\"")),
            (
                plain(FieldType::GeoPoint),
                json!("{\"lon\":1,\"lat\":2,\"x\":3}"),
                text("{\"lat\":2,\"lon\":1}"),
            ),
        ];
        for (field, stored, wanted) in cases {
            let told = stored.to_string();
            let mut changes = Vec::new();
            assert_eq!(column(&field, stored, &mut changes), wanted, "{told}");
            assert!(changes.is_empty(), "{told}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_counted() {
        let changed = |kind, stored: Value| {
            let mut changes = Vec::new();
            let value = column(&Field::new(kind, "f"), stored, &mut changes);
            (value, changes)
        };
        assert_eq!(
            changed(FieldType::Text, json!("a\0b")),
            (text("ab"), vec![Change::Nul])
        );
        assert_eq!(
            changed(FieldType::Json, json!("{\"a\\u0000\":\"\\u0000b\"}")),
            (text("{\"a\":\"b\"}"), vec![Change::Nul])
        );
        assert_eq!(
            changed(FieldType::Number, json!("inf")),
            (SqlValue::Float(0.0), vec![Change::Number])
        );
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(changed(FieldType::Json, json!(deep)).1, vec![Change::Json]);
    }
}
