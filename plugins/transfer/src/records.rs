//! Records on their way into a table.

use hangar_model::sql::{ident, table};
use hangar_model::{Collection, Field};
use hangar_sdk::{Error, Result, operator, postgres};
use serde_json::Value;

use crate::coerce::{self, Change};
use crate::copy;
use crate::report::Report;

/// Data is sent once it has this many bytes.
const CHUNK: usize = 1 << 20;
/// A line is shown each time this many records have been copied.
const STEP: u64 = 100_000;

/// Fills a table with `COPY`.
pub struct Copier<'a> {
    collection: &'a Collection,
    fields: Vec<&'a Field>,
    sql: String,
    chunk: String,
    records: u64,
    changes: Vec<Change>,
    /// How often each field was changed in each way.
    counts: Vec<[u64; Change::ALL.len()]>,
}

impl<'a> Copier<'a> {
    /// Fills these fields of a collection.
    pub fn new(collection: &'a Collection, fields: Vec<&'a Field>) -> Self {
        let names: Vec<String> = fields.iter().map(|field| ident(&field.name)).collect();
        Self {
            sql: format!(
                "COPY {} ({}) FROM STDIN",
                table(&collection.name),
                names.join(", ")
            ),
            counts: vec![[0; Change::ALL.len()]; fields.len()],
            chunk: String::with_capacity(CHUNK + (64 << 10)),
            records: 0,
            changes: Vec::new(),
            collection,
            fields,
        }
    }

    /// Adds a record: the stored values of the fields, in their order.
    ///
    /// # Errors
    /// What the database says of this record or of those before.
    pub fn push(&mut self, values: impl IntoIterator<Item = Value>) -> Result<()> {
        for (at, (field, stored)) in self.fields.iter().zip(values).enumerate() {
            if at > 0 {
                self.chunk.push('\t');
            }
            let value = coerce::column(field, stored, &mut self.changes);
            copy::value(&value, &mut self.chunk);
            for change in self.changes.drain(..) {
                self.counts[at][change as usize] += 1;
            }
        }
        self.chunk.push('\n');
        self.records += 1;
        if self.records.is_multiple_of(STEP) {
            operator::say(&format!(
                "  {}: {} records",
                self.collection.name, self.records
            ));
        }
        if self.chunk.len() >= CHUNK {
            self.send()?;
        }
        Ok(())
    }

    /// Sends the rest; answers how many records there were, and reports what was changed in them.
    ///
    /// # Errors
    /// What the database says.
    pub fn finish(mut self, report: &mut Report) -> Result<u64> {
        self.send()?;
        for (field, counts) in self.fields.iter().zip(&self.counts) {
            let place = format!("field {}.{}", self.collection.name, field.name);
            for change in Change::ALL {
                report.changed(&place, change.text(), counts[change as usize]);
            }
        }
        // The planner knows nothing of the table yet.
        postgres::batch(&format!("ANALYZE {}", table(&self.collection.name)))?;
        let name = &self.collection.name;
        operator::say(&format!("{name}: {} records", self.records));
        if !self.collection.system || self.records > 0 {
            report.carried(format!("{name}: {} records", self.records));
        }
        Ok(self.records)
    }

    fn send(&mut self) -> Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        postgres::copy_in(&self.sql, self.chunk.as_bytes()).map_err(|error| Error {
            message: format!(
                "the records of {} cannot be copied: {}{}. Nothing was changed",
                self.collection.name,
                error.message,
                detail(&error)
            ),
            ..error
        })?;
        self.chunk.clear();
        Ok(())
    }
}

/// What PostgreSQL adds to an error: the value of a broken constraint, say.
fn detail(error: &Error) -> String {
    let data: Value = serde_json::from_str(&error.data).unwrap_or_default();
    data.get("detail")
        .and_then(Value::as_str)
        .map(|detail| format!(" ({detail})"))
        .unwrap_or_default()
}
