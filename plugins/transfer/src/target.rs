//! The database that is imported into.

use hangar_model::sql::{ident, table};
use hangar_model::system::{SUPERUSERS, USERS_ID};
use hangar_model::{Collection, FieldType};
use hangar_sdk::postgres::{self, Value as Param};
use hangar_sdk::{Error, Result, collections};
use serde_json::{Map, Value};

use crate::report::Report;

/// The account behind the page that makes the first superuser.
const INSTALLER: &str = "__pbinstaller@example.com";

/// Superusers that were there before.
pub struct Kept(Vec<Map<String, Value>>);

/// Removes what a database has that nobody uses yet, or everything if that is wanted. Superusers of a fresh database
/// are kept.
///
/// # Errors
/// A database with data of its own.
pub fn empty(imported: &[Collection], force: bool) -> Result<Kept> {
    let present = parse(&collections::collections()?)?;
    if !force {
        let own: Vec<String> = present
            .iter()
            .filter_map(|collection| own_data(collection).transpose())
            .collect::<Result<_>>()?;
        if !own.is_empty() {
            return Err(Error::new(
                "bad_input",
                409,
                format!(
                    "the database has data of its own ({}). Import into an empty one (another --dir or --database-url), or replace everything in it with --force. Nothing was changed",
                    own.join(", ")
                ),
            ));
        }
    }
    let superusers = present.iter().find(|one| one.is_superusers());
    let kept = match superusers {
        Some(collection) if !force => superusers_of(collection)?,
        _ => Vec::new(),
    };
    collections::drop_collections()?;
    // A table that belongs to no collection would stand in the way of one.
    for collection in imported.iter().filter(|collection| !collection.is_view()) {
        let there = postgres::query(
            "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = $1::text::name",
            vec![Param::Text(hangar_model::sql::physical(&collection.name))],
        )?;
        if !there.rows.is_empty() {
            return Err(Error::new(
                "bad_input",
                409,
                format!(
                    "the database has a table {} in the schema public that belongs to no collection: rename or drop it, or import into another database. Nothing was changed",
                    collection.name
                ),
            ));
        }
    }
    Ok(Kept(kept))
}

/// Reads a JSON array of collections.
///
/// # Errors
/// One that cannot be read.
pub fn parse(documents: &str) -> Result<Vec<Collection>> {
    let documents: Vec<Value> = serde_json::from_str(documents)?;
    let read = |document: &Value| {
        Collection::from_storage(&document.to_string())
            .map_err(|error| Error::new("bad_input", 400, error.0))
    };
    documents.iter().map(read).collect()
}

/// What a collection holds that somebody may miss.
fn own_data(collection: &Collection) -> Result<Option<String>> {
    if collection.is_view() || (!collection.system && collection.id != USERS_ID) {
        return Ok(Some(format!("collection {}", collection.name)));
    }
    // Superusers are kept. The records of the other system collections are traces of sign-ins, which nobody misses.
    if collection.system {
        return Ok(None);
    }
    let sql = format!("SELECT 1 FROM {} LIMIT 1", table(&collection.name));
    let found = postgres::query(sql, vec![])?;
    Ok((!found.rows.is_empty()).then(|| format!("records in {}", collection.name)))
}

fn superusers_of(collection: &Collection) -> Result<Vec<Map<String, Value>>> {
    let sql = format!("SELECT {} FROM {}", list(collection), table(SUPERUSERS));
    let mut all = postgres::query(sql, vec![])?.objects();
    // The placeholder of the first start gives way to any other.
    all.retain(|superuser| superuser.get("email").and_then(Value::as_str) != Some(INSTALLER));
    Ok(all)
}

/// The columns of superusers as texts, under the fields' names.
fn list(collection: &Collection) -> String {
    let columns = collection.fields.iter().map(|field| {
        let name = ident(&field.name);
        format!("{name}::text AS {name}")
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// Puts superusers back that were there before, unless one of the same id or email was imported.
///
/// # Errors
/// What the database says.
pub fn restore(kept: &Kept, report: &mut Report) -> Result<()> {
    if kept.0.is_empty() {
        return Ok(());
    }
    let document = collections::collection(SUPERUSERS)?;
    let collection =
        Collection::from_storage(&document).map_err(|error| Error::internal(error.0))?;
    for superuser in &kept.0 {
        let text = |name: &str| superuser.get(name).and_then(Value::as_str);
        let fields: Vec<_> = collection
            .fields
            .iter()
            .filter(|field| text(&field.name).is_some())
            .collect();
        let names: Vec<String> = fields.iter().map(|field| ident(&field.name)).collect();
        let values: Vec<String> = (1..)
            .zip(&fields)
            .map(|(at, field)| match field.kind() {
                FieldType::Bool => format!("${at}::text::bool"),
                FieldType::Date | FieldType::Autodate => format!("${at}::text::timestamptz"),
                FieldType::Number => format!("${at}::text::float8"),
                _ => format!("${at}::text"),
            })
            .collect();
        let params = fields
            .iter()
            .filter_map(|field| text(&field.name).map(Param::from))
            .collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
            table(SUPERUSERS),
            names.join(", "),
            values.join(", ")
        );
        let email = text("email").unwrap_or_default();
        if postgres::query(sql, params)?.affected > 0 {
            report.carried(format!("superuser {email} stays beside the imported ones"));
        } else {
            report.problem(format!(
                "superuser {email} of this database was replaced by the imported one"
            ));
        }
    }
    Ok(())
}
