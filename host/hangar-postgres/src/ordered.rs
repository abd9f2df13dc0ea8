//! jsonb with the keys of objects in alphabetical order.
//!
//! PostgreSQL gives shorter keys first. Guests keep objects sorted by their keys' bytes, and so does PocketBase: with
//! the same order here a value looks the same whoever wrote it down.

use crate::encode::compact;

/// Nesting up to which keys are sorted; what is deeper keeps PostgreSQL's order.
const MAX_DEPTH: usize = 32;

/// Writes jsonb's text without white space and with sorted keys. Keys compare as they are written, escapes included.
pub fn write(out: &mut String, json: &str) {
    if !json.contains('{') || is_sorted(json) {
        compact(out, json);
    } else {
        value(out, json, 0, 0);
    }
}

/// Whether the keys of every object are in order, which needs no rewriting.
fn is_sorted(json: &str) -> bool {
    let bytes = json.as_bytes();
    let mut last = [""; MAX_DEPTH];
    let (mut depth, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                depth += 1;
                if depth == MAX_DEPTH {
                    return false;
                }
                last[depth] = "";
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = string_end(bytes, at);
                if bytes.get(end) == Some(&b':') {
                    let key = &json[at + 1..end - 1];
                    if key < last[depth] {
                        return false;
                    }
                    last[depth] = key;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    true
}

/// The position after the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut escaped = false;
    for (offset, byte) in bytes[at + 1..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + offset + 2,
            _ => {}
        }
    }
    bytes.len()
}

/// The position after the value (or member) that begins at `at`: a comma or closing bracket of its parent, or the end.
fn value_end(bytes: &[u8], mut at: usize) -> usize {
    let mut open = 0_usize;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => open += 1,
            b',' if open == 0 => return at,
            b'}' | b']' if open == 0 => return at,
            b'}' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Writes the value that begins at `at`.
fn value(out: &mut String, json: &str, at: usize, depth: usize) {
    let bytes = json.as_bytes();
    let start = at + bytes[at..].iter().take_while(|b| **b == b' ').count();
    let open = bytes.get(start).copied().unwrap_or_default();
    if depth == MAX_DEPTH || !matches!(open, b'{' | b'[') {
        return compact(out, &json[start..value_end(bytes, start)]);
    }
    let mut members: Vec<(&str, usize)> = Vec::new();
    let mut at = start + 1;
    while at < bytes.len() && !matches!(bytes[at], b'}' | b']') {
        at += bytes[at..]
            .iter()
            .take_while(|b| matches!(b, b' ' | b','))
            .count();
        let mut from = at;
        if open == b'{' {
            from = string_end(bytes, at);
        }
        if from >= bytes.len() {
            break;
        }
        members.push((&json[at..from], from));
        at = value_end(bytes, from);
    }
    // A list's members have no keys and keep their places.
    members.sort_by(|(one, _), (other, _)| one.trim_matches('"').cmp(other.trim_matches('"')));
    out.push(char::from(open));
    for (number, (key, from)) in members.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        out.push_str(key);
        if open == b'{' {
            out.push(':');
            value(out, json, from + 1, depth + 1);
        } else {
            value(out, json, from, depth + 1);
        }
    }
    out.push(if open == b'{' { '}' } else { ']' });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        for (json, wanted) in [
            ("{}", "{}"),
            ("[]", "[]"),
            (r#""a: {b""#, r#""a: {b""#),
            (r#"{"a": 1, "b": 2}"#, r#"{"a":1,"b":2}"#),
            (r#"{"a": 1, "c": 2, "bb": 3}"#, r#"{"a":1,"bb":3,"c":2}"#),
            (
                r#"[1, {"z": [{"b": "x, y: {", "aa": null}, {}], "aaa": {"y": [], "xx": true}}, "q"]"#,
                r#"[1,{"aaa":{"xx":true,"y":[]},"z":[{"aa":null,"b":"x, y: {"},{}]},"q"]"#,
            ),
            (
                r#"{"a": 1, "a!": 2, " b": {"c": 1, "aa": 2}}"#,
                r#"{" b":{"aa":2,"c":1},"a":1,"a!":2}"#,
            ),
            (
                r#"{"b": -1.5e3, "a\"}": "\\", "ccc": ["x"]}"#,
                r#"{"a\"}":"\\","b":-1.5e3,"ccc":["x"]}"#,
            ),
        ] {
            let mut out = String::new();
            write(&mut out, json);
            assert_eq!(out, wanted);
        }
    }

    #[test]
    fn deep_values_are_written_whole() {
        let json = format!("{}{}", "{\"b\": 1, \"aa\": ".repeat(5000), "0") + &"}".repeat(5000);
        let mut out = String::new();
        write(&mut out, &json);
        assert_eq!(out.len(), json.len() - 3 * 5000);
        assert!(out.starts_with("{\"aa\":{\"aa\":"));
    }
}
