//! The message: checked, then written as lettre writes it.

use std::collections::BTreeMap;

use hangar_core::{Error, Limits, Result};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use serde::Deserialize;

/// Recipients of one mail, of all kinds together.
const MAX_RECIPIENTS: usize = 100;
/// Headers of the plugin's own.
const MAX_HEADERS: usize = 50;
/// Headers written from other parts of the message.
const RESERVED: [&str; 10] = [
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "sender",
];

/// A message as the plugin describes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Described {
    from: Party,
    to: Vec<Party>,
    cc: Vec<Party>,
    bcc: Vec<Party>,
    subject: String,
    html: String,
    text: String,
    headers: BTreeMap<String, String>,
}

/// Somebody with an address.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Party {
    name: String,
    address: String,
}

impl Described {
    /// Reads the plugin's JSON; `limits.mail-bytes` bounds it.
    pub(crate) fn parse(plugin: &str, limits: &Limits, text: &str) -> Result<Self> {
        if text.len() > limits.mail_bytes {
            let bound = format!("{} bytes", limits.mail_bytes);
            return Err(Error::limit(
                plugin,
                "size of a mail",
                bound,
                "limits.mail-bytes",
            ));
        }
        serde_json::from_str(text).map_err(|error| {
            Error::bad_input(format!(
                "the mail is not described as it should be: {error}"
            ))
        })
    }

    /// The message with its envelope. Without a `Message-ID` of the plugin's it gets one of the sender's domain.
    pub(crate) fn build(&self) -> Result<Message> {
        let recipients = self.to.len() + self.cc.len() + self.bcc.len();
        if recipients == 0 || recipients > MAX_RECIPIENTS {
            return Err(Error::bad_input(format!(
                "a mail has 1 to {MAX_RECIPIENTS} recipients, not {recipients}"
            )));
        }
        let from = self.from.mailbox("from")?;
        let domain = from.email.domain().to_owned();
        let mut builder = Message::builder().from(from).subject(&self.subject);
        for party in &self.to {
            builder = builder.to(party.mailbox("to")?);
        }
        for party in &self.cc {
            builder = builder.cc(party.mailbox("cc")?);
        }
        for party in &self.bcc {
            builder = builder.bcc(party.mailbox("bcc")?);
        }
        let own_id = self
            .headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("message-id"));
        if !own_id {
            builder = builder.message_id(Some(format!("<{}@{domain}>", unique())));
        }
        let unusable = |error: lettre::error::Error| {
            Error::bad_input(format!("the mail cannot be written: {error}"))
        };
        let mut message = match (self.html.is_empty(), self.text.is_empty()) {
            (false, false) => builder
                .multipart(MultiPart::alternative_plain_html(
                    self.text.clone(),
                    self.html.clone(),
                ))
                .map_err(unusable)?,
            (false, true) => builder
                .singlepart(SinglePart::html(self.html.clone()))
                .map_err(unusable)?,
            _ => builder
                .singlepart(SinglePart::plain(self.text.clone()))
                .map_err(unusable)?,
        };
        for header in self.own_headers()? {
            message.headers_mut().insert_raw(header);
        }
        Ok(message)
    }

    fn own_headers(&self) -> Result<Vec<HeaderValue>> {
        if self.headers.len() > MAX_HEADERS {
            return Err(Error::bad_input(format!(
                "a mail has at most {MAX_HEADERS} headers of its own, not {}",
                self.headers.len()
            )));
        }
        let header = |(name, value): (&String, &String)| {
            if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(Error::bad_input(format!(
                    "the header {name} is written from the mail's other parts"
                )));
            }
            let known = HeaderName::new_from_ascii(name.clone())
                .ok()
                .filter(|_| {
                    name.bytes()
                        .all(|byte| byte.is_ascii_graphic() && byte != b':')
                })
                .ok_or_else(|| {
                    Error::bad_input(format!("{name:?} is no name for a mail header"))
                })?;
            if value.contains(char::is_control) {
                return Err(Error::bad_input(format!(
                    "the value of the mail header {name} holds a control character"
                )));
            }
            Ok(HeaderValue::new(known, value.clone()))
        };
        self.headers.iter().map(header).collect()
    }
}

impl Party {
    fn mailbox(&self, role: &str) -> Result<Mailbox> {
        let address: Address = self.address.parse().map_err(|_| {
            Error::bad_input(format!(
                "{:?} ({role}) is no address mail can be sent to or from",
                self.address
            ))
        })?;
        if self.name.contains(char::is_control) {
            return Err(Error::bad_input(format!(
                "the name beside {} ({role}) holds a control character",
                self.address
            )));
        }
        let name = Some(self.name.trim().to_owned()).filter(|name| !name.is_empty());
        Ok(Mailbox::new(name, address))
    }
}

/// A name no other message has.
fn unique() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    // Addresses of heap values and hashers with random keys are at hand; the hasher needs no further dependency.
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(now);
    format!("{:x}.{random:016x}", now.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn build(change: impl FnOnce(&mut Value)) -> Result<String> {
        let mut mail = json!({
            "from": {"name": "Müller, & Söhne", "address": "shop@example.com"},
            "to": [{"address": "a@example.com"}],
            "bcc": [{"address": "secret@example.com"}],
            "subject": "Größe ✓", "html": "<p>é</p>", "text": "é",
        });
        change(&mut mail);
        let described = Described::parse("p", &Limits::default(), &mail.to_string())?;
        let message = described.build()?;
        assert!(message.envelope().to().len() >= 2);
        Ok(String::from_utf8(message.formatted()).expect("ASCII"))
    }

    #[test]
    fn both_forms_are_alternatives() {
        let text = build(|_| {}).expect("a mail");
        assert!(text.is_ascii(), "transport-safe: {text}");
        for part in [
            "multipart/alternative",
            "text/plain",
            "text/html",
            "@example.com>",
            "To: a@example.com",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("secret@example.com"), "{text}");
        let plain = build(|mail| mail["html"] = "".into()).expect("a mail");
        assert!(!plain.contains("multipart"), "{plain}");
    }

    #[test]
    fn headers_cannot_be_smuggled_in() {
        let bad: [fn(&mut Value); 8] = [
            |mail| mail["headers"] = json!({"X-A": "a\r\nBcc: x@example.com"}),
            |mail| mail["headers"] = json!({"X A": "a"}),
            |mail| mail["headers"] = json!({"X-A:": "a"}),
            |mail| mail["headers"] = json!({"Bcc": "x@example.com"}),
            |mail| mail["to"] = json!([{"address": "a@example.com\r\nRCPT TO:<x@example.com>"}]),
            |mail| mail["from"]["name"] = "a\nb".into(),
            |mail| mail["to"] = json!([{"address": "nobody"}]),
            |mail| mail["unknown"] = 1.into(),
        ];
        for change in bad {
            assert_eq!(build(change).expect_err("refused").code, "bad_input");
        }
        let kept = build(|mail| mail["headers"] = json!({"X-Tag": "é", "Message-ID": "<own@id>"}))
            .expect("a mail");
        assert!(
            kept.contains("X-Tag: =?utf-8?") && kept.contains("Message-ID: <own@id>"),
            "{kept}"
        );
        let subject =
            build(|mail| mail["subject"] = "a\r\nBcc: x@example.com".into()).expect("a mail");
        assert!(!subject.contains("\nBcc:"), "{subject}");
    }

    #[test]
    fn bounds() {
        let none = build(|mail| {
            mail["to"] = json!([]);
            mail["bcc"] = json!([]);
        });
        assert!(none.expect_err("nobody").message.contains("1 to 100"));
        let many: Vec<Value> = (0..101)
            .map(|n| json!({"address": format!("a{n}@example.com")}))
            .collect();
        assert_eq!(
            build(|mail| mail["to"] = many.into())
                .expect_err("too many")
                .code,
            "bad_input"
        );
        let limits = Limits {
            mail_bytes: 10,
            ..Limits::default()
        };
        let error = Described::parse("shop", &limits, &"x".repeat(11)).expect_err("too long");
        assert_eq!(error.code, "limit");
        assert!(error.message.contains("limits.mail-bytes"), "{error}");
    }
}
