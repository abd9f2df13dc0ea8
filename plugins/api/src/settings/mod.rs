//! The application's settings: one JSON document, shown without its secrets, changed by merging.

mod body;
mod merge;
mod policy;
mod rate_limits;
mod reload;
mod renamed;
mod routes;
mod rules;
mod store;
mod test_s3;
mod validate;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use policy::apply;
pub use reload::reload;
pub use renamed::follow;
pub use routes::{merge, show, update};
pub use store::{MIGRATION, initialise, load};
pub use test_s3::test_s3;

/// Topic of `hangar:kv/revisions` that is bumped when the settings have changed.
const TOPIC: &str = "settings";

/// All settings, in PocketBase's key order. [`Default`] is the zero value of each; a new application starts with
/// [`Settings::initial`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Addresses and networks superusers may come from; empty: anywhere.
    #[serde(rename = "superuserIPs", deserialize_with = "list")]
    pub superuser_ips: Vec<String>,
    /// Outgoing mail.
    pub smtp: Smtp,
    /// Backups.
    pub backups: Backups,
    /// Where files are kept, if not locally.
    pub s3: S3,
    /// Name and appearance.
    pub meta: Meta,
    /// Request rates.
    pub rate_limits: RateLimits,
    /// Headers that tell the client's address.
    pub trusted_proxy: TrustedProxy,
    /// Batch requests.
    pub batch: Batch,
    /// Request logs.
    pub logs: Logs,
}

/// Outgoing mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Smtp {
    /// Whether mail goes through this server.
    pub enabled: bool,
    /// Its port.
    pub port: i64,
    /// Its host name or address.
    pub host: String,
    /// Account there.
    pub username: String,
    /// Password of the account; never shown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password: String,
    /// `PLAIN`, `LOGIN` or empty for `PLAIN`.
    pub auth_method: String,
    /// Whether the connection starts encrypted.
    pub tls: bool,
    /// What we call ourselves in the greeting.
    pub local_name: String,
}

/// Backups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Backups {
    /// When automatic ones run; empty: never.
    pub cron: String,
    /// How many automatic ones are kept.
    pub cron_max_keep: i64,
    /// Where they are kept, if not locally.
    pub s3: S3,
}

/// An S3 bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct S3 {
    /// Whether it is used.
    pub enabled: bool,
    /// Name of the bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// URL of the service.
    pub endpoint: String,
    /// Key id.
    pub access_key: String,
    /// Secret key; never shown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secret: String,
    /// Whether the bucket stands in the path instead of the host name.
    pub force_path_style: bool,
}

/// Name and appearance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Colour of the dashboard, `#rrggbb`.
    pub accent_color: String,
    /// Name of the application.
    pub app_name: String,
    /// Where it is reached, for links in mails.
    #[serde(rename = "appURL")]
    pub app_url: String,
    /// Who mails come from.
    pub sender_name: String,
    /// Address mails come from.
    pub sender_address: String,
    /// Whether the dashboard hides what changes collections.
    pub hide_controls: bool,
}

/// Request rates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimits {
    /// The limits.
    #[serde(deserialize_with = "objects")]
    pub rules: Vec<RateLimit>,
    /// Addresses and networks without limits.
    #[serde(rename = "excludedIPs", deserialize_with = "list")]
    pub excluded_ips: Vec<String>,
    /// Whether they hold.
    pub enabled: bool,
}

/// One limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimit {
    /// What it counts: `/path/`, `METHOD /path`, `collection:action`, `*:action` or a tag.
    pub label: String,
    /// For whom: empty (everybody), `@guest` or `@auth`.
    pub audience: String,
    /// Length of the window in seconds.
    pub duration: i64,
    /// Requests allowed in it.
    pub max_requests: i64,
}

/// Headers that tell the client's address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrustedProxy {
    /// Their names, in order of preference.
    #[serde(deserialize_with = "list")]
    pub headers: Vec<String>,
    /// Whether the first address of several counts instead of the last.
    #[serde(rename = "useLeftmostIP")]
    pub use_leftmost_ip: bool,
}

/// Batch requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Batch {
    /// Whether they are allowed.
    pub enabled: bool,
    /// Most requests in one.
    pub max_requests: i64,
    /// Seconds one may take.
    pub timeout: i64,
    /// Most bytes of one; 0 for the standard limit.
    pub max_body_size: i64,
}

/// Request logs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Logs {
    /// Most bytes of an entry's data; 0 for the standard limit.
    pub max_data_size: i64,
    /// Days an entry is kept; 0: none is.
    pub max_days: i64,
    /// Entries below this level are dropped.
    pub min_level: i64,
    /// Whether addresses are logged.
    #[serde(rename = "logIP")]
    pub log_ip: bool,
    /// Whether the id of the auth record is logged.
    pub log_auth_id: bool,
}

impl Settings {
    /// The settings of a new application.
    pub fn initial() -> Self {
        let limit = |label: &str, duration, max_requests| RateLimit {
            label: label.into(),
            audience: String::new(),
            duration,
            max_requests,
        };
        Self {
            smtp: Smtp {
                port: 587,
                host: "smtp.example.com".into(),
                ..Smtp::default()
            },
            backups: Backups {
                cron_max_keep: 3,
                ..Backups::default()
            },
            meta: Meta {
                accent_color: "#1055c9".into(),
                app_name: "Acme".into(),
                app_url: "http://localhost:8090".into(),
                sender_name: "Support".into(),
                sender_address: "support@example.com".into(),
                hide_controls: false,
            },
            rate_limits: RateLimits {
                rules: vec![
                    limit("*:auth", 3, 2),
                    limit("*:create", 5, 20),
                    limit("/api/batch", 1, 3),
                    limit("/api/", 10, 300),
                ],
                ..RateLimits::default()
            },
            batch: Batch {
                max_requests: 50,
                timeout: 3,
                ..Batch::default()
            },
            logs: Logs {
                max_days: 5,
                log_ip: true,
                ..Logs::default()
            },
            ..Self::default()
        }
    }

    /// A copy without secrets, as the API shows it.
    pub fn without_secrets(&self) -> Self {
        let mut copy = self.clone();
        copy.smtp.password.clear();
        copy.s3.secret.clear();
        copy.backups.s3.secret.clear();
        copy
    }
}

/// A list of objects, each as [`list`] has them.
fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let items: Vec<Map<String, Value>> = list(deserializer)?;
    items
        .into_iter()
        .map(|item| serde_json::from_value(item.into()).map_err(D::Error::custom))
        .collect()
}

/// A list whose missing elements (`null`) are zero values.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Option<T>>::deserialize(deserializer)?;
    Ok(items.into_iter().map(Option::unwrap_or_default).collect())
}
