//! Regular expressions of fields: matching, and generating text from a pattern.

use std::cell::RefCell;
use std::collections::HashMap;

use regex_lite::{Regex, RegexBuilder};

use crate::ids::Random;
use crate::pattern_syntax::parse;
use crate::pattern_tree::{Node, Range, WORD};

/// How many compiled patterns an instance keeps.
const CACHE: usize = 128;
/// Upper bound of a compiled pattern, in bytes.
const SIZE_LIMIT: usize = 1 << 20;
/// Deepest nesting the engine takes; the parser stops earlier.
const NEST_LIMIT: u32 = 1000;
/// Longest text a pattern may generate, in bytes.
const MAX_GENERATED: usize = 5000;
/// How far above its minimum an unbounded count goes.
const OPEN: usize = 8;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// Whether the text matches (anywhere, as in Go, unless anchored). `Err` if the pattern is none.
///
/// Syntax and messages are Go's. Unicode classes (`\p{…}`) are not supported, and `(?i)` folds ASCII letters only.
pub fn matches(pattern: &str, text: &str) -> Result<bool, String> {
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(regex) = compiled.get(pattern) {
            return Ok(regex.is_match(text));
        }
        let regex = compile(pattern)?;
        let result = regex.is_match(text);
        if compiled.len() >= CACHE {
            compiled.clear();
        }
        compiled.insert(pattern.to_owned(), regex);
        Ok(result)
    })
}

/// Whether the pattern is a regular expression; the error says why not.
pub fn check(pattern: &str) -> Result<(), String> {
    compile(pattern).map(|_| ())
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let mut translated = String::with_capacity(pattern.len() * 2);
    parse(pattern)?.translate(&mut translated);
    RegexBuilder::new(&translated)
        .size_limit(SIZE_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build()
        .map_err(|error| error.to_string())
}

/// Random text matching a pattern without assertions. Unbounded counts stop at 8 above their minimum; of a class the
/// printable ASCII characters are taken, if it has any.
pub fn generate(pattern: &str, random: &mut dyn Random) -> Result<String, String> {
    let mut out = String::new();
    write(&parse(pattern)?, &mut out, random)?;
    Ok(out)
}

fn write(node: &Node, out: &mut String, random: &mut dyn Random) -> Result<(), String> {
    let unsupported = |operator: u8| Err(format!("unsupported pattern operator {operator}"));
    match node {
        Node::Literal(c) => out.push(*c),
        Node::Any => out.push_str(&random.text(1, &alphabet(false, WORD))),
        Node::Class { negated, ranges } => match alphabet(*negated, ranges).as_str() {
            "" if *negated => return Err("a class has no printable character".to_owned()),
            "" => out.extend(any_of(ranges, random)),
            letters => out.push_str(&random.text(1, letters)),
        },
        Node::Assertion(_, operator) => return unsupported(*operator),
        Node::Flags(_) => {}
        Node::Group { inner, .. } => write(inner, out, random)?,
        Node::Repeat {
            inner, min, max, ..
        } => {
            let most = max.unwrap_or(min + OPEN);
            let count = min + below(most - min + 1, random);
            // All at once for the usual pattern of ids.
            if let Node::Class { negated, ranges } = &**inner
                && let letters = alphabet(*negated, ranges)
                && !letters.is_empty()
            {
                out.push_str(&random.text(count, &letters));
            } else {
                for _ in 0..count {
                    write(inner, out, random)?;
                }
            }
        }
        Node::Concat(nodes) if nodes.is_empty() => return unsupported(2),
        Node::Concat(nodes) => {
            for node in nodes {
                write(node, out, random)?;
            }
        }
        Node::Alternate(nodes) => {
            if nodes.contains(&Node::Concat(Vec::new())) {
                return unsupported(2);
            }
            write(&nodes[below(nodes.len(), random)], out, random)?;
        }
    }
    if out.len() > MAX_GENERATED {
        return Err(format!("the pattern gives more than {MAX_GENERATED} bytes"));
    }
    Ok(())
}

/// The printable ASCII characters of a class.
fn alphabet(negated: bool, ranges: &[Range]) -> String {
    let within = |c: &char| ranges.iter().any(|(low, high)| (low..=high).contains(&c));
    (' '..='~').filter(|c| within(c) != negated).collect()
}

/// A character of the ranges.
fn any_of(ranges: &[Range], random: &mut dyn Random) -> Option<char> {
    let (low, high) = ranges.get(below(ranges.len(), random))?;
    let span = (*high as usize).saturating_sub(*low as usize) + 1;
    let code = u32::try_from(*low as usize + below(span, random)).ok()?;
    // Surrogates are no characters.
    Some(char::from_u32(code).unwrap_or(*low))
}

/// An even number below `limit`, drawn from random digits.
fn below(limit: usize, random: &mut dyn Random) -> usize {
    if limit <= 1 {
        return 0;
    }
    // Fifteen decimal digits: the remainder is uneven by less than one in 10^8 for our limits.
    let number = random.text(15, "0123456789").parse::<u64>().unwrap_or(0);
    (number % limit as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Counter;

    #[test]
    fn generated_text_matches_its_pattern() {
        let mut random = Counter::default();
        for pattern in [
            "[a-z0-9]{15}",
            "[a-zA-Z0-9]{50}",
            "x-\\d{2,4}",
            "[a-z]+_?[0-9-]*\\.",
            "ab{3}c",
            "\\w{1,}[\\w\\-]",
            "(foo|bar)-[0-9]{4}",
            "(?:ab){2}[^a-z]\\D.",
            "[é-ü]{3}",
        ] {
            for _ in 0..20 {
                let text = generate(pattern, &mut random).expect("a supported pattern");
                assert_eq!(
                    matches(&format!("^(?:{pattern})$"), &text),
                    Ok(true),
                    "{pattern} gave {text}"
                );
            }
        }
        for pattern in [
            "[",
            "^a$",
            "x|",
            "[z-a]",
            "a{2,1}",
            "a{9999}",
            "(a{1000})(b{900}){1}(c{1000})d{1000}e{1000}f{1000}",
        ] {
            assert!(generate(pattern, &mut random).is_err(), "{pattern}");
        }
    }
}
