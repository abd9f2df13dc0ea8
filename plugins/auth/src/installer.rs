//! The first start: an account that may only make the first superuser, reached by a link.

use hangar_model::system::SUPERUSERS;
use hangar_sdk::{Result, collections, crypto, postgres};
use serde_json::{Value, json};

use crate::claims::{Kind, Options};
use crate::commands::{find, save, superusers};
use crate::token;

/// Email of the account behind the link.
pub const EMAIL: &str = "__pbinstaller@example.com";
/// Seconds the link works.
const LINK_DURATION: i64 = 1800;
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const OTHERS: &str = "SELECT 1 FROM public.\"_superusers\" WHERE \"email\" <> $1::text LIMIT 1";

/// `/_/#/pbinstall/TOKEN` while there is no superuser, else empty.
pub fn link() -> Result<String> {
    let superusers = superusers()?;
    if !postgres::query(OTHERS, vec![EMAIL.into()])?.rows.is_empty() {
        return Ok(String::new());
    }
    if find(EMAIL)?.is_none() {
        // Nobody is told this password: the link is the only way in.
        let password = crypto::random::text(30, ALPHABET)?;
        save(&json!({"email": EMAIL, "password": password}), true)?;
    }
    let Some(record) = find(EMAIL)? else {
        return Ok(String::new());
    };
    let options = Options {
        duration: Some(LINK_DURATION),
        refreshable: Some(false),
        ..Options::default()
    };
    let token = token::issue(Kind::Auth, &superusers, &record, &options)?;
    Ok(format!("/_/#/pbinstall/{token}"))
}

/// A superuser has been created: unless it is the installer's, the installer's account has done its work.
///
/// `document` is that of the event, as `plugins/hooks/PROTOCOL.md` describes it.
pub fn superuser_created(document: &str) -> Result<()> {
    let event: Value = serde_json::from_str(document)?;
    if event["record"]["email"].as_str() == Some(EMAIL) {
        return Ok(());
    }
    match find(EMAIL)? {
        Some(record) => collections::delete(SUPERUSERS, record.id()),
        None => Ok(()),
    }
}
