//! Messages that a plugin wants to see before their clients do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hangar_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::changes::Matcher;
use crate::client::{Client, State};

/// Messages shown at once, and bytes of them; a single one may be larger.
const TOGETHER: usize = 100;
const BYTES: usize = 1 << 20;

/// The matcher, which may want to see messages as well.
pub trait Screen: Matcher {
    /// Whether it wants to see them now. Asked for every text that is sent, so it must cost nothing.
    fn wanted(&self) -> bool;
    /// `hangar:realtime/matcher.screen-messages`; `None` if there is no such plugin.
    fn show(
        &self,
        messages: String,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>>> + Send + '_>>;
}

/// A message on its way to one client.
pub(crate) struct Parcel<'a> {
    pub client: Arc<Client>,
    pub event: &'a str,
    pub data: &'a str,
    /// Both as they stand in the stream.
    pub text: Bytes,
}

/// What a plugin wants done differently with one message.
#[derive(Deserialize)]
pub(crate) struct Fate {
    pub at: usize,
    pub event: Option<String>,
    pub data: Option<String>,
    #[serde(default)]
    pub drop: bool,
    #[serde(default)]
    pub close: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    client: ShownClient<'a>,
    event: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
struct ShownClient<'a> {
    id: &'a str,
    topics: Vec<&'a str>,
    identity: Option<&'a RawValue>,
}

/// Splits messages into portions that are shown together, in order.
pub(crate) fn portions<'a, 'b>(mut parcels: &'b [Parcel<'a>]) -> Vec<&'b [Parcel<'a>]> {
    let mut all = Vec::new();
    while !parcels.is_empty() {
        let mut bytes = 0;
        let fits = |parcel: &&Parcel<'_>| {
            bytes += parcel.data.len();
            bytes <= BYTES
        };
        let count = parcels.iter().take(TOGETHER).take_while(fits).count();
        let (portion, rest) = parcels.split_at(count.max(1));
        all.push(portion);
        parcels = rest;
    }
    all
}

/// Shows one portion. What is to be done differently; nothing if no plugin looks.
pub(crate) async fn show(portion: &[Parcel<'_>], screen: &dyn Screen) -> Result<Vec<Fate>> {
    match screen.show(text(portion)?).await? {
        Some(answer) => serde_json::from_str(&answer).map_err(|error| {
            let text = format!("the answer about messages cannot be read: {error}");
            Error::new("bad_answer", 500, text)
        }),
        None => Ok(Vec::new()),
    }
}

fn text(portion: &[Parcel<'_>]) -> Result<String> {
    let broken = |error: serde_json::Error| Error::internal(format!("a message: {error}"));
    let states: Vec<Arc<State>> = portion.iter().map(|it| it.client.state()).collect();
    let mut shown = Vec::with_capacity(portion.len());
    for (parcel, state) in portion.iter().zip(&states) {
        let identity = state.identity.as_ref();
        let document = identity.map(|identity| serde_json::from_str(&identity.document));
        shown.push(Shown {
            client: ShownClient {
                id: &parcel.client.id,
                topics: state.topics().map(|topic| &**topic).collect(),
                identity: document.transpose().map_err(broken)?,
            },
            event: parcel.event,
            data: parcel.data,
        });
    }
    serde_json::to_string(&shown).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_bounded_in_number_and_bytes() {
        let attributes = || RawValue::from_string("{}".into()).expect("JSON");
        let client = Arc::new(Client::new(attributes(), 1_000).expect("a client"));
        let large = "x".repeat(BYTES * 2 / 3);
        let parcel = |data| Parcel {
            client: client.clone(),
            event: "e",
            data,
            text: Bytes::new(),
        };
        let mut parcels: Vec<Parcel<'_>> = (0..250).map(|_| parcel("small")).collect();
        parcels.extend([parcel(&large), parcel(&large)]);
        let sizes: Vec<usize> = portions(&parcels).iter().map(|one| one.len()).collect();
        assert_eq!(sizes, [100, 100, 51, 1]);
        assert!(portions(&[]).is_empty());
        let text = text(&parcels[..1]).expect("text");
        assert_eq!(
            text,
            format!(
                "[{{\"client\":{{\"id\":\"{}\",\"topics\":[],\"identity\":null}},\"event\":\"e\",\"data\":\"small\"}}]",
                client.id
            )
        );
    }
}
