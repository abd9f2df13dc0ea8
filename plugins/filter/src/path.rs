//! The ends of a path: modifiers and the part within a json value.

use crate::error::Error;
use crate::operand::{Nulls, SqlValue, Type};
use crate::quoting::text as quoted;

/// The last part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    None,
    Each,
    Length,
    Lower,
}

/// Splits the last segment of a path at its `:`, if it has just one.
fn split(segment: &str) -> Result<(&str, &str), Error> {
    let Some((name, modifier)) = segment.split_once(':') else {
        return Ok((segment, ""));
    };
    match modifier {
        "each" | "length" | "lower" | "isset" | "changed" => Ok((name, modifier)),
        _ if modifier.contains(':') => Ok((segment, "")),
        _ => Err(Error::field(format!(
            "unknown modifier in {}",
            quoted(segment)
        ))),
    }
}

/// Splits the last segment of a field path into name and modifier.
pub(crate) fn split_modifier(segment: &str) -> Result<(&str, Modifier), Error> {
    let (name, modifier) = split(segment)?;
    let modifier = match modifier {
        "each" => Modifier::Each,
        "length" => Modifier::Length,
        "lower" => Modifier::Lower,
        // The others only mean something on `@request.*`; PocketBase ignores them elsewhere.
        _ => Modifier::None,
    };
    Ok((name, modifier))
}

/// Splits a path below `@request.body`, `.query` or `.headers` into the path and the modifier at its end.
pub(crate) fn split_request(path: &str) -> Result<(&str, &str), Error> {
    let last = path.rsplit('.').next().unwrap_or(path);
    let (name, modifier) = split(last)?;
    Ok((&path[..path.len() - last.len() + name.len()], modifier))
}

/// `:lower`; the other modifiers do nothing on a single value.
pub(crate) fn modified(value: SqlValue, modifier: Modifier) -> SqlValue {
    if modifier != Modifier::Lower {
        return value;
    }
    SqlValue {
        nulls: value.nulls,
        ..SqlValue::text(
            format!("lower({} COLLATE \"C\")", value.as_text()),
            value.nullable || value.nulls == Nulls::Own,
        )
    }
}

/// A path into a json value. Numbers are positions in arrays and never keys, as in SQLite; a `:` is part of a key.
pub(crate) fn json_path(column: SqlValue, path: &str) -> Result<SqlValue, Error> {
    let segments: Vec<&str> = path.split('.').collect();
    let position = |segment: &&str| segment.bytes().all(|b| b.is_ascii_digit());
    // Keys end up within SQL literals, positions are 32-bit.
    let plain = |segment: &&str| {
        !segment.is_empty()
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'))
            && !(position(segment) && segment.len() > 9)
    };
    if !segments.iter().all(plain) {
        return Err(Error::field(format!("invalid json path {}", quoted(path))));
    }
    let sql = if segments.iter().any(position) {
        let steps: String = segments
            .iter()
            .map(|segment| {
                if position(segment) {
                    let number = segment.trim_start_matches('0');
                    format!("[{}]", if number.is_empty() { "0" } else { number })
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
    Ok(SqlValue {
        ty: Type::Json,
        nulls: Nulls::Own,
        ..SqlValue::text(sql, true)
    })
}
