//! How often something was tried in a window of time: in the database, since the tries may reach several nodes.

use hangar_sdk::Result;
use hangar_sdk::postgres::{self, Value};

/// Creates the table of the counters: id and SQL.
pub const MIGRATION: (&str, &str) = (
    "0001_counters",
    include_str!("../migrations/0001_counters.sql"),
);

/// Ended windows are removed on the way, some at a time and never those another statement is at.
const COUNT: &str = "WITH swept AS (DELETE FROM hangar_auth.counters WHERE key IN (\
        SELECT key FROM hangar_auth.counters WHERE ends < now() AND key <> $1::text LIMIT 100 FOR UPDATE SKIP LOCKED)) \
    INSERT INTO hangar_auth.counters AS c (key, count, ends) \
    VALUES ($1::text, 1, now() + $2::bigint * interval '1 second') \
    ON CONFLICT (key) DO UPDATE SET \
        count = CASE WHEN c.ends <= now() THEN 1 ELSE c.count + 1 END, \
        ends = CASE WHEN c.ends <= now() THEN excluded.ends ELSE c.ends END \
    RETURNING count";
const RUNNING: &str =
    "SELECT count FROM hangar_auth.counters WHERE key = $1::text AND ends > now()";
const CLEAR: &str = "DELETE FROM hangar_auth.counters WHERE key = $1::text";

/// Counts one more try; answers how many there are in the window, which begins with the first and lasts `seconds`.
pub fn count(key: &str, seconds: i64) -> Result<i64> {
    number(COUNT, vec![key.into(), Value::Integer(seconds)])
}

/// How many tries there are in the window that runs.
pub fn running(key: &str) -> Result<i64> {
    number(RUNNING, vec![key.into()])
}

/// Ends the window.
pub fn clear(key: &str) -> Result<()> {
    postgres::query(CLEAR, vec![key.into()]).map(|_| ())
}

fn number(sql: &str, params: Vec<Value>) -> Result<i64> {
    let rows = postgres::query(sql, params)?;
    let found = rows.rows.first().and_then(|row| row.first());
    Ok(found
        .and_then(serde_json::Value::as_i64)
        .unwrap_or_default())
}
