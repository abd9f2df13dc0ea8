//! Texts of OAuth2: what stands in addresses and forms.

use std::fmt::Write;

/// A value as it stands in a query or form.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            // Writing to a text cannot fail.
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}

/// Pairs as a query or form, in the order they are given.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    let parts: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    parts.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(
            encode(&[("a b", "~x*"), ("ü", "a&b=c/")]),
            "a+b=~x%2A&%C3%BC=a%26b%3Dc%2F"
        );
    }
}
