//! `hangar import pocketbase`: takes over a data directory.

mod definitions;
mod encrypted;
mod logs;
mod records;
mod source;

use hangar_model::Collection;
use hangar_sdk::postgres::{self, batch};
use hangar_sdk::{Result, operator};

use crate::arguments::Arguments;
use crate::moving::{self, Origin};
use crate::report::Report;
use source::Source;

/// Migrations that PocketBase had applied.
const HISTORY: &str = "CREATE TABLE IF NOT EXISTS hangar_collections.migrations (\
    \"file\" text COLLATE \"C\" PRIMARY KEY, \"applied\" bigint NOT NULL)";

/// A data directory and what of it is wanted.
struct Directory {
    source: Source,
    migrations: Vec<(String, i64)>,
    /// What of its log is wanted.
    log: Option<logs::Wanted>,
}

/// Runs the command; answers the report.
///
/// # Errors
/// Why nothing was imported.
pub fn import(arguments: &Arguments) -> Result<String> {
    operator::say("Checking the directory …");
    let source = Source::open()?;
    let migrations = source.migrations()?;
    let all = definitions::read(&source, &migrations)?;
    let settings = encrypted::settings(&source, arguments.value("encryption-env"))?;
    let mut report = Report::default();
    if let Some(file) = source::newer(&migrations) {
        report.problem(format!(
            "migration {file} is not known to this importer: if it is PocketBase's own and not your application's, the directory is of a newer version than 0.40, and what is new in it was left out"
        ));
    }
    let directory = Directory {
        source,
        migrations,
        log: arguments
            .has("with-logs")
            .then(|| logs::Wanted::by(settings.as_ref())),
    };
    moving::import(arguments, &directory, &all, settings.as_ref(), report)
}

impl Origin for Directory {
    fn records(&self, collection: &Collection, report: &mut Report) -> Result<u64> {
        records::copy(&self.source, collection, report)
    }

    fn rest(&self) -> Result<()> {
        keep_history(&self.migrations)
    }

    fn logs(&self, dry: bool, report: &mut Report) -> Result<()> {
        match self.log {
            Some(wanted) => logs::copy(&self.source, wanted, dry, report),
            None => Ok(()),
        }
    }

    fn files(&self) -> Result<Vec<(&'static str, operator::Copied)>> {
        let mut copies = Vec::new();
        for (folder, what) in [("storage", "files"), ("backups", "backups")] {
            if self.source.has_folder(folder) {
                operator::say(&format!("Copying {what} …"));
                copies.push((what, operator::copy(folder, folder)?));
            }
        }
        Ok(copies)
    }
}

/// Remembers which migrations have been applied.
fn keep_history(migrations: &[(String, i64)]) -> Result<()> {
    batch(HISTORY)?;
    let (files, times): (Vec<&str>, Vec<String>) = migrations
        .iter()
        .map(|(file, applied)| (file.as_str(), applied.to_string()))
        .unzip();
    postgres::query(
        "INSERT INTO hangar_collections.migrations (\"file\", \"applied\") \
         SELECT f.value, t.value::bigint \
         FROM json_array_elements_text($1::text::json) WITH ORDINALITY AS f(value, at) \
         JOIN json_array_elements_text($2::text::json) WITH ORDINALITY AS t(value, at) ON t.at = f.at \
         ON CONFLICT (\"file\") DO UPDATE SET \"applied\" = excluded.\"applied\"",
        vec![
            serde_json::to_string(&files)?.into(),
            serde_json::to_string(&times)?.into(),
        ],
    )?;
    Ok(())
}
