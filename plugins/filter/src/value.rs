//! Constants and what SQLite would make of them.

use hangar_model::json::to_json;

use crate::lexer::Comparison;

/// A bound parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// boolean.
    Bool(bool),
    /// bigint.
    Int(i64),
    /// double precision.
    Float(f64),
    /// text.
    Text(String),
}

impl Value {
    /// The value as PostgreSQL takes it: no text there holds a NUL, so none can equal one.
    pub(crate) fn bindable(self) -> Value {
        match self {
            Value::Text(text) if text.contains('\0') => Value::Text(text.replace('\0', "\u{fffd}")),
            other => other,
        }
    }
}

/// An operand whose value is known while compiling.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Const {
    Null,
    Text(String),
    Number(f64),
    /// A number that has no fraction as text: literal booleans and the macros for parts of a date.
    Int(i64),
    /// A boolean of the request: 1 or 0, but a word as a pattern.
    Bool(bool),
}

impl Const {
    pub(crate) fn bool(value: bool) -> Const {
        Const::Int(i64::from(value))
    }

    /// Null or the empty text, which mean the same to `=` and `!=`.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Const::Null => true,
            Const::Text(text) => text.is_empty(),
            Const::Number(_) | Const::Int(_) | Const::Bool(_) => false,
        }
    }

    /// The number of a number.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Const::Number(number) => Some(*number),
            // Booleans and parts of dates are far below 2^53.
            Const::Int(number) => Some(*number as f64),
            Const::Bool(value) => Some(f64::from(u8::from(*value))),
            Const::Null | Const::Text(_) => None,
        }
    }

    /// The text it has when compared with a text column.
    pub(crate) fn as_text(&self) -> String {
        match self {
            Const::Null => String::new(),
            Const::Text(text) => text.clone(),
            Const::Number(number) => real_text(*number),
            Const::Int(number) => number.to_string(),
            Const::Bool(value) => i64::from(*value).to_string(),
        }
    }

    /// The text it has on the right of `~`.
    pub(crate) fn pattern_text(&self) -> String {
        match self {
            Const::Bool(value) => value.to_string(),
            Const::Number(number) => number.to_string(),
            other => other.as_text(),
        }
    }

    /// What a JSON value counts as: lists and objects as their compact text, true as 1.
    pub(crate) fn from_json(value: &serde_json::Value) -> Const {
        use serde_json::Value as Json;
        match value {
            Json::Null => Const::Null,
            Json::Bool(value) => Const::Bool(*value),
            Json::Number(number) => Const::Number(number.as_f64().unwrap_or(0.0)),
            Json::String(text) => Const::Text(text.clone()),
            Json::Array(_) | Json::Object(_) => Const::Text(to_json(value)),
        }
    }
}

/// The number a text stands for under SQLite's numeric affinity; none if it does not look like one.
pub(crate) fn numeric(text: &str) -> Option<f64> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let body = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    // Rust's parser also takes "inf", "nan" and "infinity".
    if !body.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    trimmed.parse().ok()
}

/// The text of a number bound as a real under SQLite's text affinity: `7.0`, `1.0e+20`.
pub(crate) fn real_text(number: f64) -> String {
    if number == 0.0 || (1e-4..1e15).contains(&number.abs()) {
        let text = number.to_string();
        return if text.contains('.') {
            text
        } else {
            text + ".0"
        };
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = if mantissa.contains('.') {
        mantissa.to_owned()
    } else {
        format!("{mantissa}.0")
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!(
        "{mantissa}e{}{:02}",
        if exponent < 0 { '-' } else { '+' },
        exponent.abs()
    )
}

/// The LIKE pattern of a literal: used as given if it has a `%` of its own, else escaped and searched for anywhere.
pub(crate) fn like_pattern(literal: &str) -> String {
    let mut escaped = false;
    for c in literal.chars() {
        match c {
            '\\' => escaped = !escaped,
            '%' if !escaped => return literal.to_owned(),
            _ => escaped = false,
        }
    }
    let mut pattern = String::with_capacity(literal.len() + 2);
    pattern.push('%');
    let mut chars = literal.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            // Escaped already.
            ('\\', Some(next @ ('%' | '_' | '\\'))) => {
                pattern.extend(['\\', *next]);
                chars.next();
            }
            ('%' | '_' | '\\', _) => pattern.extend(['\\', c]),
            _ => pattern.push(c),
        }
    }
    pattern.push('%');
    pattern
}

/// Whether a pattern ends in a backslash that escapes nothing: SQLite matches nothing then, PostgreSQL fails.
pub(crate) fn dangling_escape(pattern: &str) -> bool {
    pattern.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// SQLite's LIKE with `\` as escape: only A–Z fold.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_ascii_lowercase().chars().collect();
    let pattern = pattern.to_ascii_lowercase();
    // Pattern items: None for %, Some(None) for _, Some(Some(c)) for a character.
    let mut items = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        items.push(match c {
            '%' => None,
            '_' => Some(None),
            '\\' => match chars.next() {
                Some(next) => Some(Some(next)),
                None => return false,
            },
            c => Some(Some(c)),
        });
    }
    // One pass with a single point to return to: linear in practice, quadratic at worst.
    let (mut at, mut item, mut back) = (0, 0, None);
    while at < text.len() {
        match items.get(item) {
            Some(None) => {
                back = Some((at, item));
                item += 1;
            }
            Some(Some(wanted)) if wanted.is_none_or(|c| c == text[at]) => {
                at += 1;
                item += 1;
            }
            _ => match back {
                Some((from, star)) => {
                    back = Some((from + 1, star));
                    at = from + 1;
                    item = star + 1;
                }
                None => return false,
            },
        }
    }
    items[item..].iter().all(Option::is_none)
}

/// The result of comparing two constants; none for NULL.
pub(crate) fn constants(comparison: Comparison, a: &Const, b: &Const) -> Option<bool> {
    use std::cmp::Ordering;
    let pattern = || {
        let known = *a != Const::Null && *b != Const::Null;
        known.then(|| (a.as_text(), like_pattern(&b.pattern_text())))
    };
    let order = || -> Option<Ordering> {
        match (a, b) {
            (Const::Null, _) | (_, Const::Null) => None,
            (Const::Text(a), Const::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            // Numbers sort below texts.
            (Const::Text(_), _) => Some(Ordering::Greater),
            (_, Const::Text(_)) => Some(Ordering::Less),
            (a, b) => a.number()?.partial_cmp(&b.number()?),
        }
    };
    let equal = || match (a.is_empty(), b.is_empty()) {
        (true, true) => true,
        (false, false) => order() == Some(Ordering::Equal),
        _ => false,
    };
    match comparison {
        Comparison::Eq => Some(equal()),
        Comparison::Ne => Some(!equal()),
        Comparison::Gt => order().map(Ordering::is_gt),
        Comparison::Ge => order().map(Ordering::is_ge),
        Comparison::Lt => order().map(Ordering::is_lt),
        Comparison::Le => order().map(Ordering::is_le),
        Comparison::Like => pattern().map(|(text, pattern)| like(&text, &pattern)),
        Comparison::NotLike => pattern().map(|(text, pattern)| !like(&text, &pattern)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_sqlite_writes_them() {
        for (number, text) in [
            (7.0, "7.0"),
            (-2.5, "-2.5"),
            (0.0, "0.0"),
            (1e20, "1.0e+20"),
            (1.5e-7, "1.5e-07"),
        ] {
            assert_eq!(real_text(number), text);
        }
        for (text, number) in [
            ("7", Some(7.0)),
            (" +1e2 ", Some(100.0)),
            ("", None),
            ("inf", None),
            ("0x1", None),
            ("7a", None),
        ] {
            assert_eq!(numeric(text), number, "{text:?}");
        }
    }

    #[test]
    fn like_patterns() {
        assert_eq!(like_pattern("a_b"), "%a\\_b%");
        assert_eq!(like_pattern("a%"), "a%");
        assert_eq!(like_pattern("100\\%"), "%100\\%%");
        assert_eq!(like_pattern("a\\b"), "%a\\\\b%");
        for (text, pattern, expected) in [
            ("Hello", "%ELL%", true),
            ("Hello", "h_llo", true),
            ("a%b", "a\\%b", true),
            ("axb", "a\\%b", false),
            ("É", "é", false),
            ("aab", "%ab", true),
            ("", "%", true),
            ("a\\", "%\\", false),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} {pattern}");
        }
    }
}
