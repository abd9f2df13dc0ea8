//! The ends of a path: modifiers and the part within a json value.

use crate::error::Error;
use crate::operand::{SqlValue, Type};

/// The last part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    None,
    Each,
    Length,
    Lower,
}

/// Splits `name:modifier`.
pub(crate) fn split_modifier(path: &str) -> Result<(&str, Modifier), Error> {
    let (name, modifier) = path
        .split_once(':')
        .map_or((path, None), |(name, modifier)| (name, Some(modifier)));
    // Segments end up in identifiers and json paths, positions in json paths are 32-bit.
    let plain = |segment: &str| {
        let word = segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let number = segment.bytes().all(|b| b.is_ascii_digit());
        !segment.is_empty() && word && !(number && segment.len() > 9)
    };
    if !name.split('.').all(plain) {
        return Err(Error::field(format!("invalid field path {path}")));
    }
    let Some(modifier) = modifier else {
        return Ok((name, Modifier::None));
    };
    let modifier = match modifier {
        "each" => Modifier::Each,
        "length" => Modifier::Length,
        "lower" => Modifier::Lower,
        // Only mean something on `@request.*`, where they are handled before; PocketBase ignores them elsewhere.
        "isset" | "changed" => Modifier::None,
        other => return Err(Error::field(format!("unknown modifier :{other} in {path}"))),
    };
    Ok((name, modifier))
}

/// `:lower`; the other modifiers do nothing on a single value.
pub(crate) fn modified(value: SqlValue, modifier: Modifier) -> SqlValue {
    if modifier != Modifier::Lower {
        return value;
    }
    SqlValue {
        strict: value.strict,
        ..SqlValue::text(
            format!("lower({} COLLATE \"C\")", value.as_text()),
            value.nullable || value.strict,
        )
    }
}

/// A path into a json value. Numbers are positions in arrays and never keys, as in SQLite.
pub(crate) fn json_path(column: SqlValue, path: &str) -> SqlValue {
    let segments: Vec<&str> = path.split('.').collect();
    let position = |segment: &&str| segment.bytes().all(|b| b.is_ascii_digit());
    let sql = if segments.iter().any(position) {
        let steps: String = segments
            .iter()
            .map(|segment| {
                if position(segment) {
                    format!("[{segment}]")
                } else {
                    format!(".\"{segment}\"")
                }
            })
            .collect();
        format!(
            "jsonb_path_query_first({}, 'strict ${steps}', '{{}}', true)",
            column.sql
        )
    } else {
        // Quoted, because an unquoted null would be one.
        format!("({} #> '{{\"{}\"}}')", column.sql, segments.join("\",\""))
    };
    SqlValue {
        ty: Type::Json,
        strict: true,
        ..SqlValue::text(sql, true)
    }
}
