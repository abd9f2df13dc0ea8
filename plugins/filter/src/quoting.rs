//! Texts in error messages, quoted as PocketBase quotes them.

/// `text` between `quote`s. Quotes, backslashes and what does not print are escaped.
fn quoted(text: impl Iterator<Item = char>, quote: char) -> String {
    let mut out = String::from(quote);
    for c in text {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            '\'' | '"' => out.push(c),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.escape_debug().len() == 1 => out.push(c),
            c if (c as u32) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push(quote);
    out
}

/// A text in double quotes.
pub(crate) fn text(text: &str) -> String {
    quoted(text.chars(), '"')
}

/// A character in single quotes.
pub(crate) fn character(c: char) -> String {
    quoted(std::iter::once(c), '\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_does_not_print() {
        assert_eq!(text("a\"b'c\\"), r#""a\"b'c\\""#);
        assert_eq!(text("\n\t\u{1}é日😀"), r#""\n\t\x01é日😀""#);
        assert_eq!(character('\''), r"'\''");
        assert_eq!(character('"'), "'\"'");
        assert_eq!(character('\u{a0}'), r"'\u00a0'");
        assert_eq!(character('\u{2028}'), r"'\u2028'");
        assert_eq!(character('\u{b}'), r"'\v'");
    }
}
