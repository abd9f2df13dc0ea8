use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

/// How long an answer about a token is believed. Changes on this node drop it at once.
const BELIEVED: Duration = Duration::from_secs(5);

/// Tokens remembered at once.
const TOKENS: u64 = 20_000;

/// Answers of the plugin that serves identities, by token.
pub(crate) struct Identities {
    cache: moka::sync::Cache<Arc<str>, Known>,
    /// Moves with every `forget`: an answer that was being made meanwhile may be stale and is not kept.
    changes: AtomicU64,
}

#[derive(Clone)]
struct Known {
    subject: Arc<str>,
    /// Seconds since 1970 after which the token no longer counts.
    expires: u64,
    document: Arc<str>,
}

/// The part of an identity that the host understands.
#[derive(Deserialize)]
struct Header {
    subject: String,
    #[serde(default)]
    expires: Option<u64>,
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
        }
    }

    /// What is known about a token.
    pub fn get(&self, token: &str) -> Option<Arc<str>> {
        let known = self.cache.get(token)?;
        (known.expires > now()).then_some(known.document)
    }

    /// The mark to take before asking, for [`Identities::keep`].
    pub fn mark(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Keeps an answer unless something has been forgotten since `mark`.
    pub fn keep(&self, mark: u64, token: &str, document: Arc<str>) {
        let Ok(header) = serde_json::from_str::<Header>(&document) else {
            return;
        };
        if self.mark() != mark {
            return;
        }
        let expires = header.expires.unwrap_or(u64::MAX);
        self.cache.insert(
            token.into(),
            Known {
                subject: header.subject.into(),
                expires,
                document,
            },
        );
    }

    /// Drops a subject, or all that start with it if it ends in `/`.
    pub fn forget(&self, subject: &str) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        let subject = subject.to_owned();
        let stale = move |_: &Arc<str>, known: &Known| {
            *known.subject == *subject
                || (subject.ends_with('/') && known.subject.starts_with(&*subject))
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
