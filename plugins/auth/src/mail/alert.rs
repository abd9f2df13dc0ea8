//! Mails to all superusers about a fault of the application, raised by other plugins as the event `onSystemAlert`.

use hangar_sdk::{Result, log, postgres};
use serde::Deserialize;

use super::{Message, Party, frame, hand_over, template};
use crate::installer;
use crate::settings;

const SUPERUSERS: &str =
    "SELECT \"email\" FROM public.\"_superusers\" WHERE \"email\" <> $1::text ORDER BY \"_rowid_\"";

/// The event.
#[derive(Deserialize)]
struct Alert {
    subject: String,
    message: String,
}

/// Sends the mails, one to each. Who cannot be reached is logged.
///
/// # Errors
/// What the database says.
pub fn send(document: &str) -> Result<()> {
    let alert: Alert = serde_json::from_str(document)?;
    let settings = settings::current()?;
    let meta = &settings.meta;
    let app = &meta.app_name;
    let body = format!(
        "<p>{} system alert occurred:</p>\n<p class=\"alert\"><strong>{}</strong></p>\n\
         <p>For more information you could explore the logs in the dashboard of your application.</p>",
        template::escape(app),
        template::escape(&alert.message),
    );
    let party = |name: &str, address: &str| Party {
        name: name.to_owned(),
        address: address.to_owned(),
    };
    let found = postgres::query(SUPERUSERS, vec![installer::EMAIL.into()])?;
    for email in found.rows.iter().filter_map(|row| row.first()?.as_str()) {
        let message = Message {
            from: party(&meta.sender_name, &meta.sender_address),
            to: vec![party("", email)],
            subject: format!("[{app} system alert] {}", alert.subject),
            html: frame::around(&body),
            ..Message::default()
        };
        if let Err(failure) = hand_over(message) {
            let error = hangar_sdk::Error::from(failure);
            log::error(&format!(
                "an alert was not mailed to {email}: {}",
                error.message
            ));
        }
    }
    Ok(())
}
