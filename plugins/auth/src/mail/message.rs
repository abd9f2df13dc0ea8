//! A mail on its way: what hooks see and change, and what `hangar:mail` takes.

use std::collections::BTreeMap;

use hangar_sdk::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::events::Patch;
use crate::settings::Smtp;

/// A mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Who it is from.
    pub from: Party,
    /// Who it is to.
    pub to: Vec<Party>,
    /// Who gets a copy.
    pub cc: Vec<Party>,
    /// Who gets one unseen.
    pub bcc: Vec<Party>,
    /// Subject.
    pub subject: String,
    /// The body.
    pub html: String,
    /// The body without markup; empty: made from the other.
    pub text: String,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
}

/// Somebody with an address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Party {
    /// Name, or empty.
    pub name: String,
    /// Address.
    pub address: String,
}

/// The message as handlers have left it.
pub fn patched(message: &Message, patches: &[Patch]) -> Result<Message> {
    let last = patches
        .iter()
        .rev()
        .find_map(|patch| patch.event.get("message"));
    match last {
        Some(changed) => Ok(Message::deserialize(changed)?),
        None => Ok(message.clone()),
    }
}

/// The mail server of the settings, as `hangar:mail` wants it described.
pub fn server(smtp: &Smtp) -> Value {
    if !smtp.enabled {
        return json!({"sendmail": true});
    }
    json!({
        "host": smtp.host,
        "port": u16::try_from(smtp.port).unwrap_or_default(),
        "username": smtp.username,
        "password": smtp.password,
        "authMethod": smtp.auth_method,
        "tls": smtp.tls,
        "localName": smtp.local_name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_handler_wins() {
        let message = Message {
            subject: "a".into(),
            ..Message::default()
        };
        assert_eq!(patched(&message, &[]).expect("a message"), message);
        let patches: Vec<Patch> = serde_json::from_value(json!([
            {"event": {"message": {"subject": "b", "to": [{"address": "x@y.z"}]}}}, {"set": {"a": 1}},
            {"event": {"message": {"subject": "c", "attachments": {}}}}, {"hide": ["a"]},
        ]))
        .expect("patches");
        assert_eq!(patched(&message, &patches).expect("a message").subject, "c");
        let broken: Vec<Patch> =
            serde_json::from_value(json!([{"event": {"message": 5}}])).expect("patches");
        assert!(patched(&message, &broken).is_err());
    }

    #[test]
    fn without_a_server_sendmail_is_used() {
        assert_eq!(server(&Smtp::default()), json!({"sendmail": true}));
        let smtp = Smtp {
            enabled: true,
            port: 70_000,
            ..Smtp::default()
        };
        assert_eq!(
            server(&smtp)["port"],
            0,
            "refused with its name, not sent elsewhere"
        );
    }
}
