//! What all imports share: one transaction in which collections are made, filled and indexed.
//!
//! Tables are made without indexes, filled with `COPY`, and indexed afterwards. A dry run does the same and undoes it,
//! so that its report is true.

use hangar_model::Collection;
use hangar_sdk::postgres::{Transaction, begin};
use hangar_sdk::{Result, collections, kv, operator};
use serde::Deserialize;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::report::Report;
use crate::{indexes, settings, target, views};

/// Topic that tells plugins of changed collections.
const TOPIC: &str = "collections";

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
    fn rest(&self, report: &mut Report) -> Result<()>;

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
    origin.rest(&mut report)?;
    let told = format!("{} collections, {records} records", all.len());
    if dry {
        Transaction::rollback(transaction)?;
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
    kv::revisions::bump(TOPIC);
    report.hint("Restart every server that runs on this database: it does not know of the change.");
    Ok(report.text(&format!("Imported: {told}")))
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
    Ok(total)
}
