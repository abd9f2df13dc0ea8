//! The log store: entries of requests and plugins, written by `COPY` into unlogged daily partitions. It never makes
//! anybody wait: what does not fit into its queue is dropped and counted.
//!
//! The table is `hangar_logs.entries` (`seq`, `id`, `created`, `level`, `message`, `data`): plugins that are granted
//! PostgreSQL read it with SQL. Old days are dropped as whole partitions. Unlogged means that a crash of PostgreSQL
//! empties it.

mod entry;
mod partitions;
mod settings;
mod view;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use hangar_core::{Error, Result};
use tokio::sync::{mpsc, oneshot, watch};

pub use entry::{Entry, Level};
pub use settings::Settings;
pub use view::{Grant, View, add_to_linker};

/// Entries that may wait to be written.
pub const QUEUE: usize = 10_000;

/// How long the last entries have to be written when the server stops.
const CLOSING: Duration = Duration::from_secs(3);

/// Opens a connection of the writer's own.
pub type Connect = Arc<
    dyn Fn()
            -> BoxFuture<'static, std::result::Result<tokio_postgres::Client, tokio_postgres::Error>>
        + Send
        + Sync,
>;

/// Takes entries. Until [`Telemetry::start`] it drops all.
pub struct Telemetry {
    settings: watch::Sender<Settings>,
    current: ArcSwap<Settings>,
    queue: ArcSwap<Option<mpsc::Sender<Message>>>,
    dropped: Arc<AtomicU64>,
    connect: Option<Connect>,
}

pub(crate) enum Message {
    Entry(Entry),
    Close(oneshot::Sender<()>),
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            settings: watch::Sender::new(Settings::default()),
            current: ArcSwap::default(),
            queue: ArcSwap::default(),
            dropped: Arc::default(),
            connect: None,
        }
    }
}

impl Telemetry {
    /// A store in the database that `connect` reaches.
    pub fn new(connect: Connect) -> Self {
        Self {
            connect: Some(connect),
            ..Self::default()
        }
    }

    /// Begins to write.
    pub fn start(&self) {
        if let Some(connect) = &self.connect {
            self.start_with(connect.clone(), QUEUE);
        }
    }

    /// The same with a queue of another length.
    pub fn start_with(&self, connect: Connect, queue: usize) {
        let (sender, receiver) = mpsc::channel(queue);
        self.queue.store(Arc::new(Some(sender)));
        let settings = self.settings.subscribe();
        tokio::spawn(writer::run(
            connect,
            receiver,
            settings,
            self.dropped.clone(),
        ));
    }

    /// Sets what is kept, from JSON.
    ///
    /// # Errors
    /// `bad_input` for a text that is none.
    pub fn configure(&self, text: &str) -> Result<()> {
        let settings = Settings::parse(text)?;
        self.current.store(Arc::new(settings.clone()));
        self.settings.send_replace(settings);
        Ok(())
    }

    /// What is kept.
    pub fn settings(&self) -> Arc<Settings> {
        self.current.load_full()
    }

    /// Whether an entry of this level would be kept: ask before making one.
    pub fn wants(&self, level: Level) -> bool {
        let settings = self.current.load();
        settings.days > 0 && level.0 >= settings.min_level && self.queue.load().is_some()
    }

    /// Takes an entry; never waits.
    pub fn record(&self, mut entry: Entry) {
        if !self.wants(entry.level) {
            return;
        }
        entry.fit(&self.current.load());
        let queue = self.queue.load();
        if let Some(queue) = queue.as_ref()
            && queue.try_send(Message::Entry(entry)).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes entries of the past, from JSON, beside what is recorded; answers how many were not there before.
    ///
    /// # Errors
    /// `bad_input` for what are no entries; what the database says.
    pub async fn add(&self, text: &str) -> Result<u32> {
        let Some(connect) = &self.connect else {
            return Err(Error::internal("the log store has no database"));
        };
        let mut entries = entry::read(text)?;
        let settings = self.current.load_full();
        entries.iter_mut().for_each(|entry| entry.fit(&settings));
        writer::add(connect.clone(), entries).await
    }

    /// How many entries were dropped since the last line about it in the server's own log.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Writes what waits and takes no more.
    pub async fn close(&self) {
        let queue = self.queue.swap(Arc::default());
        let Some(queue) = queue.as_ref() else { return };
        let (done, closed) = oneshot::channel();
        let closing = async {
            if queue.send(Message::Close(done)).await.is_ok() {
                let _ = closed.await;
            }
        };
        let _ = tokio::time::timeout(CLOSING, closing).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn entry() -> Entry {
        Entry::new(Level::INFO, "GET /".into(), serde_json::Map::new())
    }

    fn kept(telemetry: &Telemetry) {
        telemetry
            .configure(r#"{"days":1,"min-level":0}"#)
            .expect("settings");
    }

    #[tokio::test]
    async fn what_the_database_cannot_take_is_dropped_and_counted_and_nobody_waits() {
        let telemetry = Telemetry::default();
        kept(&telemetry);
        // A database that never answers.
        telemetry.start_with(Arc::new(|| Box::pin(std::future::pending())), 100);
        let began = Instant::now();
        for _ in 0..50_000 {
            telemetry.record(entry());
        }
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
        // Those in the queue, and at most one batch that the writer has taken out of it.
        let dropped = telemetry.dropped();
        assert!((49_000..50_000).contains(&dropped), "{dropped}");
    }

    #[tokio::test]
    async fn what_is_not_wanted_costs_nothing() {
        let telemetry = Telemetry::default();
        assert!(!telemetry.wants(Level::ERROR), "not started");
        telemetry.start_with(Arc::new(|| Box::pin(std::future::pending())), 1);
        assert!(!telemetry.wants(Level::ERROR), "not configured");
        kept(&telemetry);
        assert!(telemetry.wants(Level::INFO) && !telemetry.wants(Level::DEBUG));
        assert!(telemetry.configure("{").is_err());
        telemetry.configure(r#"{"days":0}"#).expect("settings");
        for _ in 0..10 {
            telemetry.record(entry());
        }
        assert_eq!(telemetry.dropped(), 0);
    }
}
