//! One partition a day, so that a day is dropped and never deleted row by row.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use tokio_postgres::Client;

/// Everything there is but the days. Runs at every start, on every node.
const BASE: &str = "
    CREATE SCHEMA IF NOT EXISTS hangar_logs;
    CREATE SEQUENCE IF NOT EXISTS hangar_logs.entries_seq;
    CREATE TABLE IF NOT EXISTS hangar_logs.entries (
        seq bigint NOT NULL DEFAULT nextval('hangar_logs.entries_seq'),
        id text NOT NULL,
        created timestamptz(3) NOT NULL,
        level smallint NOT NULL,
        message text NOT NULL,
        data jsonb NOT NULL
    ) PARTITION BY RANGE (created);
    CREATE INDEX IF NOT EXISTS entries_id ON hangar_logs.entries (id);
    CREATE INDEX IF NOT EXISTS entries_seq_index ON hangar_logs.entries (seq);
    CREATE INDEX IF NOT EXISTS entries_created ON hangar_logs.entries USING brin (created);
";

/// Nodes make and drop partitions one after the other; readers do not hold them up for long.
const ALONE: &str = "SET LOCAL lock_timeout = '5s'; SELECT pg_advisory_xact_lock(7310614325)";

/// The day of a moment, UTC.
pub fn day(at: Timestamp) -> Date {
    Offset::UTC.to_datetime(at).date()
}

fn name(day: Date) -> String {
    format!(
        "entries_{:04}{:02}{:02}",
        day.year(),
        day.month(),
        day.day()
    )
}

/// The table and its indexes.
pub async fn prepare(client: &Client) -> Result<(), tokio_postgres::Error> {
    // Made once and looked for ever after: the DDL would take locks that readers feel.
    let known = client
        .query_one(
            "SELECT to_regclass('hangar_logs.entries_created') IS NOT NULL",
            &[],
        )
        .await?
        .get::<_, bool>(0);
    if known {
        return Ok(());
    }
    client
        .batch_execute(&format!("BEGIN; {ALONE}; {BASE} COMMIT"))
        .await
}

/// The partition of a day.
pub async fn make(client: &Client, day: Date) -> Result<(), tokio_postgres::Error> {
    let name = name(day);
    let next = day.tomorrow().unwrap_or(day);
    let sql = format!(
        "BEGIN; {ALONE}; CREATE UNLOGGED TABLE IF NOT EXISTS hangar_logs.{name} PARTITION OF hangar_logs.entries \
         FOR VALUES FROM ('{day} 00:00:00+00') TO ('{next} 00:00:00+00'); COMMIT"
    );
    run(client, &sql).await
}

/// Drops the days before `first`, or all without one; answers how many.
pub async fn drop_before(
    client: &Client,
    first: Option<Date>,
) -> Result<usize, tokio_postgres::Error> {
    let rows = client
        .query(
            "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
             WHERE i.inhparent = to_regclass('hangar_logs.entries')",
            &[],
        )
        .await?;
    let first = first.map(name);
    let old: HashSet<String> = rows
        .iter()
        .map(|row| row.get::<_, String>(0))
        .filter(|found| first.as_ref().is_none_or(|first| found < first))
        .collect();
    for partition in &old {
        // The names are ours: `entries_` and digits, or what somebody has attached by hand, so quoted.
        let quoted = partition.replace('"', "\"\"");
        let sql = format!("BEGIN; {ALONE}; DROP TABLE IF EXISTS hangar_logs.\"{quoted}\"; COMMIT");
        run(client, &sql).await?;
    }
    Ok(old.len())
}

async fn run(client: &Client, sql: &str) -> Result<(), tokio_postgres::Error> {
    let done = client.batch_execute(sql).await;
    if done.is_err() {
        // The transaction is open still.
        client.batch_execute("ROLLBACK").await?;
    }
    done
}
