//! Writing the archive.

use hangar_model::json::to_json;
use hangar_model::sql::{ROWID, ident, table};
use hangar_model::{Collection, FieldType};
use hangar_sdk::operator::archive::{self, Writer};
use hangar_sdk::postgres::{self, Value as Param};
use hangar_sdk::{Result, collections, operator};
use serde_json::{Map, Value};

use super::{ABOUT, About, COLLECTIONS, FORMAT, SETTINGS, STORAGE, records_of};
use crate::arguments::Arguments;
use crate::report::Report;
use crate::{settings, target};

/// Records read in one go.
const PAGE: usize = 500;

/// Writes the archive; answers what is in it.
///
/// # Errors
/// What the database and the disk say.
pub fn export(arguments: &Arguments) -> Result<String> {
    let writer = archive::create()?;
    let mut report = Report::default();
    let about = About {
        format: FORMAT,
        hangar: env!("CARGO_PKG_VERSION").to_owned(),
    };
    entry(&writer, ABOUT, &serde_json::to_string(&about)?)?;
    let (mut total, mut count) = (0, 0);
    postgres::transaction(|| {
        // One snapshot for all, so that records refer to each other as they did at one moment.
        postgres::batch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        let documents = collections::collections()?;
        let all = target::parse(&documents)?;
        entry(&writer, COLLECTIONS, &documents)?;
        if let Some(settings) = settings::stored()? {
            entry(&writer, SETTINGS, &settings)?;
        }
        for collection in all.iter().filter(|collection| !collection.is_view()) {
            writer.entry(&records_of(collection))?;
            let records = records(&writer, collection)?;
            operator::say(&format!("{}: {records} records", collection.name));
            total += records;
        }
        count = all.len();
        Ok(())
    })?;
    if !arguments.has("without-files") {
        operator::say("Adding files …");
        report.carried(format!("{} files", writer.add_place(STORAGE)?));
    }
    Writer::finish(writer)?;
    report.hint("The archive holds secrets and password hashes: keep it safe.");
    Ok(report.text(&format!("Exported: {count} collections, {total} records")))
}

fn entry(writer: &Writer, name: &str, text: &str) -> Result<()> {
    writer.entry(name)?;
    writer.write(text.as_bytes())
}

/// Writes the records of a collection, one a line in the order of their insertion; answers how many.
fn records(writer: &Writer, collection: &Collection) -> Result<u64> {
    let columns = collection.fields.iter().map(|field| {
        let name = ident(&field.name);
        match field.kind() {
            FieldType::Date | FieldType::Autodate => format!(
                "coalesce(to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS\"Z\"'), '')"
            ),
            _ => name,
        }
    });
    let rowid = ident(ROWID);
    let sql = format!(
        "SELECT {rowid}::text, {} FROM {} WHERE {rowid} > $1::text::bigint ORDER BY {rowid} LIMIT {PAGE}",
        columns.collect::<Vec<_>>().join(", "),
        table(&collection.name)
    );
    let (mut last, mut total) = ("0".to_owned(), 0);
    loop {
        let rows = postgres::query(sql.as_str(), vec![Param::Text(last.clone())])?.rows;
        let found = rows.len();
        let mut lines = String::new();
        for row in rows {
            let mut values = row.into_iter();
            if let Some(Value::String(rowid)) = values.next() {
                last = rowid;
            }
            let names = collection.fields.iter().map(|field| field.name.clone());
            let record: Map<String, Value> = names.zip(values).collect();
            lines.push_str(&to_json(&record));
            lines.push('\n');
        }
        writer.write(lines.as_bytes())?;
        total += found as u64;
        if found < PAGE {
            return Ok(total);
        }
    }
}
