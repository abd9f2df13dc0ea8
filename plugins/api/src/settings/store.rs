//! The settings' row.

use hangar_sdk::postgres::{self, Value};
use hangar_sdk::{Error, Result};

use super::Settings;

/// Creates the table the settings live in: id and SQL.
pub const MIGRATION: (&str, &str) = (
    "0001_params",
    include_str!("../../migrations/0001_params.sql"),
);

const SELECT: &str = "SELECT value::text FROM hangar_collections.params WHERE key = 'settings'";
const SELECT_LOCKED: &str =
    "SELECT value::text FROM hangar_collections.params WHERE key = 'settings' FOR UPDATE";
const INSERT: &str = "INSERT INTO hangar_collections.params (key, value) VALUES ('settings', $1::text::json) \
    ON CONFLICT (key) DO NOTHING";
const UPDATE: &str =
    "UPDATE hangar_collections.params SET value = $1::text::json WHERE key = 'settings'";

/// The settings as they are.
pub fn load() -> Result<Settings> {
    read(SELECT).map(|settings| settings.unwrap_or_else(Settings::initial))
}

/// The settings, locked until the transaction ends.
pub fn load_locked() -> Result<Settings> {
    read(SELECT_LOCKED).map(|settings| settings.unwrap_or_else(Settings::initial))
}

/// Stores the settings.
pub fn save(settings: &Settings) -> Result<()> {
    postgres::query(UPDATE, vec![to_value(settings)?]).map(|_| ())
}

/// Stores the initial settings where there are none.
pub fn initialise() -> Result<()> {
    postgres::query(INSERT, vec![to_value(&Settings::initial())?]).map(|_| ())
}

fn to_value(settings: &Settings) -> Result<Value> {
    Ok(serde_json::to_string(settings)?.into())
}

fn read(sql: &str) -> Result<Option<Settings>> {
    let rows = postgres::query(sql, vec![])?;
    let Some(text) = rows
        .rows
        .first()
        .and_then(|row| row.first())
        .and_then(|value| value.as_str())
    else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| {
        Error::internal(format!(
            "the stored settings (hangar_collections.params) are damaged: {error}"
        ))
    })
}
