//! Deleting and emptying a collection.

use std::rc::Rc;

use hangar_failure::Outcome;
use hangar_model::sql::ident;
use hangar_model::{ApiError, Collection, FieldOptions};
use hangar_sdk::http::{Request, Response};
use hangar_sdk::postgres::{self, Statement};

use crate::catalog::{self, Catalog, Entry};
use crate::files;
use crate::realtime::announce;
use crate::records::draft::{self, DELETE, Draft};
use crate::records::query::{fetch_records, full_list};
use crate::records::{delete as records, write};
use crate::schema::model_events::Change;
use crate::schema::{dependents, events, refused, store};

/// The sentence for a failed deletion.
pub const FAILED: &str = "Failed to delete collection.";
/// The sentence for a failed emptying.
const TRUNCATE_FAILED: &str =
    "Failed to truncate collection (most likely due to required cascade delete record references).";
/// Records deleted in one go.
const PAGE: usize = 200;

/// `DELETE /api/collections/{collection}`.
pub fn delete(request: &Request, name: &str) -> Outcome<Response> {
    let found = || {
        let catalog = catalog::current().ok()?;
        catalog.get(name).map(|entry| Collection::clone(entry))
    };
    events::one("onCollectionDeleteRequest", request, found, |_| {
        delete_one(name)
    })
}

fn delete_one(name: &str) -> Outcome<Response> {
    let (entry, gone) = store::change(|| {
        let catalog = catalog::load()?;
        let entry = catalog.get(name).ok_or_else(|| ApiError::not_found(""))?;
        let free = |_: &mut Collection| check_free(&catalog, entry);
        let (_, gone) = Change::delete(entry).run(&free, &store::delete)?;
        Ok((entry.clone(), gone))
    })
    .map_err(|failure| refused(failure, FAILED))?;
    if gone {
        files::forget_collection(&entry);
    }
    Ok(Response::empty(204))
}

/// Whether nothing stands in the way of a deletion.
fn check_free(catalog: &Catalog, entry: &Entry) -> Outcome<()> {
    if entry.system {
        return Err(ApiError::bad_request(FAILED).into());
    }
    let referrers = referrers(catalog, entry);
    if !referrers.is_empty() {
        let text = format!(
            "Failed to delete collection probably due to existing reference in {}.",
            referrers.join(", ")
        );
        return Err(ApiError::bad_request(&text).into());
    }
    if !dependents::of(catalog, &entry.id).is_empty() {
        return Err(ApiError::bad_request(FAILED).into());
    }
    Ok(())
}

/// Names of other collections with a relation to this one.
fn referrers(catalog: &Catalog, collection: &Collection) -> Vec<String> {
    let refers = |other: &Collection| {
        other.fields.iter().any(|field| match &field.options {
            FieldOptions::Relation(options) => options.collection_id == collection.id,
            _ => false,
        })
    };
    let others = catalog
        .all()
        .iter()
        .filter(|other| other.id != collection.id && refers(other));
    others.map(|other| other.name.clone()).collect()
}

/// `DELETE /api/collections/{collection}/truncate`: all records, with what refers to them, or none.
pub fn truncate(name: &str) -> Outcome<Response> {
    let catalog = catalog::current()?;
    let entry = catalog.get(name).ok_or_else(|| ApiError::not_found(""))?;
    if entry.is_view() {
        let text = "View collections cannot be truncated since they don't store their own records.";
        return Err(ApiError::bad_request(text).into());
    }
    write::transaction(|| empty(&catalog, entry)).map_err(|failure| {
        // Logs what the database said; what is wrong with values is told.
        let error = failure.into_api(TRUNCATE_FAILED);
        ApiError {
            data: error.data,
            ..ApiError::bad_request(TRUNCATE_FAILED)
        }
    })?;
    files::forget_collection(entry);
    Ok(Response::empty(204))
}

fn empty(catalog: &Catalog, entry: &Rc<Entry>) -> Outcome<()> {
    let events = draft::listened(&DELETE, entry, &[]);
    let alone = events.is_empty()
        && !entry.is_superusers()
        && catalog.references(&entry.id).next().is_none()
        && !announce::any_heard(entry);
    if alone {
        postgres::query(format!("DELETE FROM {}", entry.table()), vec![])?;
        if entry.is_auth() {
            store::forget_records(entry)?;
        }
        return Ok(());
    }
    let (alias, list) = (ident(&entry.name), full_list(entry));
    let sql = format!(
        "SELECT {list} FROM {} AS {alias} ORDER BY {alias}.\"_rowid_\" LIMIT {PAGE}",
        entry.table()
    );
    loop {
        let found = fetch_records(entry, Statement::new(sql.clone(), vec![]))?;
        if found.is_empty() {
            return Ok(());
        }
        for record in found {
            let mut draft = Draft::stored(entry.clone(), record);
            if still_there(&draft)? {
                records::delete(catalog, &mut draft, &events)?;
            }
        }
    }
}

/// A record may have gone with an earlier one that it referred to.
fn still_there(draft: &Draft) -> Outcome<bool> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE \"id\" = $1::text",
        draft.entry.table()
    );
    let rows = postgres::query(sql, vec![draft.shown.id().into()])?;
    Ok(!rows.rows.is_empty())
}
