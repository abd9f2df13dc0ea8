//! JSON text as PocketBase writes it: only quotes, backslashes and control characters are escaped.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The JSON text of a value: compact, floats without needless decimals.
///
/// Maps keep serde_json's order, which is alphabetical, as in Go; structs keep declaration order.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::with_capacity(256);
    let mut serializer = Serializer::with_formatter(&mut out, GoFormatter);
    if value.serialize(&mut serializer).is_err() {
        // Only a map with keys that are no texts can fail; our models have none.
        return "null".to_owned();
    }
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A float as Go's JSON encoder writes it: shortest digits, exponent below 1e-6 and from 1e21.
/// Infinite numbers and NaN, which JSON cannot hold, become `null`.
pub fn format_float(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                format!("{digits}e+{exponent}")
            }
            _ => text,
        };
    }
    format!("{value}")
}

struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(format_float(value).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_look_like_go() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (1.25e-9, "1.25e-9"),
            (123456789012345680.0, "123456789012345680"),
        ] {
            assert_eq!(format_float(value), text);
        }
    }

    #[test]
    fn strings_look_like_go() {
        let text = to_json(&json!({"b": "<a & b>\n\u{1}\u{7f}é\"", "a": 1.0}));
        assert_eq!(text, "{\"a\":1,\"b\":\"<a & b>\\n\\u0001\u{7f}é\\\"\"}");
    }
}
