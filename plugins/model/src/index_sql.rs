//! SQLite expressions of indexes as PostgreSQL ones.
//!
//! The text is taken apart into tokens and only known ones are written back, so nothing can slip through into DDL.

use crate::collection::Collection;
use crate::field::{Field, FieldType};
use crate::sql::{ident, literal};

const KEYWORDS: [&str; 17] = [
    "and", "or", "not", "is", "null", "in", "like", "between", "case", "when", "then", "else",
    "end", "true", "false", "isnull", "notnull",
];
const FUNCTIONS: [&str; 14] = [
    "lower", "upper", "abs", "length", "coalesce", "nullif", "substr", "trim", "ltrim", "rtrim",
    "replace", "round", "ifnull", "md5",
];
/// Longest first, so that a prefix never wins.
const OPERATORS: [&str; 17] = [
    "||", "==", "!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",",
];

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Number(String),
    Operator(&'static str),
}

/// The quoted column of this name (any case, as in SQLite).
pub fn column(collection: &Collection, name: &str) -> Result<String, String> {
    match find(collection, name) {
        Some(field) => Ok(ident(&field.name)),
        None if name.eq_ignore_ascii_case("rowid") || name == crate::sql::ROWID => {
            Ok(ident(crate::sql::ROWID))
        }
        None => Err(format!("SQL logic error: no such column: {name} (1)")),
    }
}

fn find<'a>(collection: &'a Collection, name: &str) -> Option<&'a Field> {
    collection
        .fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))
}

/// Translates an expression over the collection's fields.
pub fn expression(collection: &Collection, text: &str) -> Result<String, String> {
    translate(collection, text, "#>>")
}

/// Translates an expression that is indexed. A value out of JSON stands as filters look for it.
pub fn indexed(collection: &Collection, text: &str) -> Result<String, String> {
    translate(collection, text, "#>")
}

/// The column and path of `json_extract(column, '$.path')`, if the expression is that and nothing else.
pub fn json_path(collection: &Collection, text: &str) -> Option<String> {
    let tokens = tokens(text).ok()?;
    let [Token::Word(word), rest @ ..] = tokens.as_slice() else {
        return None;
    };
    let (sql, used) = extract(collection, word, rest, "#>")?.ok()?;
    (used == rest.len()).then_some(sql)
}

/// `json_extract(column, '$.path')`: the SQL, and how many tokens after the name were used.
fn extract(
    collection: &Collection,
    word: &str,
    next: &[Token],
    operator: &str,
) -> Option<Result<(String, usize), String>> {
    let [
        Token::Operator("("),
        Token::Word(name) | Token::Quoted(name),
        Token::Operator(","),
        Token::Text(path),
        Token::Operator(")"),
        ..,
    ] = next
    else {
        return None;
    };
    if !word.eq_ignore_ascii_case("json_extract") {
        return None;
    }
    let Some(steps) = path_steps(path) else {
        return Some(Err(format!("SQL logic error: bad JSON path: '{path}' (1)")));
    };
    let sql = column(collection, name)
        .map(|column| (format!("({column} {operator} {})", literal(&steps)), 5));
    Some(sql)
}

/// A path of names and places as the text of PostgreSQL's array, written as filters write it.
fn path_steps(path: &str) -> Option<String> {
    let mut steps = Vec::new();
    for part in path.strip_prefix("$.")?.split('.') {
        let (name, places) = match part.split_once('[') {
            Some((name, places)) => (name, Some(places.strip_suffix(']')?)),
            None => (part, None),
        };
        steps.push(name);
        steps.extend(places.into_iter().flat_map(|places| places.split("][")));
    }
    let plain = |step: &&str| {
        !step.is_empty()
            && step
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    steps
        .iter()
        .all(plain)
        .then(|| format!("{{\"{}\"}}", steps.join("\",\"")))
}

fn translate(collection: &Collection, text: &str, operator: &str) -> Result<String, String> {
    let tokens = tokens(text)?;
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    let mut depth = 0_i32;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Operator("(") => {
                depth += 1;
                out.push("(".into());
            }
            Token::Operator(")") => {
                depth -= 1;
                if depth < 0 {
                    return Err("SQL logic error: near \")\": syntax error (1)".into());
                }
                out.push(")".into());
            }
            Token::Operator("==") => out.push("=".into()),
            Token::Operator(sign) => out.push((*sign).into()),
            Token::Number(number) => out.push(number.clone()),
            Token::Text(text) => out.push(literal(text)),
            Token::Quoted(name) => {
                at += name_and_literal(collection, name, &tokens[at..], &mut out)?
            }
            Token::Word(word) => {
                let lower = word.to_ascii_lowercase();
                let called = tokens.get(at) == Some(&Token::Operator("("));
                if let Some(found) = extract(collection, word, &tokens[at..], operator) {
                    let (sql, used) = found?;
                    out.push(sql);
                    at += used;
                } else if lower == "collate" {
                    at += collation(&mut out, tokens.get(at))?;
                } else if called && FUNCTIONS.contains(&lower.as_str()) {
                    out.push(if lower == "ifnull" {
                        "coalesce".into()
                    } else {
                        lower
                    });
                } else if KEYWORDS.contains(&lower.as_str()) {
                    out.push(lower);
                } else if called && matches!(lower.as_str(), "random" | "randomblob") {
                    return Err(
                        "SQL logic error: non-deterministic functions prohibited in index expressions (1)"
                            .into(),
                    );
                } else if called {
                    return Err(format!("SQL logic error: no such function: {word} (1)"));
                } else {
                    at += name_and_literal(collection, word, &tokens[at..], &mut out)?;
                }
            }
        }
    }
    if depth != 0 || out.is_empty() {
        return Err("SQL logic error: incomplete input (1)".into());
    }
    Ok(out.join(" "))
}

/// Writes a column. What SQLite would compare loosely is made to fit PostgreSQL's types: a bool with 0 or 1, a date with
/// the empty text. Returns how many of the following tokens were used.
fn name_and_literal(
    collection: &Collection,
    name: &str,
    next: &[Token],
    out: &mut Vec<String>,
) -> Result<usize, String> {
    out.push(column(collection, name)?);
    let Some(field) = find(collection, name) else {
        return Ok(0);
    };
    let is_date = matches!(field.kind(), FieldType::Date | FieldType::Autodate);
    if let (
        true,
        [
            Token::Operator("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="),
            Token::Text(text),
            ..,
        ],
    ) = (is_date, next)
        && !text.is_empty()
        && let Some(column) = out.pop()
    {
        // Dates are texts in SQLite, the empty one too.
        out.push(format!("coalesce(hangar_fn.date_text({column}), '')"));
        return Ok(0);
    }
    let [
        Token::Operator(sign @ ("=" | "==" | "!=" | "<>")),
        value,
        ..,
    ] = next
    else {
        return Ok(0);
    };
    let equal = matches!(*sign, "=" | "==");
    match (field.kind(), value) {
        (FieldType::Bool, Token::Number(number)) if number == "0" || number == "1" => {
            out.push(if equal { "=" } else { "<>" }.into());
            out.push(if number == "1" { "true" } else { "false" }.into());
            Ok(2)
        }
        (FieldType::Date | FieldType::Autodate, Token::Text(text)) if text.is_empty() => {
            out.push(if equal { "is null" } else { "is not null" }.into());
            Ok(2)
        }
        _ => Ok(0),
    }
}

/// `x COLLATE NOCASE` within an expression folds what stands before it; only a plain column or literal is supported.
fn collation(out: &mut Vec<String>, name: Option<&Token>) -> Result<usize, String> {
    let (Some(Token::Word(name) | Token::Quoted(name)), Some(before)) = (name, out.pop()) else {
        return Err("SQL logic error: near \"COLLATE\": syntax error (1)".into());
    };
    match name.to_ascii_lowercase().as_str() {
        "nocase" if before != ")" => out.push(format!("lower({before})")),
        "binary" => out.push(before),
        other => return Err(format!("the collation {other} is not supported here")),
    }
    Ok(1)
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let used = match first {
            '\'' => {
                let (value, used) = quoted(rest, '\'')?;
                tokens.push(Token::Text(value));
                used
            }
            '`' | '"' | '[' => {
                let (value, used) = quoted(rest, if first == '[' { ']' } else { first })?;
                tokens.push(Token::Quoted(value));
                used
            }
            '0'..='9' => {
                let used = rest
                    .find(|next: char| !(next.is_ascii_digit() || next == '.'))
                    .unwrap_or(rest.len());
                let number = &rest[..used];
                if number.parse::<f64>().is_err() {
                    return Err(format!(
                        "SQL logic error: unrecognized token: \"{number}\" (1)"
                    ));
                }
                tokens.push(Token::Number(number.to_owned()));
                used
            }
            _ if first.is_alphabetic() || first == '_' => {
                let used = rest
                    .find(|next: char| !(next.is_alphanumeric() || next == '_'))
                    .unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..used].to_owned()));
                used
            }
            _ => {
                let sign = OPERATORS
                    .into_iter()
                    .find(|sign| rest.starts_with(sign))
                    .ok_or_else(|| {
                        format!("SQL logic error: unrecognized token: \"{first}\" (1)")
                    })?;
                // Two signs that would start a comment together are no expression.
                if rest.starts_with("--") || rest.starts_with("/*") {
                    return Err("SQL logic error: comments are not supported in indexes (1)".into());
                }
                tokens.push(Token::Operator(sign));
                sign.len()
            }
        };
        rest = rest[used..].trim_start();
    }
    Ok(tokens)
}

/// A quoted token with doubled quotes undone, and its length in the text.
fn quoted(text: &str, close: char) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != close {
            value.push(letter);
        } else if letters.peek().is_some_and(|(_, next)| *next == close) {
            value.push(letter);
            letters.next();
        } else {
            return Ok((value, at + letter.len_utf8()));
        }
    }
    Err(format!(
        "SQL logic error: unrecognized token: \"{text}\" (1)"
    ))
}
