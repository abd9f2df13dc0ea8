//! Which SQL of superusers reaches the database.
//!
//! A superuser of the API owns the data, not the machine: the role of a `--database-url` may be one of PostgreSQL's
//! superusers, who can read files and start programs. So only statements about data, tables, indexes and views pass, and
//! none that calls a function that reaches further or runs SQL out of a text.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// First words of statements about data.
const DATA: [&str; 12] = [
    "SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE",
    "EXPLAIN", "ANALYZE", "SHOW",
];
/// Words of statements that write.
const CHANGES: [&str; 8] = [
    "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "CREATE", "ALTER", "DROP",
];
/// First words of statements about what holds data.
const SCHEMA: [&str; 4] = ["CREATE", "ALTER", "DROP", "COMMENT"];
/// Words that may stand between those and the kind of thing.
const BETWEEN: [&str; 9] = [
    "OR",
    "REPLACE",
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "UNIQUE",
    "MATERIALIZED",
    "ON",
    "IF",
];
/// Kinds of things.
const THINGS: [&str; 7] = [
    "TABLE",
    "INDEX",
    "VIEW",
    "SEQUENCE",
    "SCHEMA",
    "COLUMN",
    "CONSTRAINT",
];
/// Beginnings of names of functions that reach past the data, or run SQL that is a text.
const FAR: [&str; 19] = [
    "pg_read",
    "pg_write",
    "pg_ls_",
    "pg_stat_file",
    "pg_file_",
    "pg_logdir",
    "pg_execute",
    "pg_reload",
    "pg_rotate",
    "pg_terminate",
    "pg_cancel",
    "pg_create_",
    "lo_",
    "dblink",
    "query_to_",
    "cursor_to_",
    "set_config",
    "ts_stat",
    "ts_rewrite",
];

/// Reads a text into tokens, refused if they reach past the data.
///
/// # Errors
/// What cannot be read, or is refused.
pub fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, String> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize_with_location()
        .map_err(|error| error.to_string())?;
    for token in &tokens {
        let Token::Word(word) = &token.token else {
            continue;
        };
        let name = word.value.to_lowercase();
        let escaped =
            word.quote_style.is_none() && name == "u" && text.to_lowercase().contains("u&\"");
        if escaped || FAR.iter().any(|far| name.starts_with(far)) {
            return Err(format!("{} is not permitted", word.value));
        }
    }
    Ok(tokens)
}

/// Whether a statement with these words, in upper case, may run.
///
/// # Errors
/// The sentence that says why not.
pub fn check(words: &[String]) -> Result<(), String> {
    let Some(first) = words.first() else {
        return Ok(());
    };
    // PostgreSQL's superusers may write its catalogues, and so make functions of any program.
    let writes = words.iter().any(|word| CHANGES.contains(&word.as_str()));
    let catalogue = |word: &&String| {
        let name = word.trim_matches('"').to_lowercase();
        name.starts_with("pg_") || name == "information_schema"
    };
    if let Some(word) = words.iter().find(catalogue).filter(|_| writes) {
        return Err(format!(
            "{word} is not permitted in a statement that writes"
        ));
    }
    // `SELECT … INTO` and `EXPLAIN` stay within the data.
    if DATA.contains(&first.as_str()) || first == "(" {
        return Ok(());
    }
    let thing = words[1..]
        .iter()
        .find(|word| !BETWEEN.contains(&word.as_str()));
    if SCHEMA.contains(&first.as_str())
        && thing.is_some_and(|thing| THINGS.contains(&thing.as_str()))
    {
        return Ok(());
    }
    let shown = words[..words.len().min(2)].join(" ");
    Err(format!(
        "{shown} is not permitted: statements are about data, tables, indexes and views"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), String> {
        let words: Vec<String> = tokens(text)?
            .into_iter()
            .filter_map(|token| match token.token {
                Token::Word(word) => Some(word.value.to_uppercase()),
                _ => None,
            })
            .collect();
        check(&words)
    }

    #[test]
    fn what_reaches_past_the_data_is_refused() {
        for text in [
            "copy (select 1) to program 'sh'",
            "select pg_read_file('/etc/passwd')",
            "select \"pg_read_file\"('x')",
            "select pg_catalog.pg_ls_dir('/')",
            "select U&\"pg\\005fread_file\"('x')",
            "do $$ begin end $$",
            "create function f() returns int language sql as 'select 1'",
            "create or replace function f() returns int as 'x'",
            "create extension dblink",
            "alter system set x = 1",
            "alter role hangar password 'x'",
            "create role x superuser",
            "drop database hangar",
            "grant pg_read_server_files to x",
            "select set_config('role', 'x', true)",
            "select query_to_xml('select 1', true, true, '')",
            "select lo_import('/etc/passwd')",
            "call f()",
            "set role x",
            "update pg_proc set prosrc = 'x'",
            "insert into \"pg_catalog\".\"pg_proc\" values (1)",
            "with x as (delete from pg_authid returning 1) select 1",
        ] {
            assert!(verdict(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_about_the_data_passes() {
        for text in [
            "select 'pg_read_file' as x",
            "with a as (select 1) select * from a",
            "insert into posts (id) values ('x')",
            "create table x (a int)",
            "create unique index i on posts (title)",
            "create or replace view v as select 1",
            "create index if not exists i on x (a)",
            "drop table if exists x",
            "alter table posts add column y int",
            "explain analyze select 1",
            "truncate posts",
        ] {
            assert_eq!(verdict(text), Ok(()), "{text}");
        }
    }
}
