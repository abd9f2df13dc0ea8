//! The `fields` query parameter.

use serde_json::{Map, Value};

use crate::excerpt::excerpt;

/// A parsed `fields` parameter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picker {
    children: Vec<(String, Picker)>,
    /// A path ends here.
    end: bool,
    modifier: Option<Excerpt>,
}

/// `:excerpt(max, withEllipsis)`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Excerpt {
    max: usize,
    ellipsis: bool,
}

/// Deepest path that is followed.
const MAX_DEPTH: usize = 32;

impl Picker {
    /// Reads `a,b.c,*,body:excerpt(200,true)`. `Ok(None)` for an empty parameter: nothing is to be picked. `Err` for an
    /// unknown or broken modifier.
    pub fn parse(fields: &str) -> Result<Option<Self>, String> {
        let mut root = Picker::default();
        for part in split(fields) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let (path, modifier) = match part.split_once(':') {
                Some((path, modifier)) => (path, Some(parse_modifier(modifier)?)),
                None => (part, None),
            };
            let mut node = &mut root;
            for name in path.split('.').take(MAX_DEPTH) {
                let at = match node.children.iter().position(|(other, _)| other == name) {
                    Some(at) => at,
                    None => {
                        node.children.push((name.to_owned(), Picker::default()));
                        node.children.len() - 1
                    }
                };
                node = &mut node.children[at].1;
            }
            node.end = true;
            if modifier.is_some() {
                node.modifier = modifier;
            }
        }
        Ok((!root.children.is_empty()).then_some(root))
    }

    /// Keeps of a value only what was asked for; arrays are picked item by item.
    pub fn pick(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.pick(item)),
            Value::Object(map) => {
                let old = std::mem::take(map);
                *map = old
                    .into_iter()
                    .filter_map(|(key, value)| self.keep(key, value))
                    .collect();
            }
            _ => {}
        }
    }

    /// As [`pick`](Self::pick), but of a list response's envelope everything stays and `items` are picked.
    pub fn pick_response(&self, value: &mut Value) {
        match value {
            Value::Object(map) if is_list(map) => {
                if let Some(items) = map.get_mut("items") {
                    self.pick(items);
                }
            }
            _ => self.pick(value),
        }
    }

    fn keep(&self, key: String, mut value: Value) -> Option<(String, Value)> {
        let child = |wanted: &str| {
            let mut children = self.children.iter();
            children
                .find(|(name, _)| name == wanted)
                .map(|(_, node)| node)
        };
        // A star stands for the keys not named, but only at the end of a path.
        let (node, named) = match child(&key) {
            Some(node) => (node, true),
            None => (child("*").filter(|node| node.end)?, false),
        };
        if let (Some(modifier), Value::String(text)) = (node.modifier, &mut value) {
            *text = excerpt(text, modifier.max, modifier.ellipsis);
        }
        if named && !node.children.is_empty() {
            node.pick(&mut value);
        }
        Some((key, value))
    }
}

fn is_list(map: &Map<String, Value>) -> bool {
    ["page", "perPage", "totalItems", "totalPages"]
        .into_iter()
        .all(|key| map.contains_key(key))
        && map.get("items").is_some_and(Value::is_array)
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth <= 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_modifier(text: &str) -> Result<Excerpt, String> {
    let arguments = text
        .trim()
        .strip_prefix("excerpt(")
        .and_then(|rest| rest.strip_suffix(')'))
        .ok_or_else(|| {
            format!("invalid or missing modifier {text:?}; known is excerpt(max, withEllipsis)")
        })?;
    let mut arguments = arguments.split(',').map(str::trim);
    // What stands behind a point does not count.
    let whole = |max: &str| match max.split_once('.') {
        Some((whole, rest)) if rest.bytes().all(|byte| byte.is_ascii_digit()) => whole.parse().ok(),
        Some(_) => None,
        None => max.parse().ok(),
    };
    let max = arguments.next().and_then(whole).filter(|max| *max > 0);
    let max = max.ok_or("excerpt needs the greatest length as its first argument, above 0")?;
    let ellipsis = match arguments.next() {
        None | Some("") => false,
        Some(flag) => matches!(flag, "1" | "t" | "T" | "true" | "TRUE" | "True"),
    };
    if arguments.next().is_some() {
        return Err("excerpt takes at most two arguments".to_owned());
    }
    Ok(Excerpt { max, ellipsis })
}
