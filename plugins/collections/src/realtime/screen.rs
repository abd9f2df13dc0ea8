//! `onRealtimeMessageSend`: handlers see messages before their clients do. One event for many messages, as with
//! `onRecordEnrich`: a chain of a hundred costs little more than one of one.

use std::collections::BTreeMap;

use hangar_sdk::Result;
use hangar_sdk::event::{Around, around};
use hangar_sdk::hooks::subscribed;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const EVENT: &str = "onRealtimeMessageSend";

/// Whether anybody wants to see messages.
pub fn wanted() -> bool {
    !subscribed(&[EVENT.to_owned()], &[]).is_empty()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Patch {
    messages: Vec<Fate>,
}

/// What is to be done differently with a message.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Fate {
    at: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    drop: bool,
    close: bool,
}

/// `hangar:realtime/matcher.screen-messages`.
///
/// # Errors
/// A handler has failed as a whole: none of the messages can be sent.
pub fn screen(messages: &str) -> Result<String> {
    let document = format!("{{\"messages\":{messages}}}").into();
    let mut patches: Vec<Patch> = Vec::new();
    let went = around(EVENT, &[], &document, &mut patches, |_| {
        Ok::<_, hangar_sdk::Error>(())
    })?;
    let mut fates: BTreeMap<usize, Fate> = BTreeMap::new();
    for fate in patches.into_iter().flat_map(|patch| patch.messages) {
        let known = fates.entry(fate.at).or_default();
        *known = Fate {
            at: fate.at,
            event: fate.event.or(known.event.take()),
            data: fate.data.or(known.data.take()),
            drop: fate.drop || known.drop,
            close: fate.close || known.close,
        };
    }
    if let Around::Stopped = went {
        let count = serde_json::from_str::<Vec<&RawValue>>(messages)?.len();
        for at in 0..count {
            let fate = fates.entry(at).or_default();
            (fate.at, fate.drop) = (at, true);
        }
    }
    Ok(serde_json::to_string(&fates.values().collect::<Vec<_>>())?)
}
