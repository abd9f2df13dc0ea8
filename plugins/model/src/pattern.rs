//! Regular expressions of fields: matching, and generating text from a pattern.

use std::cell::RefCell;
use std::collections::HashMap;

use regex_lite::{Regex, RegexBuilder};

use crate::ids::Random;

/// How many compiled patterns an instance keeps.
const CACHE: usize = 128;
/// Upper bound of a compiled pattern, in bytes.
const SIZE_LIMIT: usize = 1 << 20;
/// Longest text a pattern may generate, in characters.
const MAX_GENERATED: usize = 5000;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// Whether the text matches (anywhere, as in Go, unless anchored). `Err` if the pattern is none.
///
/// Classes such as `\w` are ASCII, as in Go; Unicode classes (`\p{…}`) are not supported.
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
    RegexBuilder::new(pattern)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| error.to_string())
}

/// A part of a pattern that can be generated.
#[derive(Debug, Clone)]
struct Part {
    alternatives: String,
    least: usize,
    most: usize,
}

/// Random text matching a pattern made of literals, classes (`[a-z0-9_]`, `\d`, `\w`, `.`) and counts (`{3}`, `{3,5}`,
/// `?`, `*`, `+`); `^` and `$` at the ends are ignored. Unbounded counts stop at 8 above their minimum.
pub fn generate(pattern: &str, random: &mut dyn Random) -> Result<String, String> {
    let parts = parse(pattern)?;
    let longest: usize = parts
        .iter()
        .map(|part| part.most)
        .fold(0, usize::saturating_add);
    if longest > MAX_GENERATED {
        return Err(format!(
            "the pattern gives more than {MAX_GENERATED} characters"
        ));
    }
    let mut out = String::new();
    for part in parts {
        let count = part.least + below(part.most - part.least + 1, random);
        if part.alternatives.len() == 1 {
            out.push_str(&part.alternatives.repeat(count));
        } else if count > 0 {
            out.push_str(&random.text(count, &part.alternatives));
        }
    }
    Ok(out)
}

/// An even number below `limit`, drawn from random digits.
fn below(limit: usize, random: &mut dyn Random) -> usize {
    if limit <= 1 {
        return 0;
    }
    // Fifteen decimal digits: the remainder is uneven by less than one in 10^11 for our limits.
    random.text(15, "0123456789").parse::<usize>().unwrap_or(0) % limit
}

const DIGITS: &str = "0123456789";
const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

fn parse(pattern: &str) -> Result<Vec<Part>, String> {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = if inner.ends_with("\\$") {
        inner
    } else {
        inner.strip_suffix('$').unwrap_or(inner)
    };
    let mut letters = inner.chars().peekable();
    let mut parts = Vec::new();
    while let Some(letter) = letters.next() {
        let alternatives = match letter {
            '[' => class(&mut letters)?,
            '\\' => escape(letters.next())?,
            '.' => WORD.to_owned(),
            '(' | ')' | '|' | '*' | '+' | '?' | '{' => {
                return Err(format!(
                    "{letter:?} is not supported in a pattern for generated text"
                ));
            }
            letter if letter.is_ascii() => letter.to_string(),
            letter => return Err(format!("{letter:?} is not ASCII")),
        };
        let (least, most) = count(&mut letters)?;
        parts.push(Part {
            alternatives,
            least,
            most,
        });
    }
    Ok(parts)
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn escape(letter: Option<char>) -> Result<String, String> {
    match letter {
        Some('d') => Ok(DIGITS.to_owned()),
        Some('w') => Ok(WORD.to_owned()),
        Some(letter) if letter.is_ascii_punctuation() => Ok(letter.to_string()),
        other => Err(format!(
            "the escape {other:?} is not supported in a pattern for generated text"
        )),
    }
}

fn class(letters: &mut Letters<'_>) -> Result<String, String> {
    let mut members = String::new();
    let mut add = |letter: char| {
        if !members.contains(letter) {
            members.push(letter);
        }
    };
    loop {
        let first = match letters.next() {
            None => return Err("missing closing ]".to_owned()),
            Some(']') => break,
            Some('^') => {
                return Err(
                    "negated classes are not supported in a pattern for generated text".to_owned(),
                );
            }
            Some('\\') => {
                escape(letters.next())?.chars().for_each(&mut add);
                continue;
            }
            Some(letter) if letter.is_ascii() => letter,
            Some(letter) => return Err(format!("{letter:?} is not ASCII")),
        };
        let mut ahead = letters.clone();
        if ahead.next() == Some('-')
            && let Some(last) = ahead.next()
            && last != ']'
        {
            if last < first || !last.is_ascii() {
                return Err(format!("the range {first}-{last} is not valid"));
            }
            (first..=last).for_each(&mut add);
            *letters = ahead;
        } else {
            add(first);
        }
    }
    if members.is_empty() {
        Err("a class is empty".to_owned())
    } else {
        Ok(members)
    }
}

fn count(letters: &mut Letters<'_>) -> Result<(usize, usize), String> {
    const OPEN: usize = 8;
    let bounds = match letters.peek() {
        Some('?') => (0, 1),
        Some('*') => (0, OPEN),
        Some('+') => (1, OPEN),
        Some('{') => {
            letters.next();
            let mut text = String::new();
            loop {
                match letters.next() {
                    Some('}') => break,
                    Some(letter) => text.push(letter),
                    None => return Err("missing closing }".to_owned()),
                }
            }
            let number = |part: &str| {
                part.parse::<usize>()
                    .map_err(|_| format!("the count {{{text}}} is not valid"))
            };
            let (least, most) = match text.split_once(',') {
                None => (number(&text)?, number(&text)?),
                Some((least, "")) => (number(least)?, number(least)?.saturating_add(OPEN)),
                Some((least, most)) => (number(least)?, number(most)?),
            };
            return if least <= most {
                Ok((least, most))
            } else {
                Err(format!("the count {{{text}}} is not valid"))
            };
        }
        _ => return Ok((1, 1)),
    };
    letters.next();
    Ok(bounds)
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
            "^x-\\d{2,4}$",
            "[a-z]+_?[0-9-]*\\.",
            "ab{3}c",
            "\\w{1,}[\\w\\-]",
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
        for pattern in ["[", "(a)", "a|b", "[z-a]", "a{2,1}", "[^a]", "a{9999}", "é"] {
            assert!(generate(pattern, &mut random).is_err(), "{pattern}");
        }
    }
}
