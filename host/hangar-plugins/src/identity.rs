use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Map, Value};

/// How long an answer about a token is believed. Changes drop it at once.
const BELIEVED: Duration = Duration::from_secs(5);

/// Tokens remembered at once.
const TOKENS: u64 = 20_000;

/// Who is asking, as the plugin that serves identities describes it.
#[derive(Debug)]
pub struct Identity {
    /// The whole JSON document.
    pub document: Arc<str>,
    /// Whether no limit on the rate of requests holds.
    pub privileged: bool,
    /// What the log of requests may say of it.
    pub log: Map<String, Value>,
    subject: String,
    /// Seconds since 1970 after which the token no longer counts.
    expires: u64,
}

impl Identity {
    /// Reads the part of a document that the host understands; a document without a subject is believed for one request.
    pub(crate) fn new(document: String) -> Self {
        let header: Header = serde_json::from_str(&document).unwrap_or_default();
        Self {
            document: document.into(),
            privileged: header.privileged,
            log: header.log,
            subject: header.subject,
            expires: header.expires.unwrap_or(u64::MAX),
        }
    }
}

/// Answers of the plugin that serves identities, by token.
pub(crate) struct Identities {
    cache: moka::sync::Cache<Arc<str>, Arc<Identity>>,
    /// Moves with every `forget`: an answer that was being made meanwhile may be stale and is not kept.
    changes: AtomicU64,
    told: OnceLock<Told>,
}

/// Is told of subjects that are forgotten.
type Told = Box<dyn Fn(&str) + Send + Sync>;

/// The part of an identity that the host understands.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    subject: String,
    expires: Option<u64>,
    privileged: bool,
    log: Map<String, Value>,
}

impl Identities {
    pub fn new() -> Self {
        let cache = moka::sync::Cache::builder()
            .max_capacity(TOKENS)
            .time_to_live(BELIEVED)
            .support_invalidation_closures()
            .build();
        Self {
            cache,
            changes: AtomicU64::new(0),
            told: OnceLock::new(),
        }
    }

    /// What is known about a token.
    pub fn get(&self, token: &str) -> Option<Arc<Identity>> {
        self.cache.get(token).filter(|known| known.expires > now())
    }

    /// The mark to take before asking, for [`Identities::keep`].
    pub fn mark(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Keeps an answer unless something has been forgotten since `mark`.
    pub fn keep(&self, mark: u64, token: &str, identity: Arc<Identity>) {
        // Without a subject it could not be forgotten.
        if self.mark() == mark && !identity.subject.is_empty() {
            self.cache.insert(token.into(), identity);
        }
    }

    /// Says whom to tell of what is forgotten.
    pub fn tell(&self, told: impl Fn(&str) + Send + Sync + 'static) {
        let _ = self.told.set(Box::new(told));
    }

    /// Drops a subject and tells of it.
    pub fn forget_and_tell(&self, subject: &str) {
        self.forget(subject);
        if let Some(told) = self.told.get() {
            told(subject);
        }
    }

    /// Drops a subject, or all that start with it if it ends in `/`; an empty one stands for all.
    pub fn forget(&self, subject: &str) {
        if subject.is_empty() {
            return self.forget_all();
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
        let subject = subject.to_owned();
        let stale = move |_: &Arc<str>, known: &Arc<Identity>| {
            known.subject == subject
                || (subject.ends_with('/') && known.subject.starts_with(&subject))
        };
        if self.cache.invalidate_entries_if(stale).is_err() {
            self.cache.invalidate_all();
        }
    }

    /// Drops everything: the plugin that answered has been swapped.
    pub fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.cache.invalidate_all();
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
