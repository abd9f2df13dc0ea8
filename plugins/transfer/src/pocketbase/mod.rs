//! `hangar import pocketbase`: takes over a data directory, all of it or nothing.
//!
//! Tables are made without indexes, filled with `COPY`, and indexed afterwards. Everything happens in one transaction;
//! a dry run does the same and undoes it, so that its report is true.

mod coerce;
mod definitions;
mod indexes;
mod records;
mod settings;
mod source;
mod target;
mod views;

use hangar_model::Collection;
use hangar_sdk::postgres::{Transaction, begin};
use hangar_sdk::{Result, collections, kv, operator};
use serde::Deserialize;

use crate::arguments::Arguments;
use crate::report::Report;
use source::Source;

/// Topic that tells plugins of changed collections.
const TOPIC: &str = "collections";

/// Runs the command; answers the report.
///
/// # Errors
/// Why nothing was imported.
pub fn import(arguments: &Arguments) -> Result<String> {
    let dry = arguments.has("dry-run");
    operator::say("Checking the directory …");
    let source = Source::open()?;
    let migrations = source.migrations()?;
    let all = definitions::read(&source, &migrations)?;
    let settings = settings::read(&source, arguments.value("encryption-env"))?;
    let mut report = Report::default();
    if let Some(file) = source::newer(&migrations) {
        report.problem(format!(
            "migration {file} is not known to this importer: if it is PocketBase's own and not your application's, the directory is of a newer version than 0.40, and what is new in it was left out"
        ));
    }

    let transaction = begin()?;
    let kept = target::empty(&all, arguments.has("force"))?;
    let records = tables(&source, &all, &mut report)?;
    target::restore(&kept, &mut report)?;
    if let Some(settings) = &settings {
        settings::store(settings)?;
        report.carried("settings");
    }
    target::keep_history(&migrations)?;
    if arguments.has("with-logs") {
        report.problem("logs: this version of Hangar cannot take them over; they stay in auxiliary.db");
    }
    let mut copies = Vec::new();
    if !dry {
        copies = files(&source, &mut report)?;
    }
    let head = format!(
        "{}: {} collections, {records} records",
        if dry { "Would import" } else { "Imported" },
        all.len()
    );
    if dry {
        Transaction::rollback(transaction)?;
        return Ok(report.text(&head));
    }
    Transaction::commit(transaction)?;
    for copied in copies {
        operator::Copied::keep(copied);
    }
    kv::revisions::bump(TOPIC);
    report.carried("a server that is running on this database has to be restarted to see all this");
    Ok(report.text(&head))
}

/// Makes the collections and copies their records; answers how many there are in all.
fn tables(source: &Source, all: &[Collection], report: &mut Report) -> Result<u64> {
    for collection in all.iter().filter(|collection| !collection.is_view()) {
        let mut bare = collection.clone();
        bare.indexes.clear();
        collections::store_collection(&bare.to_storage())?;
    }
    let mut total = 0;
    for collection in all.iter().filter(|collection| !collection.is_view()) {
        let records = records::copy(source, collection, report)?;
        operator::say(&format!("{}: {records} records", collection.name));
        if !collection.system || records > 0 {
            report.carried(format!("{}: {records} records", collection.name));
        }
        total += records;
    }
    operator::say("Making indexes …");
    for collection in all.iter().filter(|collection| !collection.is_view()) {
        indexes::make(collection, report)?;
    }
    views::make(all, report)?;
    Ok(total)
}

/// What a copy did.
#[derive(Deserialize)]
struct Summary {
    files: u64,
    bytes: u64,
    skipped: Vec<String>,
}

/// Copies uploaded files and backups.
fn files(source: &Source, report: &mut Report) -> Result<Vec<operator::Copied>> {
    let mut copies = Vec::new();
    for (folder, what) in [("storage", "files"), ("backups", "backups")] {
        if !source.has_folder(folder) {
            continue;
        }
        operator::say(&format!("Copying {what} …"));
        let copied = operator::copy(folder, folder)?;
        let summary: Summary = serde_json::from_str(&copied.summary())?;
        if summary.files > 0 {
            report.carried(format!("{}: {what} ({} bytes)", summary.files, summary.bytes));
        }
        for path in summary.skipped {
            report.problem(format!("{path}: neither a file nor a folder"));
        }
        copies.push(copied);
    }
    Ok(copies)
}
