//! How fields and values stand in PostgreSQL.

use serde_json::Value;

use crate::field::{Field, FieldType};
use crate::json::to_json;

/// Schema of the record tables.
pub const SCHEMA: &str = "public";
/// Hidden column with the order of insertion; unique, never shown.
pub const ROWID: &str = "_rowid_";

/// PostgreSQL cuts identifiers at this many bytes.
const MAX_IDENTIFIER: usize = 63;
/// Columns every table has already.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

/// The physical name of a table, column or index: the same text, unless PostgreSQL could not hold it. Names above 63
/// bytes and those of system columns become a prefix and a checksum.
pub fn physical(name: &str) -> String {
    if name.len() <= MAX_IDENTIFIER && !SYSTEM_COLUMNS.contains(&name) {
        return name.to_owned();
    }
    let mut end = name.len().min(MAX_IDENTIFIER - 9);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{:08x}", &name[..end], crate::ids::crc32(name))
}

/// A name as a quoted SQL identifier. NUL characters, which PostgreSQL cannot hold, are dropped.
pub fn ident(name: &str) -> String {
    format!(
        "\"{}\"",
        physical(name).replace('\0', "").replace('"', "\"\"")
    )
}

/// A collection's table, quoted and with its schema.
pub fn table(name: &str) -> String {
    format!("{SCHEMA}.{}", ident(name))
}

/// A text as a quoted SQL literal, for DDL only: everything else is bound. NUL characters are dropped.
pub fn literal(text: &str) -> String {
    let text = text.replace('\0', "");
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// A value to bind. `Text` goes through the cast that [`cast`] gives.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// boolean.
    Bool(bool),
    /// double precision.
    Float(f64),
    /// text, or the text form of another type.
    Text(String),
}

/// Column type and default of a field.
///
/// Texts have collation `C`: they compare by bytes, as in SQLite, and `lower` folds A–Z only.
pub fn column_type(field: &Field) -> &'static str {
    match field.kind() {
        FieldType::Text
        | FieldType::Editor
        | FieldType::Email
        | FieldType::Url
        | FieldType::Password => TEXT,
        FieldType::Number => "double precision NOT NULL DEFAULT 0",
        FieldType::Bool => "boolean NOT NULL DEFAULT false",
        FieldType::Date | FieldType::Autodate => "timestamptz(3) NULL",
        FieldType::Select | FieldType::Relation | FieldType::File if field.is_multiple() => {
            "jsonb NOT NULL DEFAULT '[]'::jsonb"
        }
        FieldType::Select | FieldType::Relation | FieldType::File => TEXT,
        FieldType::Json => "jsonb NULL",
        FieldType::GeoPoint => "jsonb NOT NULL DEFAULT '{\"lat\": 0, \"lon\": 0}'::jsonb",
    }
}

const TEXT: &str = "text COLLATE \"C\" NOT NULL DEFAULT ''";

/// The cast a bound parameter of this field needs (`""` for none): `$1` + cast.
pub fn cast(field: &Field) -> &'static str {
    match field.kind() {
        FieldType::Date | FieldType::Autodate => "::text::timestamptz",
        FieldType::Json | FieldType::GeoPoint => "::text::jsonb",
        FieldType::Select | FieldType::Relation | FieldType::File if field.is_multiple() => {
            "::text::jsonb"
        }
        FieldType::Number => "::float8",
        FieldType::Bool => "::bool",
        _ => "::text",
    }
}

/// A normal-form value as a bound parameter of its field's column.
pub fn to_sql(field: &Field, value: &Value) -> SqlValue {
    match field.kind() {
        FieldType::Number => SqlValue::Float(value.as_f64().unwrap_or(0.0)),
        FieldType::Bool => SqlValue::Bool(value.as_bool().unwrap_or(false)),
        FieldType::Date | FieldType::Autodate => match value.as_str() {
            None | Some("") => SqlValue::Null,
            Some(date) => SqlValue::Text(date.to_owned()),
        },
        FieldType::Json if value.is_null() => SqlValue::Null,
        FieldType::Json | FieldType::GeoPoint => SqlValue::Text(to_json(value)),
        FieldType::Select | FieldType::Relation | FieldType::File if field.is_multiple() => {
            SqlValue::Text(if value.is_array() {
                to_json(value)
            } else {
                "[]".to_owned()
            })
        }
        _ => SqlValue::Text(value.as_str().unwrap_or_default().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted_and_fit() {
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(ident("name"), "\"name\"");
        assert!(physical("ctid").starts_with("ctid_"));
        let long = "é".repeat(40);
        assert!(physical(&long).len() <= 63);
        assert_ne!(physical(&long), physical(&format!("{long}x")));
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'"), "E'a\\\\'''");
    }
}
