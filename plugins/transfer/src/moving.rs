//! What all imports share: one transaction in which collections are made, filled and indexed.
//!
//! Tables are made without indexes, filled with `COPY`, and indexed afterwards. A dry run does the same and undoes it,
//! so that its report is true.

use hangar_model::Collection;
use hangar_sdk::postgres::{self, Transaction, begin};
use hangar_sdk::{Result, collections, context, kv, operator};
use serde::Deserialize;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::report::Report;
use crate::{indexes, settings, target, views};

/// Topics that tell plugins of changed collections and settings.
const TOPICS: [&str; 2] = ["collections", "settings"];
/// Stores the metadata once more, which numbers it anew.
const ORDER: &str = "WITH gone AS (DELETE FROM hangar_collections.collections RETURNING *) \
    INSERT INTO hangar_collections.collections (\"id\", \"name\", \"type\", \"system\", \"created\", \"updated\", \"data\") \
    SELECT gone.\"id\", gone.\"name\", gone.\"type\", gone.\"system\", gone.\"created\", gone.\"updated\", gone.\"data\" \
    FROM gone LEFT JOIN json_array_elements_text($1::text::json) WITH ORDINALITY AS wanted(id, at) \
    ON wanted.id = gone.\"id\" ORDER BY wanted.at, gone.\"_rowid_\"";

/// Where an application comes from.
pub trait Origin {
    /// Copies the records of a collection into its table; answers how many.
    ///
    /// # Errors
    /// What either side says.
    fn records(&self, collection: &Collection, report: &mut Report) -> Result<u64>;

    /// What else is to be stored in the same transaction.
    ///
    /// # Errors
    /// What either side says.
    fn rest(&self) -> Result<()>;

    /// Copies what the log has, if that is wanted; it is in no transaction. A dry run only counts.
    ///
    /// # Errors
    /// What either side says.
    fn logs(&self, dry: bool, report: &mut Report) -> Result<()>;

    /// Copies files.
    ///
    /// # Errors
    /// What the disk says.
    fn files(&self) -> Result<Vec<(&'static str, operator::Copied)>>;
}

/// What a copy did.
#[derive(Deserialize)]
struct Summary {
    files: u64,
    bytes: u64,
    skipped: Vec<String>,
}

/// Moves an application in, all of it or nothing; answers the report.
///
/// # Errors
/// Why nothing was imported.
pub fn import(
    arguments: &Arguments,
    origin: &impl Origin,
    all: &[Collection],
    imported: Option<&Value>,
    mut report: Report,
) -> Result<String> {
    let dry = arguments.has("dry-run");
    let transaction = begin()?;
    let kept = target::empty(all, arguments.has("force"))?;
    let records = tables(origin, all, &mut report)?;
    target::restore(&kept, &mut report)?;
    if let Some(imported) = imported {
        settings::store(imported)?;
        report.carried("settings");
    }
    origin.rest()?;
    let told = format!("{} collections, {records} records", all.len());
    if dry {
        Transaction::rollback(transaction)?;
        origin.logs(true, &mut report)?;
        return Ok(report.text(&format!("Would import: {told}")));
    }
    let copies = origin.files()?;
    for (what, copied) in &copies {
        let summary: Summary = serde_json::from_str(&copied.summary())?;
        if summary.files > 0 {
            report.carried(format!(
                "{} {what} ({} bytes)",
                summary.files, summary.bytes
            ));
        }
        for path in summary.skipped {
            report.problem(format!("{path}: neither a file nor a folder"));
        }
    }
    Transaction::commit(transaction)?;
    for (_, copied) in copies {
        operator::Copied::keep(copied);
    }
    // Servers that run on this database notice.
    for topic in TOPICS {
        kv::revisions::bump(topic);
    }
    context::forget_identity("");
    if let Err(error) = origin.logs(false, &mut report) {
        report.problem(format!(
            "logs: {}; everything else was imported",
            error.message
        ));
    }
    Ok(report.text(&format!("Imported: {told}")))
}

/// Puts the collections in the order in which they were created: views were made last, but need not be the youngest.
fn order(all: &[Collection]) -> Result<()> {
    let ids: Vec<&str> = all
        .iter()
        .map(|collection| collection.id.as_str())
        .collect();
    postgres::query(ORDER, vec![serde_json::to_string(&ids)?.into()])?;
    Ok(())
}

/// Makes the collections and copies their records; answers how many there are in all.
fn tables(origin: &impl Origin, all: &[Collection], report: &mut Report) -> Result<u64> {
    let tables = || all.iter().filter(|collection| !collection.is_view());
    for collection in tables() {
        let mut bare = collection.clone();
        bare.indexes.clear();
        collections::store_collection(&bare.to_storage())?;
    }
    let mut total = 0;
    for collection in tables() {
        total += origin.records(collection, report)?;
    }
    operator::say("Making indexes …");
    for collection in tables() {
        indexes::make(collection, report)?;
    }
    views::make(all, report)?;
    order(all)?;
    Ok(total)
}
