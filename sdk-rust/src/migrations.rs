//! Versioned migrations of a plugin's own tables, applied in `activate`.

use crate::postgres::{self, Value};
use crate::{Error, Result};

const HISTORY: &str = "CREATE SCHEMA IF NOT EXISTS hangar; \
    CREATE TABLE IF NOT EXISTS hangar.plugin_migrations (\
        plugin text NOT NULL, id text NOT NULL, applied timestamptz NOT NULL DEFAULT now(), \
        PRIMARY KEY (plugin, id))";

/// Applies the migrations (id, SQL text) that this database has not seen, in the given order and in one transaction.
/// Nodes that start together wait for one another.
pub fn apply(plugin: &str, migrations: &[(&str, &str)]) -> Result<()> {
    postgres::transaction(|| {
        postgres::query(
            "SELECT pg_advisory_xact_lock(hashtext('hangar.plugin_migrations'))",
            vec![],
        )?;
        postgres::batch(HISTORY)?;
        let seen = postgres::query(
            "SELECT id FROM hangar.plugin_migrations WHERE plugin = $1",
            vec![plugin.into()],
        )?;
        for (id, sql) in migrations {
            if seen
                .rows
                .iter()
                .any(|row| row.first().and_then(|v| v.as_str()) == Some(id))
            {
                continue;
            }
            postgres::batch(sql).map_err(|e| Error {
                message: format!("migration {id} of plugin {plugin} failed: {}", e.message),
                ..e
            })?;
            postgres::query(
                "INSERT INTO hangar.plugin_migrations (plugin, id) VALUES ($1, $2)",
                vec![plugin.into(), Value::from(*id)],
            )?;
        }
        Ok(())
    })
}
