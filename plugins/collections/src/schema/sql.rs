//! `POST /api/sql`: statements of a superuser, in PostgreSQL's dialect.

use std::time::Instant;

use hangar_failure::{Failure, Outcome};
use hangar_model::json::to_json;
use hangar_model::sql::ROWID;
use hangar_model::{ApiError, date};
use hangar_sdk::http::{Request, Response};
use hangar_sdk::kv;
use hangar_sdk::postgres::{self, Rows};
use serde_json::{Value, json};
use sqlparser::tokenizer::{Location, Token};

use crate::catalog::TOPIC;
use crate::records::write;
use crate::schema::{dry_run, permitted, picked};

/// Rows shown.
const MAX_ROWS: usize = 1000;

/// Answers the request.
pub fn handle(request: &Request) -> Outcome<Response> {
    let query = dry_run::query(request)?;
    let failed =
        |raw: &str| ApiError::bad_request(&format!("Failed to execute query. Raw error:\n{raw}"));
    let statements = split(&query).map_err(|error| failed(&error))?;
    if statements.is_empty() && query.trim().is_empty() {
        return Err(failed("empty query").into());
    }
    let started = Instant::now();
    let reads = statements.iter().all(|statement| statement.reads);
    let result = write::transaction(|| {
        let mut last = None;
        for statement in &statements {
            last = Some(postgres::query(statement.text(), vec![])?);
        }
        Ok(last)
    });
    if !reads {
        // Whatever was changed: collections are read anew.
        kv::revisions::bump(TOPIC);
    }
    let rows = match result {
        Ok(rows) => rows,
        Err(Failure::Host(error)) => return Err(failed(&error.message).into()),
        Err(failure) => return Err(failure),
    };
    let elapsed = started.elapsed().as_millis();
    let mut rows = rows.unwrap_or(Rows {
        columns: Vec::new(),
        rows: Vec::new(),
        affected: 0,
    });
    if !query.contains(ROWID) {
        hide_rowid(&mut rows);
    }
    picked(request, answer(rows, elapsed, reads))
}

/// Takes the column out that `*` includes in Hangar's tables and not in PocketBase's.
fn hide_rowid(rows: &mut Rows) {
    while let Some(at) = rows.columns.iter().position(|(name, _)| name == ROWID) {
        rows.columns.remove(at);
        for row in &mut rows.rows {
            row.remove(at);
        }
    }
}

fn answer(rows: Rows, elapsed: u128, reads: bool) -> String {
    let affected = if reads { 0 } else { rows.affected };
    let columns: Vec<String> = rows
        .columns
        .iter()
        .map(|(name, kind)| {
            format!(
                "{{\"name\":{},\"type\":{},\"nullable\":true}}",
                Value::from(name.as_str()),
                Value::from(sqlite_type(kind))
            )
        })
        .collect();
    let cells: Vec<Vec<Value>> = rows
        .rows
        .into_iter()
        .take(MAX_ROWS)
        .map(|row| {
            let cells = rows.columns.iter().zip(row);
            cells.map(|((_, kind), value)| cell(kind, value)).collect()
        })
        .collect();
    format!(
        "{{\"execTime\":{elapsed},\"affectedRows\":{affected},\"columns\":[{}],\"rows\":{}}}",
        columns.join(","),
        to_json(&json!(cells))
    )
}

/// Every cell is a text, as SQLite has stored it.
fn cell(kind: &str, value: Value) -> Value {
    match (kind, value) {
        ("timestamptz", Value::Null) => "".into(),
        ("timestamptz", Value::String(text)) => date::normalize(&text).into(),
        (_, Value::Bool(flag)) => Value::from(if flag { "1" } else { "0" }),
        (_, value @ (Value::Null | Value::String(_))) => value,
        (_, other) => Value::String(to_json(&other)),
    }
}

/// The name SQLite would have for a type.
fn sqlite_type(kind: &str) -> &str {
    match kind {
        "text" | "varchar" | "bpchar" | "name" | "timestamptz" | "timestamp" | "date" => "TEXT",
        "bool" => "BOOLEAN",
        "json" | "jsonb" => "JSON",
        "float4" | "float8" | "numeric" => "NUMERIC",
        "int2" | "int4" | "int8" => "INTEGER",
        other => other,
    }
}

/// One statement of a text.
struct Part<'a> {
    sql: &'a str,
    /// Whether it only reads, so that its rows can be cut off.
    reads: bool,
}

impl Part<'_> {
    fn text(&self) -> String {
        if self.reads {
            // The line break ends a comment.
            format!("SELECT * FROM ({}\n) AS shown LIMIT {MAX_ROWS}", self.sql)
        } else {
            self.sql.to_owned()
        }
    }
}

/// The statements of a text, split at semicolons outside quotes and comments.
fn split(text: &str) -> Result<Vec<Part<'_>>, String> {
    let tokens = permitted::tokens(text)?;
    let mut parts = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut from = 0;
    let mut take = |from: usize, to: usize, words: &mut Vec<String>| -> Result<(), String> {
        permitted::check(words)?;
        if let Some(first) = words.first() {
            let writes = ["INSERT", "UPDATE", "DELETE", "MERGE", "INTO"];
            let reads = matches!(first.as_str(), "SELECT" | "VALUES" | "WITH" | "TABLE")
                && !words.iter().any(|word| writes.contains(&word.as_str()));
            parts.push(Part {
                sql: text[from..to].trim(),
                reads,
            });
        }
        words.clear();
        Ok(())
    };
    for token in tokens {
        match &token.token {
            Token::SemiColon => {
                let at = offset(text, token.span.start);
                take(from, at, &mut words)?;
                from = at + 1;
            }
            Token::Word(word) if word.quote_style.is_none() => {
                words.push(word.value.to_ascii_uppercase());
            }
            Token::Whitespace(_) | Token::EOF => {}
            other => words.push(other.to_string()),
        }
    }
    take(from, text.len(), &mut words)?;
    Ok(parts)
}

/// Where a place, counted in lines and characters, is in the text.
fn offset(text: &str, place: Location) -> usize {
    let mut at = 0;
    for _ in 1..place.line {
        at += text[at..].find('\n').map_or(0, |end| end + 1);
    }
    let letters = usize::try_from(place.column.saturating_sub(1)).unwrap_or_default();
    let line = &text[at..];
    at + line
        .char_indices()
        .nth(letters)
        .map_or(line.len(), |(width, _)| width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_split_outside_quotes() {
        let parts = split("select ';' ; -- a;b\nupdate é set x = $$;$$;;").expect("valid");
        let texts: Vec<&str> = parts.iter().map(|part| part.sql).collect();
        assert_eq!(texts, ["select ';'", "-- a;b\nupdate é set x = $$;$$"]);
        assert!(parts[0].reads && !parts[1].reads);
        assert!(split(" -- nothing").expect("valid").is_empty());
    }
}
