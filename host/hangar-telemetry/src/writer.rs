//! The one task that writes: collects entries and copies them, 200 at a time or after three seconds.

use std::collections::HashSet;
use std::fmt::Write;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use hangar_core::Error;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_postgres::Client;

use crate::{Connect, Entry, Message, Settings, partitions};

/// Entries written at once.
const BATCH: usize = 200;
/// How long an entry waits for others.
const FLUSH: Duration = Duration::from_secs(3);
/// How often old days are looked for.
const SWEEP: Duration = Duration::from_secs(3600);
/// How long after a failure of the database nothing is tried.
const PAUSE: Duration = Duration::from_secs(5);
/// How long one write may take.
const PATIENCE: Duration = Duration::from_secs(30);

const COPY: &str = "COPY hangar_logs.entries (id, created, level, message, data) FROM STDIN";

const KNOWN: &str = "SELECT id FROM hangar_logs.entries WHERE id = ANY($1)";

type Failed = tokio_postgres::Error;

struct Writer {
    connect: Connect,
    client: Option<Client>,
    /// Days whose partitions are there.
    days: HashSet<Date>,
    dropped: Arc<AtomicU64>,
}

/// Writes until the queue is closed.
pub async fn run(
    connect: Connect,
    mut queue: mpsc::Receiver<Message>,
    mut settings: watch::Receiver<Settings>,
    dropped: Arc<AtomicU64>,
) {
    let mut writer = Writer::new(connect, dropped);
    let mut batch: Vec<Entry> = Vec::with_capacity(BATCH);
    let mut due = Instant::now() + FLUSH;
    // Before the first settings nothing is kept, but nothing of earlier is dropped either.
    let mut sweep = Instant::now() + SWEEP;
    if *settings.borrow() != Settings::default() {
        settings.mark_changed();
    }
    loop {
        let (mut flush, mut closing) = (false, None);
        tokio::select! {
            message = queue.recv() => match message {
                Some(Message::Entry(entry)) => {
                    if batch.is_empty() {
                        due = Instant::now() + FLUSH;
                    }
                    batch.push(entry);
                    flush = batch.len() >= BATCH;
                }
                Some(Message::Close(done)) => closing = Some(done),
                None => return,
            },
            () = sleep_until(due), if !batch.is_empty() => flush = true,
            () = sleep_until(sweep) => {
                sweep = Instant::now() + SWEEP;
                let now = settings.borrow_and_update().clone();
                writer.sweep(&now).await;
            }
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = settings.borrow_and_update().clone();
                writer.sweep(&now).await;
            }
        }
        if flush || closing.is_some() {
            let written = writer.write(&batch).await;
            batch.clear();
            due = Instant::now() + FLUSH;
            if !written && closing.is_none() {
                // Meanwhile the queue fills up, and what is over is dropped.
                tokio::time::sleep(PAUSE).await;
            }
        }
        if let Some(done) = closing {
            let _ = done.send(());
            return;
        }
    }
}

/// Writes entries that are not there yet, and answers how many those are.
pub async fn add(connect: Connect, mut entries: Vec<Entry>) -> hangar_core::Result<u32> {
    let mut writer = Writer::new(connect, Arc::default());
    let added = async {
        writer.connected().await?;
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let known = match &writer.client {
            Some(client) => client.query(KNOWN, &[&ids]).await?,
            None => Vec::new(),
        };
        let known: HashSet<String> = known.iter().map(|row| row.get(0)).collect();
        entries.retain(|entry| !known.contains(&entry.id));
        writer.copy(&entries).await
    };
    added.await.map_err(|error| {
        let why = describe(&error);
        Error::internal(format!("log entries could not be written: {why}"))
    })?;
    Ok(u32::try_from(entries.len()).unwrap_or(u32::MAX))
}

impl Writer {
    fn new(connect: Connect, dropped: Arc<AtomicU64>) -> Self {
        Self {
            connect,
            client: None,
            days: HashSet::new(),
            dropped,
        }
    }

    /// Writes entries; what cannot be written is dropped and counted.
    async fn write(&mut self, batch: &[Entry]) -> bool {
        let lost = self.dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(
                entries = lost,
                "log entries were dropped: more came than could be written"
            );
        }
        if batch.is_empty() {
            return true;
        }
        let done = tokio::time::timeout(PATIENCE, self.copy(batch)).await;
        let why = match done {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => describe(&error),
            Err(_) => "the database did not answer in time".to_owned(),
        };
        self.client = None;
        self.days.clear();
        tracing::warn!(
            entries = batch.len(),
            why,
            "log entries could not be written and are dropped"
        );
        false
    }

    async fn copy(&mut self, batch: &[Entry]) -> Result<(), Failed> {
        let mut text = String::with_capacity(batch.len() * 400);
        let mut days = HashSet::new();
        for entry in batch {
            let created = Timestamp::try_from(entry.created).unwrap_or_else(|_| Timestamp::now());
            days.insert(partitions::day(created));
            row(&mut text, entry, created);
        }
        self.connected().await?;
        let missing: Vec<Date> = days.difference(&self.days).copied().collect();
        let Some(client) = &self.client else {
            return Ok(());
        };
        for day in missing {
            partitions::make(client, day).await?;
            self.days.insert(day);
        }
        match send(client, text.clone()).await {
            Ok(()) => Ok(()),
            // Somebody has dropped a partition or the table: once more with all of it.
            Err(_) if !client.is_closed() => {
                partitions::prepare(client).await?;
                for day in days {
                    partitions::make(client, day).await?;
                }
                send(client, text).await
            }
            Err(error) => Err(error),
        }
    }

    async fn connected(&mut self) -> Result<(), Failed> {
        if self
            .client
            .as_ref()
            .is_some_and(|client| !client.is_closed())
        {
            return Ok(());
        }
        self.days.clear();
        let client = (self.connect)().await?;
        partitions::prepare(&client).await?;
        self.client = Some(client);
        Ok(())
    }

    /// Drops the days that are over, and makes the next one before it is needed.
    async fn sweep(&mut self, settings: &Settings) {
        if let Err(error) = self.try_sweep(settings).await {
            self.client = None;
            tracing::warn!(
                why = describe(&error),
                "old log entries could not be dropped; tried again within an hour"
            );
        }
    }

    async fn try_sweep(&mut self, settings: &Settings) -> Result<(), Failed> {
        self.connected().await?;
        let Some(client) = &self.client else {
            return Ok(());
        };
        let today = partitions::day(Timestamp::now());
        if settings.days > 0 {
            for day in [today, today.tomorrow().unwrap_or(today)] {
                partitions::make(client, day).await?;
                self.days.insert(day);
            }
        }
        let first = match settings.days {
            0 => None,
            days => today.checked_sub(i64::from(days).days()).ok(),
        };
        if settings.days > 0 && first.is_none() {
            return Ok(());
        }
        let dropped = partitions::drop_before(client, first).await?;
        if dropped > 0 {
            self.days
                .retain(|day| first.is_some_and(|first| *day >= first));
            tracing::info!(days = dropped, "old log entries were dropped");
        }
        Ok(())
    }
}

async fn send(client: &Client, text: String) -> Result<(), Failed> {
    let mut sink = pin!(client.copy_in::<_, Bytes>(COPY).await?);
    sink.send(Bytes::from(text)).await?;
    sink.finish().await?;
    Ok(())
}

/// One line of COPY's text format.
fn row(text: &mut String, entry: &Entry, created: Timestamp) {
    // PostgreSQL's text holds no NUL.
    let data = serde_json::to_string(&entry.data).unwrap_or_else(|_| "{}".into());
    let data = data.replace("\\u0000", "\\ufffd");
    // Writing to a String cannot fail.
    let _ = write!(text, "{}\t{created}\t{}\t", entry.id, entry.level.0);
    escape(text, &entry.message);
    text.push('\t');
    escape(text, &data);
    text.push('\n');
}

fn escape(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0' => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
}

fn describe(error: &Failed) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn rows_are_escaped() {
        let data = serde_json::json!({"a": "tab\there \\ \0", "b": 1.5});
        let serde_json::Value::Object(data) = data else {
            panic!("an object")
        };
        let mut entry = Entry::new(Level::WARN, "two\nlines\\".into(), data);
        entry.id = "x".into();
        let mut text = String::new();
        row(&mut text, &entry, Timestamp::UNIX_EPOCH);
        assert_eq!(
            text,
            "x\t1970-01-01T00:00:00Z\t4\ttwo\\nlines\\\\\t{\"a\":\"tab\\\\there \\\\\\\\ \\\\ufffd\",\"b\":1.5}\n"
        );
    }
}
