//! Views that read a changed collection: PocketBase saves them again, and refuses a change that would break one.

use std::rc::Rc;

use hangar_failure::Outcome;
use hangar_model::ddl::converts;
use hangar_model::{ApiError, Collection, Field, messages};

use crate::catalog::{Catalog, Entry};
use crate::random::now;
use crate::schema::{store, views};

/// The views that read a collection, directly or through other views, each after those it reads.
pub fn of(catalog: &Catalog, id: &str) -> Vec<Rc<Entry>> {
    let mut ids = vec![id.to_owned()];
    let mut waiting: Vec<&Rc<Entry>> = Vec::new();
    let mut all: Vec<&Rc<Entry>> = catalog
        .all()
        .iter()
        .filter(|entry| entry.is_view())
        .collect();
    all.sort_by(|a, b| a.created.cmp(&b.created));
    loop {
        let reads = |entry: &&&Rc<Entry>| {
            !ids.contains(&entry.id) && entry.view_sources.iter().any(|(_, id)| ids.contains(id))
        };
        let Some(next) = all.iter().find(reads) else {
            break;
        };
        ids.push(next.id.clone());
        waiting.push(next);
    }
    let mut ordered: Vec<Rc<Entry>> = Vec::new();
    while !waiting.is_empty() {
        let ready = |entry: &&Rc<Entry>| {
            !waiting.iter().any(|other| {
                other.id != entry.id && entry.view_sources.iter().any(|(_, id)| *id == other.id)
            })
        };
        let at = waiting.iter().position(ready).unwrap_or(0);
        ordered.push(waiting.remove(at).clone());
    }
    ordered
}

/// A view that is made anew.
pub struct Renewed {
    view: Collection,
    sql: String,
    /// Whether its description changes, too.
    changed: bool,
}

/// The views that read a collection, by what becomes of them when it changes.
#[derive(Default)]
pub struct Readers {
    /// Made anew from their queries.
    pub renewed: Vec<Renewed>,
    /// Their queries have not fitted for long; PostgreSQL's views go on.
    pub kept: Vec<Collection>,
}

/// Translates the views that read a collection as they will have to be.
///
/// # Errors
/// 400 if one of them would break.
pub fn renew(
    catalog: &Catalog,
    views: &[Rc<Entry>],
    old: &Collection,
    new: &Collection,
) -> Outcome<Readers> {
    // SQLite drops columns first.
    let mut shrunk = old.clone();
    shrunk
        .fields
        .retain(|field| new.field_by_id(&field.id).is_some());
    if shrunk.fields.len() < old.fields.len() {
        let others = catalog.all().iter().filter(|entry| entry.id != new.id);
        let others = others.map(|entry| (***entry).clone()).chain([shrunk]);
        let known = Catalog::new(0, others.collect());
        for entry in views.iter().filter(|_| !new.is_view()) {
            if let Err(error) = views::translate(&known, entry, &entry.view_sources)?
                && !is_stale(catalog, entry)?
            {
                return Err(broken(entry, &error, old, new).into());
            }
        }
    }
    let others = catalog.all().iter().filter(|entry| entry.id != new.id);
    let mut future: Vec<Collection> = others.map(|entry| (***entry).clone()).collect();
    future.push(new.clone());
    let converted = old.fields.iter().any(|field| converts(field, new));
    let mut readers = Readers::default();
    for entry in views {
        let known = Catalog::new(0, future.clone());
        let mut view = (***entry).clone();
        let translated = match views::translate(&known, &view, &view.view_sources)? {
            Ok(translated) => translated,
            Err(_) if is_stale(catalog, entry)? => {
                readers.kept.push(view);
                continue;
            }
            // PostgreSQL's view goes on with the new name of the column, unless that gets another type.
            Err(error) if survives(catalog, entry, &error, old, new)? => {
                if converted && let Some(sql) = follow(&future, &view, old, new)? {
                    readers.renewed.push(Renewed {
                        view,
                        sql,
                        changed: false,
                    });
                }
                continue;
            }
            Err(error) => return Err(broken(&view, &error, old, new).into()),
        };
        let fields = views::fields(&known, &translated);
        // A view whose query names a collection by a name of the past keeps its description, as in PocketBase.
        let current = views::translate(&known, &view, &[])?.is_ok();
        let changed = current && !same_fields(&fields, &view);
        if changed {
            view.fields = fields;
            view.updated = now();
            if let Some(place) = future.iter_mut().find(|other| other.id == view.id) {
                place.clone_from(&view);
            }
        }
        readers.renewed.push(Renewed {
            view,
            sql: translated.sql,
            changed,
        });
    }
    Ok(readers)
}

/// The SQL with which a view goes on over a collection with other columns.
fn follow(
    future: &[Collection],
    view: &Collection,
    old: &Collection,
    new: &Collection,
) -> Outcome<Option<String>> {
    let mut known = future.to_vec();
    if let Some(changed) = known.iter_mut().find(|other| other.id == new.id) {
        changed.fields.clone_from(&old.fields);
    }
    let translated = views::follow(&Catalog::new(0, known), view, new)?;
    Ok(translated.ok().map(|translated| translated.sql))
}

/// Whether the text of a view's query does not fit any more what it once read.
fn is_stale(catalog: &Catalog, view: &Collection) -> Outcome<bool> {
    Ok(views::translate(catalog, view, &view.view_sources)?.is_err())
}

/// Whether SQLite follows a renamed column in a view: in a plain one that nothing else reads.
fn survives(
    catalog: &Catalog,
    view: &Collection,
    error: &hangar_viewsql::Error,
    old: &Collection,
    new: &Collection,
) -> Outcome<bool> {
    let renamed =
        missing_field(error, old).is_some_and(|field| new.field_by_id(&field.id).is_some());
    if !renamed || new.is_view() || !of(catalog, &view.id).is_empty() {
        return Ok(false);
    }
    let translated = views::translate(catalog, view, &view.view_sources)?;
    Ok(translated.is_ok_and(|translated| translated.plain_id))
}

/// The field whose column a query misses.
fn missing_field<'a>(error: &hangar_viewsql::Error, old: &'a Collection) -> Option<&'a Field> {
    let name = error.missing_column.as_deref()?;
    let plain = name.rsplit('.').next().unwrap_or(name);
    let mut fields = old.fields.iter();
    fields.find(|field| field.name.eq_ignore_ascii_case(plain))
}

/// Whether these are the fields of the view, but for the ids of clones.
fn same_fields(fields: &[Field], view: &Collection) -> bool {
    fields.len() == view.fields.len()
        && fields.iter().zip(&view.fields).all(|(new, old)| {
            let mut new = new.clone();
            new.id.clone_from(&old.id);
            new == *old
        })
}

/// What PocketBase tells of a change that SQLite refuses because of a view.
fn broken(
    view: &Collection,
    error: &hangar_viewsql::Error,
    old: &Collection,
    new: &Collection,
) -> ApiError {
    let raw = match missing_field(error, old) {
        Some(field) => {
            let (action, after) = match new.field_by_id(&field.id) {
                Some(_) => ("rename", "rename"),
                None => ("drop", "drop column"),
            };
            let reason = error.message.replacen(
                "SQL logic error: ",
                &format!(
                    "SQL logic error: error in view {} after {after}: ",
                    view.name
                ),
                1,
            );
            format!("failed to {action} column {} - {reason}", field.name)
        }
        _ => format!("view {} would break: {}", view.name, error.message),
    };
    ApiError::bad_request(&format!(
        "{} Raw error: \n{raw}",
        messages::UPDATE_COLLECTION
    ))
}

/// Removes the views that are made anew, the last first.
///
/// # Errors
/// What the database says.
pub fn drop(renewed: &[Renewed]) -> Outcome<()> {
    let mut last_first = renewed.iter().rev();
    last_first.try_for_each(|item| views::drop(&item.view))
}

/// Makes views anew.
///
/// # Errors
/// What the database says.
pub fn restore(renewed: &[Renewed]) -> Outcome<()> {
    for item in renewed {
        views::create(&item.view, &item.sql)?;
        if item.changed {
            store::describe(&item.view)?;
        }
    }
    Ok(())
}
