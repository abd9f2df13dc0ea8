//! One connected client.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use hangar_core::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::queue::Queue;

/// Letters and digits of an id: none that is confused with punctuation in a URL or an event stream.
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Characters of an id.
const ID: usize = 40;

/// A connected client.
pub(crate) struct Client {
    pub id: Arc<str>,
    /// What the plugin keeps with it, JSON.
    pub attributes: Box<RawValue>,
    pub queue: Queue,
    state: RwLock<Arc<State>>,
}

/// What a client subscribes to and who it is. Never changed, only replaced.
#[derive(Default)]
pub(crate) struct State {
    /// Topics by channel.
    pub channels: HashMap<Arc<str>, Vec<Arc<str>>>,
    pub identity: Option<Arc<Identity>>,
}

/// Who a client is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The name by which it is renewed.
    pub subject: Arc<str>,
    /// JSON.
    pub document: Arc<str>,
}

impl Client {
    pub fn new(attributes: Box<RawValue>, queue_bytes: usize) -> Result<Self> {
        Ok(Self {
            id: id()?.into(),
            attributes,
            queue: Queue::new(queue_bytes),
            state: RwLock::default(),
        })
    }

    pub fn state(&self) -> Arc<State> {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn replace(&self, state: Arc<State>) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl State {
    pub fn topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.channels.values().flatten()
    }

    pub fn subject(&self) -> Option<&str> {
        self.identity.as_deref().map(|identity| &*identity.subject)
    }

    /// Bytes of its topics.
    pub fn size(&self) -> usize {
        self.topics().map(|topic| topic.len()).sum()
    }
}

impl Identity {
    /// Reads a document.
    pub fn parse(document: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Header {
            subject: String,
        }
        let header: Header = serde_json::from_str(document).map_err(|error| {
            Error::bad_input(format!(
                "an identity is a JSON object with a subject: {error}"
            ))
        })?;
        Ok(Self {
            subject: header.subject.into(),
            document: document.into(),
        })
    }
}

/// A message as it stands in the stream, after the line with the client's id.
pub(crate) fn message(event: &str, data: &str) -> Bytes {
    let mut text = String::with_capacity(event.len() + data.len() + 16);
    text.push_str("event:");
    // A line break would begin a line of its own.
    text.extend(
        event
            .chars()
            .map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c }),
    );
    for line in data.split(['\r', '\n']) {
        text.push_str("\ndata:");
        text.push_str(line);
    }
    text.push_str("\n\n");
    text.into()
}

fn id() -> Result<String> {
    use rand::TryRng;
    let mut text = String::with_capacity(ID);
    let mut drawn = [0; 2 * ID];
    while text.len() < ID {
        rand::rngs::SysRng
            .try_fill_bytes(&mut drawn)
            .map_err(|error| {
                Error::internal(format!(
                    "the operating system gave no random bytes: {error}"
                ))
            })?;
        // A remainder alone would favour the first letters.
        let even = drawn
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < 248);
        let rest = ID - text.len();
        text.extend(
            even.take(rest)
                .map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])),
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_long_and_differ() {
        let (one, two) = (id().expect("random"), id().expect("random"));
        assert_eq!(one.len(), 40);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one, two);
    }

    #[test]
    fn no_text_breaks_out_of_a_message() {
        assert_eq!(message("e", "{}"), "event:e\ndata:{}\n\n");
        assert_eq!(
            message("e\ndata:x", "a\n\nb"),
            "event:e data:x\ndata:a\ndata:\ndata:b\n\n"
        );
    }
}
