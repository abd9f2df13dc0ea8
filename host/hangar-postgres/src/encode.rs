//! Rows of the binary protocol as JSON.

use std::fmt::Write;

use base64::Engine;
use hangar_core::{Error, Result};
use postgres_types::{FromSql, Kind, Type};
use tokio_postgres::Row;

/// The bytes of a column as they came.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The bytes of a column, `None` for NULL.
pub fn raw(row: &Row, index: usize) -> Option<&[u8]> {
    row.try_get::<_, Option<Raw<'_>>>(index)
        .ok()
        .flatten()
        .map(|raw| raw.0)
}

/// Writes a JSON array of the row's values.
pub fn row(out: &mut String, row: &Row) -> Result<()> {
    out.push('[');
    for (index, column) in row.columns().iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match raw(row, index) {
            Some(bytes) => json(out, column.type_(), bytes)?,
            None => out.push_str("null"),
        }
    }
    out.push(']');
    Ok(())
}

/// Writes the JSON form of a value.
pub fn json(out: &mut String, ty: &Type, bytes: &[u8]) -> Result<()> {
    match *ty {
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            string(out, text(bytes)?)
        }
        Type::FLOAT8 => number(out, f64::from_be_bytes(fixed(bytes)?)),
        Type::BOOL => out.push_str(if bytes == [1] { "true" } else { "false" }),
        Type::JSON => compact(out, text(bytes)?),
        Type::JSONB => crate::ordered::write(out, text(bytes.get(1..).unwrap_or_default())?),
        Type::INT8 => {
            let value = i64::from_be_bytes(fixed(bytes)?);
            // Beyond 2^53 a JavaScript reader would silently get another number.
            let safe = value.unsigned_abs() <= 1 << 53;
            let mut buffer = itoa::Buffer::new();
            let digits = buffer.format(value);
            if safe {
                out.push_str(digits)
            } else {
                string(out, digits)
            }
        }
        Type::INT4 => out.push_str(itoa::Buffer::new().format(i32::from_be_bytes(fixed(bytes)?))),
        Type::INT2 => out.push_str(itoa::Buffer::new().format(i16::from_be_bytes(fixed(bytes)?))),
        Type::OID => out.push_str(itoa::Buffer::new().format(u32::from_be_bytes(fixed(bytes)?))),
        Type::FLOAT4 => number(out, f64::from(f32::from_be_bytes(fixed(bytes)?))),
        Type::TIMESTAMPTZ => timestamp(out, i64::from_be_bytes(fixed(bytes)?), 'T', "Z"),
        Type::TIMESTAMP => timestamp(out, i64::from_be_bytes(fixed(bytes)?), 'T', ""),
        Type::DATE => {
            let days = i64::from(i32::from_be_bytes(fixed(bytes)?));
            out.push('"');
            day(out, days + 10_957);
            out.push('"');
        }
        Type::CHAR => string(out, &char::from(fixed::<1>(bytes)?[0]).to_string()),
        Type::BYTEA => {
            out.push('"');
            base64::engine::general_purpose::STANDARD.encode_string(bytes, out);
            out.push('"');
        }
        Type::UUID => {
            let hex: String = fixed::<16>(bytes)?
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let _ = write!(
                out,
                "\"{}-{}-{}-{}-{}\"",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            );
        }
        Type::NUMERIC => string(
            out,
            &crate::numeric::to_text(bytes).ok_or_else(|| malformed(ty))?,
        ),
        Type::VOID => out.push_str("null"),
        _ => match ty.kind() {
            Kind::Enum(_) => string(out, text(bytes)?),
            Kind::Domain(inner) => json(out, inner, bytes)?,
            Kind::Array(element) => array(out, element, bytes)?,
            _ => {
                return Err(Error::bad_input(format!(
                    "a column of type {ty} has no JSON form here; cast it in the SQL, such as column::text"
                )));
            }
        },
    }
    Ok(())
}

/// Arrays of one dimension: a header, then each element with its length.
fn array(out: &mut String, element: &Type, bytes: &[u8]) -> Result<()> {
    let mut rest = bytes;
    let mut take = |count: usize| -> Result<&[u8]> {
        let (head, tail) = rest
            .split_at_checked(count)
            .ok_or_else(|| malformed(element))?;
        rest = tail;
        Ok(head)
    };
    let dimensions = i32::from_be_bytes(fixed(take(4)?)?);
    take(8)?;
    if dimensions > 1 {
        return Err(Error::bad_input(
            "an array of several dimensions has no JSON form here; use to_jsonb(column) in the SQL",
        ));
    }
    out.push('[');
    if dimensions == 1 {
        let count = i32::from_be_bytes(fixed(take(4)?)?);
        take(4)?;
        for index in 0..count {
            if index > 0 {
                out.push(',');
            }
            let length = i32::from_be_bytes(fixed(take(4)?)?);
            match usize::try_from(length) {
                Ok(length) => json(out, element, take(length)?)?,
                Err(_) => out.push_str("null"),
            }
        }
    }
    out.push(']');
    Ok(())
}

/// Writes the text of a value without quotes, for fragments of JSON that the SQL has built.
pub fn verbatim(out: &mut String, ty: &Type, bytes: &[u8]) -> Result<()> {
    match *ty {
        Type::TEXT | Type::VARCHAR | Type::UNKNOWN => out.push_str(text(bytes)?),
        _ => json(out, ty, bytes)?,
    }
    Ok(())
}

/// Writes a timestamp as `"YYYY-MM-DD HH:MM:SS.mmmZ"`.
pub fn date(out: &mut String, ty: &Type, bytes: &[u8]) -> Result<()> {
    match *ty {
        Type::TIMESTAMPTZ => timestamp(out, i64::from_be_bytes(fixed(bytes)?), ' ', "Z"),
        _ => json(out, ty, bytes)?,
    }
    Ok(())
}

/// `micros` since 2000-01-01; written with milliseconds. Digit by digit: rows have many of these, and the formatting
/// machinery costs several times as much.
fn timestamp(out: &mut String, micros: i64, separator: char, zone: &str) {
    const DAY: i64 = 86_400_000_000;
    let micros = micros.saturating_add(946_684_800_000_000);
    let ms = micros.rem_euclid(DAY) / 1000;
    out.push('"');
    day(out, micros.div_euclid(DAY));
    out.push(separator);
    digits(out, ms / 3_600_000, 2);
    out.push(':');
    digits(out, ms / 60_000 % 60, 2);
    out.push(':');
    digits(out, ms / 1000 % 60, 2);
    out.push('.');
    digits(out, ms % 1000, 3);
    out.push_str(zone);
    out.push('"');
}

/// Writes a number of days since 1970-01-01 as `YYYY-MM-DD`.
fn day(out: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    if (0..=9999).contains(&year) {
        digits(out, year, 4);
    } else {
        // Far years keep their sign and their length.
        out.push_str(itoa::Buffer::new().format(year));
    }
    out.push('-');
    digits(out, month, 2);
    out.push('-');
    digits(out, day, 2);
}

/// Writes a small number with leading zeros.
fn digits(out: &mut String, value: i64, width: u32) {
    for position in (0..width).rev() {
        let digit = value / 10_i64.pow(position) % 10;
        out.push(char::from(b'0' + digit as u8));
    }
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of year 0, so that the leap day is the last of its year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn number(out: &mut String, value: f64) {
    if value.is_finite() {
        out.push_str(ryu_js::Buffer::new().format_finite(value));
    } else {
        out.push_str("null");
    }
}

/// Writes a JSON string; the runs between characters that need an escape are copied whole.
pub fn string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    // Most texts have nothing to escape: one pass, one copy.
    while let Some(at) = rest
        .bytes()
        .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Copies JSON without the white space between its tokens (`jsonb` prints some).
pub(crate) fn compact(out: &mut String, json: &str) {
    let mut from = 0;
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in json.bytes().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if byte == b'"' {
            quoted = true;
        } else if byte.is_ascii_whitespace() {
            out.push_str(&json[from..at]);
            from = at + 1;
        }
    }
    out.push_str(&json[from..]);
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|_| Error::internal("PostgreSQL sent text that is not UTF-8"))
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| Error::internal("PostgreSQL sent a value of unexpected length"))
}

fn malformed(ty: &Type) -> Error {
    Error::internal(format!("PostgreSQL sent a malformed {ty}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(ty: &Type, bytes: &[u8]) -> String {
        let mut out = String::new();
        json(&mut out, ty, bytes).expect("encodes");
        out
    }

    #[test]
    fn values_have_their_json_form() {
        assert_eq!(encoded(&Type::FLOAT8, &1.5f64.to_be_bytes()), "1.5");
        assert_eq!(encoded(&Type::FLOAT8, &3f64.to_be_bytes()), "3");
        assert_eq!(encoded(&Type::FLOAT8, &1e21f64.to_be_bytes()), "1e+21");
        assert_eq!(encoded(&Type::FLOAT8, &f64::NAN.to_be_bytes()), "null");
        assert_eq!(encoded(&Type::BOOL, &[1]), "true");
        assert_eq!(
            encoded(&Type::INT8, &i64::MAX.to_be_bytes()),
            "\"9223372036854775807\""
        );
        assert_eq!(
            encoded(&Type::TEXT, "a\"\\\n\u{1}é".as_bytes()),
            "\"a\\\"\\\\\\n\\u0001é\""
        );
        assert_eq!(
            encoded(&Type::JSONB, b"\x01{\"a\": [1, \"b \\\" c\"]}"),
            "{\"a\":[1,\"b \\\" c\"]}"
        );
        assert_eq!(encoded(&Type::DATE, &0i32.to_be_bytes()), "\"2000-01-01\"");
    }

    #[test]
    fn timestamps_keep_milliseconds() {
        let mut out = String::new();
        date(
            &mut out,
            &Type::TIMESTAMPTZ,
            &1_234_567_890_123i64.to_be_bytes(),
        )
        .expect("encodes");
        assert_eq!(out, "\"2000-01-15 06:56:07.890Z\"");
    }

    #[test]
    fn the_calendar_holds_at_its_edges() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (-719_528, (0, 1, 1)),
            (2_932_896, (9999, 12, 31)),
        ] {
            assert_eq!(civil(days), date);
        }
    }
}
