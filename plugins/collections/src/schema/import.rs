//! `PUT /api/collections/import`: many collections in one step.

use std::rc::Rc;

use hangar_model::error::{FieldError, ValidationErrors};
use hangar_model::value_rules::required;
use hangar_model::{ApiError, Collection, messages};
use hangar_sdk::http::{Request, Response};
use serde_json::{Map, Value};

use crate::answer::{Failure, Outcome};
use crate::catalog::{self, Catalog, Entry};
use crate::files;
use crate::schema::{body, dependents, edit, store};

const FAILED: &str = "Failed to import collections.";
const UNREADABLE: &str = "An error occurred while loading the submitted data.";
/// The most collections of one import.
const MAX_COLLECTIONS: usize = 2000;

/// Answers the request.
pub fn handle(request: &Request) -> Outcome<Response> {
    let body = body(request, UNREADABLE)?;
    let items = match body.get("collections") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) => return Err(unreadable().into()),
    };
    let delete_missing = match body.get("deleteMissing") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => return Err(unreadable().into()),
    };
    if items.is_empty() {
        return Err(invalid(required()));
    }
    if items.len() > MAX_COLLECTIONS {
        let text = format!("At most {MAX_COLLECTIONS} collections can be imported at a time.");
        return Err(invalid(FieldError::new("validation_length_too_long", text)));
    }
    let maps: Option<Vec<&Map<String, Value>>> = items.iter().map(Value::as_object).collect();
    let maps = maps.ok_or_else(unreadable)?;
    let gone = store::change(|| import(&maps, delete_missing)).map_err(|failure| {
        let error = failure.into_api(FAILED);
        let leaf = FieldError::new("validation_collections_import_failure", error.message);
        ApiError::invalid(FAILED, ValidationErrors::one("collections", leaf))
    })?;
    for collection in gone {
        files::forget_collection(&collection);
    }
    Ok(Response::empty(204))
}

fn unreadable() -> ApiError {
    ApiError::bad_request(UNREADABLE)
}

fn invalid(error: FieldError) -> Failure {
    ApiError::invalid(
        messages::INVALID_DATA,
        ValidationErrors::one("collections", error),
    )
    .into()
}

/// The failure of one collection, told with its name and what is wrong.
fn named(collection: &Collection, failure: Failure) -> Failure {
    let error = match failure {
        Failure::Api(error) => error,
        other => return other,
    };
    let detail = hangar_model::json::to_json(&error.data);
    let text = format!(
        "Data validations failed for collection {:?} ({}):\n{detail}",
        collection.name, collection.id
    );
    ApiError::bad_request(&text).into()
}

/// Answers the collections that are gone.
fn import(items: &[&Map<String, Value>], delete_missing: bool) -> Outcome<Vec<Rc<Entry>>> {
    let catalog = catalog::load()?;
    let mut pending: Vec<Collection> = Vec::new();
    for item in items {
        let new = match stored(&catalog, item) {
            Some(old) => merged(old, item, delete_missing)?,
            None => edit::drafted(&catalog, item, edit::requested_type(item)?)?,
        };
        pending.push(new);
    }
    let missing = catalog
        .all()
        .iter()
        .filter(|entry| !entry.system && !pending.iter().any(|new| new.id == entry.id));
    let missing: Vec<_> = missing.filter(|_| delete_missing).collect();
    // Views come last: what they read must be there.
    let (views, tables): (Vec<Collection>, Vec<Collection>) =
        pending.into_iter().partition(Collection::is_view);
    let stored = |id: &str| catalog.get(id).filter(|old| old.id == id);
    for new in &tables {
        let old = stored(&new.id).map(|entry| &***entry);
        store::check(&catalog, &tables, new, old, None).map_err(|failure| named(new, failure))?;
    }
    // Among those that go, views go first.
    let (gone_views, gone): (Vec<_>, Vec<_>) =
        missing.iter().copied().partition(|entry| entry.is_view());
    for entry in gone_views.into_iter().chain(gone) {
        let mut referrers = tables.iter().filter(|other| refers_to(other, &entry.id));
        if let Some(other) = referrers.next() {
            let text = format!(
                "{} cannot be deleted, since {} refers to it",
                entry.name, other.name
            );
            return Err(ApiError::bad_request(&text).into());
        }
        for reader in dependents::of(&*catalog::load()?, &entry.id) {
            // The import brings it back if it is part of it.
            store::delete(&reader)?;
        }
        store::delete(entry)?;
    }
    for new in &tables {
        let old = stored(&new.id).map(|entry| &***entry);
        store::save(new, old).map_err(|failure| named(new, failure))?;
    }
    for mut new in views {
        let current = catalog::load()?;
        if let Some(problem) = edit::infer(&current, &mut new)? {
            let text = format!(
                "Failed to import the collections configuration. Raw error:\nfailed to save collection {:?}: {problem}",
                new.name
            );
            return Err(ApiError::bad_request(&text).into());
        }
        let old = current.get(&new.id).filter(|old| old.id == new.id);
        let old = old.map(|entry| &***entry);
        store::check(&current, &[], &new, old, None).map_err(|failure| named(&new, failure))?;
        store::save(&new, old).map_err(|failure| named(&new, failure))?;
    }
    Ok(missing.into_iter().cloned().collect())
}

/// The stored collection an item means: by id, else by name.
fn stored<'a>(catalog: &'a Catalog, item: &Map<String, Value>) -> Option<&'a Collection> {
    let text = |key: &str| {
        item.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let by_id = text("id").and_then(|id| catalog.get(id).filter(|entry| entry.id == id));
    let by_name = || {
        text("name")
            .and_then(|name| catalog.get(name))
            .filter(|entry| text("name") == Some(&entry.name))
    };
    by_id.or_else(by_name).map(|entry| &***entry)
}

/// The stored collection with the item merged in. Unless what is missing is to go, fields that the item leaves out stay.
fn merged(
    old: &Collection,
    item: &Map<String, Value>,
    delete_missing: bool,
) -> Outcome<Collection> {
    let mut item = item.clone();
    item.insert("id".to_owned(), old.id.as_str().into());
    item.remove("type");
    if !delete_missing && let Some(Value::Array(fields)) = item.get_mut("fields") {
        let named =
            |fields: &[Value], key: &str, text: &str| fields.iter().any(|field| field[key] == text);
        for field in &old.fields {
            if !named(fields, "id", &field.id) && !named(fields, "name", &field.name) {
                fields.push(field.to_value());
            }
        }
    }
    edit::merged(old, &item)
}

fn refers_to(collection: &Collection, id: &str) -> bool {
    collection.fields.iter().any(|field| match &field.options {
        hangar_model::FieldOptions::Relation(options) => options.collection_id == id,
        _ => false,
    })
}
