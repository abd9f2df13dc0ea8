//! Rows as JSON.

use rusqlite::Row;
use rusqlite::types::ValueRef;

/// Integers beyond this are not safe in JavaScript.
const SAFE: i64 = 1 << 53;

/// Appends a row as a JSON array.
pub fn row(row: &Row<'_>, columns: usize, out: &mut String) -> Result<(), rusqlite::Error> {
    out.push('[');
    for at in 0..columns {
        if at > 0 {
            out.push(',');
        }
        value(row.get_ref(at)?, out);
    }
    out.push(']');
    Ok(())
}

fn value(value: ValueRef<'_>, out: &mut String) {
    match value {
        ValueRef::Null => out.push_str("null"),
        ValueRef::Integer(number) if (-SAFE..=SAFE).contains(&number) => {
            out.push_str(&number.to_string());
        }
        ValueRef::Integer(number) => text(&number.to_string(), out),
        ValueRef::Real(number) if number.is_finite() => {
            // serde_json writes the shortest text that reads back as the same number.
            out.push_str(&serde_json::Value::from(number).to_string());
        }
        ValueRef::Real(number) => text(&number.to_string(), out),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => text(&String::from_utf8_lossy(bytes), out),
    }
}

fn text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
