//! Mails that are sent after the request has been answered, so that it neither waits for the mail server nor tells by its
//! time whether there is anybody to write to.

use hangar_failure::Failure;
use hangar_sdk::{Error, Result, background, collections, log};

use super::About;
use crate::accounts::{self, Accounts};
use crate::claims::{Kind, Options};
use crate::record::Record;
use crate::{counters, origins, otp, token};

/// Seconds until a mail of the same kind goes to the same record again.
const RESEND: i64 = 120;

/// Work that is left to the background.
pub enum Work<'a> {
    /// A verification mail, unless one was sent a moment ago.
    Verification,
    /// A password reset mail, unless one was sent a moment ago.
    PasswordReset,
    /// A one-time password.
    Otp {
        /// Its id.
        id: &'a str,
        /// The password.
        code: &'a str,
    },
    /// Word of a login from a new place.
    Alert {
        /// Id of the origin; it is forgotten again if the mail cannot be sent.
        origin: &'a str,
        /// When, where and with what.
        info: &'a str,
    },
}

const VERIFICATION: &str = "mail verification";
const PASSWORD_RESET: &str = "mail password-reset";
const OTP: &str = "mail otp";
const ALERT: &str = "mail alert";

impl Work<'_> {
    /// Leaves the work to the background. The request goes on, whatever comes of it.
    pub fn start(&self, accounts: &Accounts, record: &Record) {
        let (name, rest) = match self {
            Self::Verification => (VERIFICATION, vec![]),
            Self::PasswordReset => (PASSWORD_RESET, vec![]),
            Self::Otp { id, code } => (OTP, vec![*id, *code]),
            Self::Alert { origin, info } => (ALERT, vec![*origin, *info]),
        };
        let arguments = [accounts.collection.id.as_str(), record.id()];
        let arguments = arguments.into_iter().chain(rest).map(str::to_owned);
        if let Err(error) = background::start(name, &arguments.collect::<Vec<String>>()) {
            log::error(&format!(
                "a mail was not sent: {} ({})",
                error.message, error.code
            ));
        }
    }
}

/// Whether a mail of this kind has gone to the record a moment ago.
pub fn sent_lately(work: &Work, collection: &str, record: &str) -> Result<bool> {
    Ok(counters::running(&key(work, collection, record))? > 0)
}

fn key(work: &Work, collection: &str, record: &str) -> String {
    let kind = match work {
        Work::PasswordReset => "password-reset",
        _ => "verification",
    };
    format!("mail/{kind}/{collection}/{record}")
}

/// Runs work that was left to the background; `None` for a command that is none.
pub fn run(name: &str, arguments: &[&str]) -> Option<Result<String>> {
    let work = match (name, arguments) {
        (VERIFICATION, [_, _]) => Work::Verification,
        (PASSWORD_RESET, [_, _]) => Work::PasswordReset,
        (OTP, [_, _, id, code]) => Work::Otp { id, code },
        (ALERT, [_, _, origin, info]) => Work::Alert { origin, info },
        _ => return None,
    };
    let [collection, id, ..] = arguments else {
        return None;
    };
    Some(work.run(collection, id).map(|()| String::new()))
}

impl Work<'_> {
    fn run(&self, collection: &str, id: &str) -> Result<()> {
        let Some(accounts) = accounts::auth(collection)? else {
            return Ok(());
        };
        let Some(record) = Record::find(&accounts.collection, id)? else {
            return Ok(());
        };
        match self.send(&accounts, &record) {
            Ok(()) => Ok(()),
            Err(failure) => {
                self.undo(&accounts, &record)?;
                let error = hangar_sdk::Error::from(failure);
                let what = self.what();
                Err(Error {
                    message: format!(
                        "{what} of the record {collection}/{id} was not sent: {} (settings smtp, meta.senderAddress)",
                        error.message
                    ),
                    ..error
                })
            }
        }
    }

    fn send(&self, accounts: &Accounts, record: &Record) -> Result<(), Failure> {
        let about = match self {
            Self::Verification | Self::PasswordReset => {
                // Counted before it is sent: of two requests at once only one sends.
                let key = key(self, &accounts.collection.id, record.id());
                if counters::count(&key, RESEND)? > 1 {
                    return Ok(());
                }
                let kind = match self {
                    Self::Verification => Kind::Verification,
                    _ => Kind::PasswordReset,
                };
                let token = token::issue(kind, accounts, record, &Options::default())?;
                match self {
                    Self::Verification => About::Verification { token },
                    _ => About::PasswordReset { token },
                }
            }
            Self::Otp { id, code } => About::Otp {
                id: (*id).to_owned(),
                code: (*code).to_owned(),
            },
            Self::Alert { info, .. } => About::Alert {
                info: (*info).to_owned(),
            },
        };
        super::send(accounts, record, &about)?;
        if let Self::Otp { id, .. } = self {
            otp::sent(id, record.text("email"))?;
        }
        Ok(())
    }

    /// What must not stay when the mail has not been sent.
    fn undo(&self, accounts: &Accounts, record: &Record) -> Result<()> {
        match self {
            // As in PocketBase, a failed verification mail is not tried again at once.
            Self::Verification => Ok(()),
            Self::PasswordReset => {
                counters::clear(&key(self, &accounts.collection.id, record.id()))
            }
            Self::Otp { id, .. } => forget(otp::COLLECTION, id),
            Self::Alert { origin, .. } => forget(origins::COLLECTION, origin),
        }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Verification => "the verification mail",
            Self::PasswordReset => "the password reset mail",
            Self::Otp { .. } => "the mail with a one-time password",
            Self::Alert { .. } => "the login alert",
        }
    }
}

/// Deletes a record that may be gone already.
fn forget(collection: &str, id: &str) -> Result<()> {
    match collections::delete(collection, id) {
        Err(error) if error.code != "not_found" => Err(error),
        _ => Ok(()),
    }
}
