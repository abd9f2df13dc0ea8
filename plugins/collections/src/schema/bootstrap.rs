//! The first start on a database: metadata tables, functions of filters, system collections.

use hangar_filter::policy::SESSION_SQL;
use hangar_model::ids::crc32;
use hangar_model::system;
use hangar_sdk::{Result, migrations, postgres};

use crate::random::{HostRandom, now_ms};
use crate::schema::{policies, store};

const COLLECTIONS: &str = include_str!("../../migrations/0001_collections.sql");

/// Brings the database to what this version needs. Nodes that start together wait for each other.
///
/// # Errors
/// What the database says.
pub fn activate() -> Result<()> {
    // The functions replace themselves, so they are run again whenever their text has changed.
    let functions = format!(
        "filter-functions-{:08x}",
        crc32(hangar_filter::FUNCTIONS_SQL)
    );
    let view_functions = format!(
        "view-functions-{:08x}",
        crc32(hangar_viewsql::FUNCTIONS_SQL)
    );
    let session = format!("session-functions-{:08x}", crc32(SESSION_SQL));
    migrations::apply(
        "collections",
        &[
            ("0001_collections", COLLECTIONS),
            (&functions, hangar_filter::FUNCTIONS_SQL),
            (&view_functions, hangar_viewsql::FUNCTIONS_SQL),
            (&session, SESSION_SQL),
        ],
    )?;
    if is_empty()? {
        make()?;
    }
    policies::activate()
}

/// The system collections.
fn make() -> Result<()> {
    store::change(|| {
        // Another node may have been faster.
        if is_empty()? {
            for collection in system::collections(now_ms(), &mut HostRandom) {
                store::save(&collection, None)?;
            }
        }
        Ok(())
    })
    .map_err(Into::into)
}

fn is_empty() -> Result<bool> {
    let rows = postgres::query(
        "SELECT 1 FROM hangar_collections.collections LIMIT 1",
        vec![],
    )?;
    Ok(rows.rows.is_empty())
}
