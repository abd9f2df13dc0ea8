//! Records of one collection, copied in the order of their insertion.

use hangar_model::Collection;
use hangar_model::sql::{ident as pg_ident, table};
use hangar_sdk::{Error, Result, operator, postgres};
use serde_json::Value;

use super::coerce::{self, Change};
use super::source::{self, Source};
use crate::copy;
use crate::report::Report;

/// Data is sent once it has this many bytes.
const CHUNK: usize = 1 << 20;
/// A line is shown each time this many records have been copied.
const STEP: u64 = 100_000;

/// Copies the records of a collection; answers how many there are.
///
/// # Errors
/// What either database says.
pub fn copy(source: &Source, collection: &Collection, report: &mut Report) -> Result<u64> {
    let columns = source.columns(&collection.name)?;
    if columns.is_empty() {
        report.problem(format!(
            "collection {}: it has no table in the directory; it is empty now",
            collection.name
        ));
        return Ok(0);
    }
    let mut fields = Vec::new();
    for field in &collection.fields {
        if columns.contains(&field.name) {
            fields.push(field);
        } else {
            report.problem(format!(
                "field {}.{}: its column is missing in the directory; it is empty now",
                collection.name, field.name
            ));
        }
    }
    let list = |quote: fn(&str) -> String| {
        let names: Vec<String> = fields.iter().map(|field| quote(&field.name)).collect();
        names.join(", ")
    };
    let select = format!(
        "SELECT {} FROM {} ORDER BY rowid",
        list(source::ident),
        source::ident(&collection.name)
    );
    let into = format!(
        "COPY {} ({}) FROM STDIN",
        table(&collection.name),
        list(pg_ident)
    );
    let mut counts = vec![[0u64; Change::ALL.len()]; fields.len()];
    let mut changes = Vec::new();
    let mut chunk = String::with_capacity(CHUNK + (64 << 10));
    let mut records = 0;
    source.each(&select, |row| {
        for (at, (field, stored)) in fields.iter().zip(row).enumerate() {
            if at > 0 {
                chunk.push('\t');
            }
            copy::value(&coerce::column(field, stored, &mut changes), &mut chunk);
            for change in changes.drain(..) {
                counts[at][change as usize] += 1;
            }
        }
        chunk.push('\n');
        records += 1;
        if records % STEP == 0 {
            operator::say(&format!("  {}: {records} records", collection.name));
        }
        if chunk.len() >= CHUNK {
            send(&into, &mut chunk, collection)?;
        }
        Ok(())
    })?;
    if !chunk.is_empty() {
        send(&into, &mut chunk, collection)?;
    }
    for (field, counts) in fields.iter().zip(&counts) {
        for change in Change::ALL {
            report.changed(
                &format!("field {}.{}", collection.name, field.name),
                change.text(),
                counts[change as usize],
            );
        }
    }
    // The planner knows nothing of the table yet.
    postgres::batch(&format!("ANALYZE {}", table(&collection.name)))?;
    Ok(records)
}

fn send(into: &str, chunk: &mut String, collection: &Collection) -> Result<()> {
    postgres::copy_in(into, chunk.as_bytes()).map_err(|error| Error {
        message: format!(
            "the records of {} cannot be copied: {}{}. Nothing was changed",
            collection.name,
            error.message,
            detail(&error)
        ),
        ..error
    })?;
    chunk.clear();
    Ok(())
}

/// What PostgreSQL adds to an error: the value of a broken constraint, say.
fn detail(error: &Error) -> String {
    let data: Value = serde_json::from_str(&error.data).unwrap_or_default();
    data.get("detail")
        .and_then(Value::as_str)
        .map(|detail| format!(" ({detail})"))
        .unwrap_or_default()
}
