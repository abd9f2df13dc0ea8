//! `PUT /api/collections/import`: many collections in one step.

use std::rc::Rc;

use hangar_failure::{Failure, Outcome};
use hangar_model::error::{FieldError, ValidationErrors};
use hangar_model::index::Index;
use hangar_model::value_rules::required;
use hangar_model::{ApiError, Collection, CollectionType, Field, messages};
use hangar_sdk::http::{Request, Response};
use serde_json::{Map, Value, json};

use crate::catalog::{self, Catalog, Entry};
use crate::files;
use crate::schema::model_events::{Change, Judge};
use crate::schema::{body, dependents, edit, events, store};

const FAILED: &str = "Failed to import collections.";
const UNREADABLE: &str = "An error occurred while loading the submitted data.";
/// The most collections of one import.
const MAX_COLLECTIONS: usize = 2000;

/// Answers the request.
pub fn handle(request: &Request) -> Outcome<Response> {
    let body = body(request, &["collections", "deleteMissing"], UNREADABLE)?;
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
    if !items.iter().all(|item| item.is_object() || item.is_null()) {
        return Err(unreadable().into());
    }
    let more = || Ok(json!({"collectionsData": items, "deleteMissing": delete_missing}));
    events::several("onCollectionsImportRequest", request, more, |changed| {
        let items = match changed.get("collectionsData") {
            Some(Value::Array(items)) => items.as_slice(),
            _ => items,
        };
        let flag = changed.get("deleteMissing").and_then(Value::as_bool);
        import_all(items, flag.unwrap_or(delete_missing))
    })
}

fn import_all(items: &[Value], delete_missing: bool) -> Outcome<Response> {
    // Go takes null for an object that says nothing.
    let nothing = Map::new();
    let maps = items
        .iter()
        .map(|item| item.as_object().unwrap_or(&nothing));
    let maps: Vec<&Map<String, Value>> = maps.collect();
    let gone = store::change(|| import(&maps, delete_missing)).map_err(|failure| {
        let error = failure.into_api(FAILED);
        if !error.data.is_empty() {
            return error;
        }
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

/// The failure of one collection, told with its name and what is wrong. That an index cannot be made is an answer of its
/// own, as in PocketBase.
fn named(collection: &Collection, failure: Failure) -> Failure {
    let error = match failure {
        Failure::Api(error) => error,
        other => return other,
    };
    if error.data.len() == 1 && error.data.contains_key("indexes") {
        return Failure::Api(ApiError {
            message: FAILED.to_owned(),
            ..error
        });
    }
    if error.data.is_empty() {
        let reason = error.message.split_once("Raw error: \n");
        let reason = reason.map_or(error.message.as_str(), |(_, reason)| reason);
        return not_saved(&collection.name, reason).into();
    }
    invalid_collection(&collection.name, &collection.id, &error.data).into()
}

fn invalid_collection(name: &str, id: &str, data: &Map<String, Value>) -> ApiError {
    let mut detail = String::new();
    tell(data, 1, &mut detail);
    ApiError::bad_request(&format!(
        "Data validations failed for collection {name:?} ({id}):\n{detail}"
    ))
}

/// Writes errors as indented JSON of their messages, in the words they have inside PocketBase.
fn tell(data: &Map<String, Value>, depth: usize, out: &mut String) {
    out.push('{');
    for (at, (key, value)) in data.iter().enumerate() {
        out.push_str(if at > 0 { ",\n" } else { "\n" });
        out.push_str(&"  ".repeat(depth));
        out.push_str(&format!("{}: ", Value::from(key.as_str())));
        match (value.as_object(), value["message"].as_str()) {
            (_, Some(message)) => {
                let code = value["code"].as_str().unwrap_or_default();
                out.push_str(&Value::from(inner_words(code, message)).to_string());
            }
            (Some(inner), None) => tell(inner, depth + 1, out),
            (None, None) => out.push_str("null"),
        }
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth - 1));
    out.push('}');
}

/// Generic rules begin small there and have no full stop.
fn inner_words(code: &str, message: &str) -> String {
    let generic = [
        "validation_required",
        "validation_nil",
        "validation_nil_or_not_empty_required",
        "validation_match_invalid",
        "validation_in_invalid",
        "validation_not_in_invalid",
        "validation_length_out_of_range",
        "validation_length_too_long",
        "validation_min_greater_equal_than_required",
        "validation_max_less_equal_than_required",
        "validation_is_url",
    ];
    let short = message.strip_suffix('.').unwrap_or(message);
    if generic.contains(&code) {
        let mut letters = short.chars();
        let first = letters.next().map(char::to_lowercase);
        return first.into_iter().flatten().chain(letters).collect();
    }
    let raw = matches!(
        code,
        "validation_invalid_rule"
            | "validation_invalid_view_query"
            | "validation_missing_field"
            | "validation_duplicated_field_id"
            | "validation_duplicated_field_name"
    );
    if raw { short } else { message }.to_owned()
}

/// What PocketBase tells of a collection that its database refuses.
fn not_saved(name: &str, reason: &str) -> ApiError {
    ApiError::bad_request(&format!(
        "Failed to import the collections configuration. Raw error:\nfailed to save collection {name:?}: {reason}"
    ))
}

/// Names must differ among all that is to be and what stays.
fn check_names(catalog: &Catalog, pending: &[Collection]) -> Result<(), ApiError> {
    for (at, new) in pending.iter().enumerate() {
        let twice = pending[..at]
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&new.name));
        let taken = catalog.all().iter().any(|other| {
            other.name.eq_ignore_ascii_case(&new.name)
                && !pending.iter().any(|pending| pending.id == other.id)
        });
        if !new.name.is_empty() && (twice || taken) {
            let reason = "constraint failed: UNIQUE constraint failed: _collections.name (2067)";
            return Err(not_saved(&new.name, reason));
        }
        if pending[..at].iter().any(|other| other.id == new.id) {
            let reason = "constraint failed: UNIQUE constraint failed: _collections.id (1555)";
            return Err(not_saved(&new.name, reason));
        }
    }
    Ok(())
}

/// What the database refuses goes before what validation does: columns of one name, an index on what is not there.
fn check_table(new: &Collection, old: Option<&Collection>) -> Outcome<()> {
    let added = |field: &&Field| {
        let before = old.and_then(|old| old.field_by_id(&field.id));
        before.is_none_or(|before| before.name != field.name)
    };
    let mut names: Vec<&str> = new
        .fields
        .iter()
        .filter(added)
        .map(|field| field.name.as_str())
        .collect();
    names.sort_unstable();
    let taken = |name: &str| {
        let mut same = new
            .fields
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        same.nth(1).is_some()
    };
    if let Some(name) = names.into_iter().rev().find(|name| taken(name)) {
        let renamed = match old {
            Some(_) => format!("error in table {} after rename: ", new.name),
            None => String::new(),
        };
        let reason = format!("SQL logic error: {renamed}duplicate column name: {name} (1)");
        return Err(not_saved(&new.name, &reason).into());
    }
    let readable = |text: &String| Index::parse(text).is_some();
    if new.indexes.iter().all(readable) {
        hangar_model::ddl::sync(old, new)
            .map_err(|errors| named(new, ApiError::invalid(FAILED, errors).into()))?;
    }
    Ok(())
}

/// The type of an item, for one that is new.
fn kind_of(item: &Map<String, Value>) -> Outcome<CollectionType> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    match item.get("type") {
        Some(Value::String(name)) if !name.is_empty() && CollectionType::parse(name).is_none() => {
            let id = match text("id") {
                "" => hangar_model::ids::collection_id(name, text("name")),
                id => id.to_owned(),
            };
            let data = hangar_model::validate::unknown_type().into_data();
            Err(invalid_collection(text("name"), &id, &data).into())
        }
        _ => edit::requested_type(item),
    }
}

/// Answers the collections that are gone.
fn import(items: &[&Map<String, Value>], delete_missing: bool) -> Outcome<Vec<Rc<Entry>>> {
    let catalog = catalog::load()?;
    let mut pending: Vec<Collection> = Vec::new();
    for item in items {
        let new = match stored(&catalog, item) {
            Some(old) => merged(old, item, delete_missing)?,
            None => edit::drafted(&catalog, item, kind_of(item)?)?,
        };
        pending.push(new);
    }
    let missing = catalog
        .all()
        .iter()
        .filter(|entry| !entry.system && !pending.iter().any(|new| new.id == entry.id));
    let missing: Vec<_> = missing.filter(|_| delete_missing).collect();
    check_names(&catalog, &pending)?;
    // Views come last: what they read must be there.
    let (views, tables): (Vec<Collection>, Vec<Collection>) =
        pending.into_iter().partition(Collection::is_view);
    let stored = |id: &str| catalog.get(id).filter(|old| old.id == id);
    for new in &tables {
        check_table(new, stored(&new.id).map(|entry| &***entry))?;
    }
    for new in &tables {
        let old = stored(&new.id).map(|entry| &***entry);
        store::check(&catalog, &tables, new, old, None).map_err(|failure| named(new, failure))?;
    }
    // Among those that go, views go first.
    let (gone_views, gone): (Vec<_>, Vec<_>) =
        missing.iter().copied().partition(|entry| entry.is_view());
    let mut removed = Vec::new();
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
        let (_, done) = Change::delete(entry)
            .imported()
            .run(&|_| Ok(()), &store::delete)?;
        if done {
            removed.push(entry.clone());
        }
    }
    for new in &tables {
        let old = stored(&new.id).map(|entry| &***entry);
        let judge = |new: &mut Collection| {
            store::check(&catalog, &tables, new, old, None).map_err(|failure| named(new, failure))
        };
        save(new.clone(), old, &judge)?;
    }
    for mut new in views {
        let current = catalog::load()?;
        if let Some(problem) = edit::infer(&current, &mut new)? {
            return Err(not_saved(&new.name, &problem).into());
        }
        let old = current.get(&new.id).filter(|old| old.id == new.id);
        let old = old.map(|entry| &***entry);
        let judge = |new: &mut Collection| {
            store::check(&current, &[], new, old, None).map_err(|failure| named(new, failure))
        };
        judge(&mut new)?;
        save(new, old, &judge)?;
    }
    Ok(removed)
}

/// Stores one collection inside its events. It has been judged; what handlers change is judged again.
fn save(new: Collection, old: Option<&Collection>, judge: Judge<'_>) -> Outcome<()> {
    let store = |new: &Collection| store::save(new, old).map_err(|failure| named(new, failure));
    Change::save(new, old).imported().run(judge, &store)?;
    Ok(())
}

/// The stored collection an item means: by its id, or if it has none by what it gives as its name, as a path would.
fn stored<'a>(catalog: &'a Catalog, item: &Map<String, Value>) -> Option<&'a Collection> {
    let text = |key: &str| {
        item.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let entry = match (text("id"), text("name")) {
        (Some(id), _) => catalog.get(id).filter(|entry| entry.id == id),
        (None, Some(name)) => catalog.get(name),
        (None, None) => None,
    };
    entry.map(|entry| &***entry)
}

/// The stored collection with the item merged in. Fields that the item leaves out stay behind its own, but for those that
/// are to go if what is missing is; fields of the system never do.
fn merged(
    old: &Collection,
    item: &Map<String, Value>,
    delete_missing: bool,
) -> Outcome<Collection> {
    let mut item = item.clone();
    item.insert("id".to_owned(), old.id.as_str().into());
    let fields = item.entry("fields").or_insert(Value::Null);
    if fields.is_null() {
        *fields = Value::Array(Vec::new());
    }
    if let Value::Array(fields) = fields {
        // What is to be all there is stands for itself, as in PocketBase.
        if !delete_missing {
            identify(fields, old);
        }
        for field in &old.fields {
            let stays = field.system || !delete_missing;
            if stays && !fields.iter().any(|other| other["id"] == field.id) {
                fields.push(field.to_value());
            }
        }
    }
    // A type that there is none of is told like all else that is wrong with a collection.
    edit::merged(old, &item).map_err(|failure| match failure {
        Failure::Api(error) if error.data.is_empty() => error.into(),
        failure => named(old, failure),
    })
}

/// Gives fields of an item the ids of the stored ones that they mean: those of the same name and type, if nothing else in
/// the item goes by those ids.
fn identify(fields: &mut [Value], old: &Collection) {
    let given = fields.iter().filter_map(|field| field["id"].as_str());
    let mut ids: Vec<String> = given.map(str::to_owned).collect();
    for field in fields.iter_mut().filter_map(Value::as_object_mut) {
        let text = |key: &str| field.get(key).and_then(Value::as_str).unwrap_or_default();
        if old.field_by_id(text("id")).is_some() {
            continue;
        }
        let Some(stored) = old.field(text("name")) else {
            continue;
        };
        if stored.kind().name() == text("type") && !ids.contains(&stored.id) {
            ids.push(stored.id.clone());
            field.insert("id".to_owned(), stored.id.as_str().into());
        }
    }
}

fn refers_to(collection: &Collection, id: &str) -> bool {
    collection.fields.iter().any(|field| match &field.options {
        hangar_model::FieldOptions::Relation(options) => options.collection_id == id,
        _ => false,
    })
}
