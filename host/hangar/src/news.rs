//! What processes tell each other, as text.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Names in one piece of news; with more, everything counts as changed.
const MOST: usize = 1_000;
/// Bytes of names in one message: PostgreSQL takes 8,000 in all, and JSON may need twice as many.
const MESSAGE: usize = 3_500;

/// What has changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct News {
    /// Topics of `hangar:kv/revisions`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub topics: BTreeSet<String>,
    /// Subjects of identities.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub subjects: BTreeSet<String>,
    /// Everything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

#[derive(Serialize, Deserialize)]
struct Message {
    from: String,
    #[serde(flatten)]
    news: News,
}

impl News {
    /// A topic was bumped.
    pub fn topic(name: &str) -> Self {
        Self {
            topics: BTreeSet::from([name.to_owned()]),
            ..Self::default()
        }
    }

    /// An identity was forgotten.
    pub fn subject(name: &str) -> Self {
        Self {
            subjects: BTreeSet::from([name.to_owned()]),
            ..Self::default()
        }
    }

    /// Anything may have changed.
    pub fn everything() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds others.
    pub fn merge(&mut self, other: Self) {
        self.topics.extend(other.topics);
        self.subjects.extend(other.subjects);
        self.all |= other.all;
        if self.all || self.topics.len() + self.subjects.len() > MOST {
            *self = Self::everything();
        }
    }

    fn size(&self) -> usize {
        let names = self.topics.iter().chain(&self.subjects);
        names.map(|name| name.len() + 3).sum()
    }
}

/// Messages that tell all of it.
pub fn write(from: &str, news: &News) -> Vec<String> {
    let topics = news.topics.iter().map(|name| News::topic(name));
    let subjects = news.subjects.iter().map(|name| News::subject(name));
    let all = news.all.then(News::everything);
    let mut parts: Vec<News> = Vec::new();
    for piece in topics.chain(subjects).chain(all) {
        let piece = if piece.size() > MESSAGE {
            News::everything()
        } else {
            piece
        };
        match parts.last_mut() {
            Some(last) if last.size() + piece.size() <= MESSAGE => last.merge(piece),
            _ => parts.push(piece),
        }
    }
    let message = |news| {
        let from = from.to_owned();
        serde_json::to_string(&Message { from, news }).unwrap_or_default()
    };
    parts.into_iter().map(message).collect()
}

/// Who tells what; none if it cannot be read.
pub fn read(text: &str) -> Option<(String, News)> {
    let Message { from, news } = serde_json::from_str(text).ok()?;
    Some((from, news))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut news = News::topic("things");
        news.merge(News::subject("pbc_1/\"é"));
        let messages = write("me", &news);
        assert_eq!(messages.len(), 1);
        assert_eq!(read(&messages[0]), Some(("me".to_owned(), news)));
        assert!(write("me", &News::default()).is_empty());
        assert_eq!(read("no JSON"), None);
    }

    #[test]
    fn messages_fit_into_a_notification() {
        let mut news = News::default();
        for number in 0..900 {
            news.merge(News::subject(&format!("\"{number}\"/{}", "é".repeat(40))));
        }
        let messages = write("me", &news);
        assert!(messages.len() > 1 && messages.iter().all(|message| message.len() < 8_000));
        let mut heard = News::default();
        for message in &messages {
            heard.merge(read(message).expect("readable").1);
        }
        assert_eq!(heard, news);
        let long = write("me", &News::topic(&"x".repeat(9_000)));
        assert_eq!(read(&long[0]).expect("readable").1, News::everything());
        for number in 0..200 {
            news.merge(News::topic(&number.to_string()));
        }
        assert_eq!(news, News::everything(), "there is a bound");
    }
}
