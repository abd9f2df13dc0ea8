//! The application's settings that matter here, kept until they change.

use std::cell::RefCell;
use std::rc::Rc;

use hangar_sdk::{Result, kv, postgres};
use serde::Deserialize;

const SETTINGS: &str = "SELECT value::text FROM hangar_collections.params WHERE key = 'settings'";

/// The settings.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Outgoing mail.
    pub smtp: Smtp,
    /// The application, for mails.
    pub meta: Meta,
}

/// Outgoing mail.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Smtp {
    /// Whether mail goes through this server, not through this machine's sendmail.
    pub enabled: bool,
    /// Its port.
    pub port: i64,
    /// Its host.
    pub host: String,
    /// Account there.
    pub username: String,
    /// The account's password.
    pub password: String,
    /// `PLAIN`, `LOGIN` or empty for `PLAIN`.
    pub auth_method: String,
    /// Whether the connection starts encrypted.
    pub tls: bool,
    /// What we call ourselves.
    pub local_name: String,
}

/// The application.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Its name.
    pub app_name: String,
    /// Where it is reached.
    #[serde(rename = "appURL")]
    pub app_url: String,
    /// Who mails come from.
    pub sender_name: String,
    /// Address mails come from.
    pub sender_address: String,
}

thread_local! {
    static CACHE: RefCell<Option<(u32, Rc<Settings>)>> = const { RefCell::new(None) };
}

/// The settings as they are.
pub fn current() -> Result<Rc<Settings>> {
    let revision = kv::revisions::current("settings");
    let kept = CACHE.with_borrow(|kept| {
        kept.as_ref()
            .filter(|(of, _)| *of == revision)
            .map(|(_, kept)| kept.clone())
    });
    if let Some(settings) = kept {
        return Ok(settings);
    }
    let rows = postgres::query(SETTINGS, vec![])?;
    let text = rows
        .rows
        .first()
        .and_then(|row| row.first())
        .and_then(|value| value.as_str());
    let settings: Settings = text
        .map(serde_json::from_str)
        .transpose()?
        .unwrap_or_default();
    let settings = Rc::new(settings);
    CACHE.set(Some((revision, settings.clone())));
    Ok(settings)
}
