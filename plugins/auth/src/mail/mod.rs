//! Mails to the people behind auth records.

pub mod alert;
pub mod background;
mod frame;
mod message;
mod template;
mod text;

use hangar_failure::Failure;
use hangar_model::auth_options::Template;
use hangar_sdk::Result;
use serde_json::{Value, json};

pub use message::{Message, Party};

use crate::accounts::Accounts;
use crate::events;
use crate::record::Record;
use crate::respond::tags;
use crate::settings;
use template::Placeholders;

/// What a mail is about.
pub enum About {
    /// Proof that the email is the record's.
    Verification {
        /// The token for the link.
        token: String,
    },
    /// A new password.
    PasswordReset {
        /// The token for the link.
        token: String,
    },
    /// A new email.
    EmailChange {
        /// The token for the link.
        token: String,
        /// Where the mail goes.
        new_email: String,
    },
    /// A one-time password.
    Otp {
        /// Id of the one-time password.
        id: String,
        /// The password.
        code: String,
    },
    /// A login from a new place.
    Alert {
        /// When, where and with what.
        info: String,
    },
}

impl About {
    fn event(&self) -> &'static str {
        match self {
            Self::Verification { .. } => "onMailerRecordVerificationSend",
            Self::PasswordReset { .. } => "onMailerRecordPasswordResetSend",
            Self::EmailChange { .. } => "onMailerRecordEmailChangeSend",
            Self::Otp { .. } => "onMailerRecordOTPSend",
            Self::Alert { .. } => "onMailerRecordAuthAlertSend",
        }
    }

    fn template<'a>(&self, accounts: &'a Accounts) -> &'a Template {
        let options = &accounts.options;
        match self {
            Self::Verification { .. } => &options.verification_template,
            Self::PasswordReset { .. } => &options.reset_password_template,
            Self::EmailChange { .. } => &options.confirm_email_change_template,
            Self::Otp { .. } => &options.otp.email_template,
            Self::Alert { .. } => &options.auth_alert.email_template,
        }
    }

    /// The placeholders only this mail has.
    fn values(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Verification { token }
            | Self::PasswordReset { token }
            | Self::EmailChange { token, .. } => vec![("TOKEN", token.clone())],
            Self::Otp { id, code } => vec![("OTP_ID", id.clone()), ("OTP", code.clone())],
            Self::Alert { info } => vec![("ALERT_INFO", template::escape(info))],
        }
    }

    fn meta(&self) -> Value {
        match self {
            Self::Verification { token } | Self::PasswordReset { token } => json!({"token": token}),
            Self::EmailChange { token, new_email } => {
                json!({"token": token, "newEmail": new_email})
            }
            Self::Otp { id, code } => json!({"otpId": id, "password": code}),
            Self::Alert { info } => json!({"info": info}),
        }
    }

    fn recipient<'a>(&'a self, record: &'a Record) -> &'a str {
        match self {
            Self::EmailChange { new_email, .. } => new_email,
            _ => record.text("email"),
        }
    }
}

/// Writes the mail and sends it, inside the handlers of its events. Answers once the mail server has taken it.
pub fn send(accounts: &Accounts, record: &Record, about: &About) -> Result<(), Failure> {
    let message = write(accounts, record, about)?;
    let document = || {
        Ok(json!({
            "record": record.document(&accounts.collection),
            "isNew": false,
            "original": {},
            "meta": about.meta(),
            "message": message,
        }))
    };
    events::around_sending(about.event(), &tags(accounts), document, |patches| {
        hand_over(message::patched(&message, patches)?)
    })
}

/// The event around all mails, then the mail server.
fn hand_over(message: Message) -> Result<(), Failure> {
    let document = || Ok(json!({"message": message}));
    events::around_sending("onMailerSend", &Default::default(), document, |patches| {
        let mut message = message::patched(&message, patches)?;
        if message.text.is_empty() {
            message.text = text::from_html(&message.html);
        }
        // A value of a record may stand in it, with line breaks.
        message.subject.retain(|character| !character.is_control());
        let server = message::server(&settings::current()?.smtp);
        hangar_sdk::mail::send(
            &server.to_string(),
            &serde_json::to_string(&message).map_err(hangar_sdk::Error::from)?,
        )?;
        Ok(())
    })
}

fn write(accounts: &Accounts, record: &Record, about: &About) -> Result<Message> {
    let settings = settings::current()?;
    let meta = &settings.meta;
    let mut values = about.values();
    values.push(("APP_NAME", meta.app_name.clone()));
    values.push(("APP_URL", meta.app_url.clone()));
    let placeholders = Placeholders {
        values: &values,
        collection: &accounts.collection,
        record,
    };
    let template = about.template(accounts);
    Ok(Message {
        from: Party {
            name: meta.sender_name.clone(),
            address: meta.sender_address.clone(),
        },
        to: vec![Party {
            name: String::new(),
            address: about.recipient(record).to_owned(),
        }],
        subject: placeholders.fill(&template.subject),
        html: frame::around(&placeholders.fill(&template.body)),
        ..Message::default()
    })
}
