//! The text format of `COPY`.

use hangar_model::sql::SqlValue;

/// Appends a value; columns are separated by tabs and rows by line feeds.
pub fn value(value: &SqlValue, out: &mut String) {
    match value {
        SqlValue::Null => out.push_str("\\N"),
        SqlValue::Bool(true) => out.push('t'),
        SqlValue::Bool(false) => out.push('f'),
        SqlValue::Float(number) => out.push_str(&number.to_string()),
        SqlValue::Text(text) => escaped(text, out),
    }
}

fn escaped(text: &str, out: &mut String) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'\\' => "\\\\",
            b'\t' => "\\t",
            b'\n' => "\\n",
            b'\r' => "\\r",
            // PostgreSQL text cannot hold it; callers have counted it.
            0 => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        out.push_str(escape);
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_reads_back_is_what_was_there() {
        let text = |given: SqlValue| {
            let mut out = String::new();
            value(&given, &mut out);
            out
        };
        assert_eq!(
            text(SqlValue::Text("a\tb\nc\\N\r\0é".into())),
            "a\\tb\\nc\\\\N\\ré"
        );
        assert_eq!(text(SqlValue::Null), "\\N");
        assert_eq!(text(SqlValue::Bool(true)), "t");
        assert_eq!(text(SqlValue::Float(-0.25)), "-0.25");
        assert_eq!(text(SqlValue::Text("\\.".into())), "\\\\.");
    }
}
