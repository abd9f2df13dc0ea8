//! Collections that move in from elsewhere, stored as they are.

use hangar_failure::Outcome;
use hangar_model::Collection;
use hangar_sdk::{Error, Result, postgres};

use crate::catalog::{self, Catalog};
use crate::schema::{store, views};

/// Stores a collection as it is, in the place of one with the same id.
///
/// # Errors
/// What cannot be read, an index that cannot be made, what the database says.
pub fn put(document: &str) -> Result<()> {
    let work = || -> Outcome<()> {
        let mut new = Collection::from_storage(document)
            .map_err(|error| Error::new("bad_input", 400, error.0))?;
        let catalog = catalog::load()?;
        if new.is_view() {
            new = view(&catalog, new)?;
        }
        let old = catalog.get(&new.id).cloned();
        let old = old.filter(|old| old.id == new.id);
        store::save(&new, old.as_ref().map(|entry| &***entry))
    };
    inside()?;
    store::change(work).map_err(Into::into)
}

/// A view with what its query reads. Its fields stay if they are those of the query, ids and all.
fn view(catalog: &Catalog, mut view: Collection) -> Outcome<Collection> {
    let mut inferred = view.clone();
    if let Some(problem) = views::infer(catalog, &mut inferred)? {
        return Err(Error::new("bad_input", 400, problem).into());
    }
    let same = view.fields.len() == inferred.fields.len()
        && view.fields.iter().zip(&inferred.fields).all(|(a, b)| {
            a.name == b.name && a.kind() == b.kind() && a.is_multiple() == b.is_multiple()
        });
    if !same {
        return Ok(inferred);
    }
    view.view_sources = inferred.view_sources;
    Ok(view)
}

/// Removes all collections: views first, since they read others, and system collections last, since what they hold
/// about a record goes with its collection.
///
/// # Errors
/// What the database says.
pub fn clear() -> Result<()> {
    let work = || -> Outcome<()> {
        let catalog = catalog::load()?;
        let mut all: Vec<&Collection> = catalog.all().iter().map(|entry| &***entry).collect();
        all.sort_by_key(|collection| (!collection.is_view(), !collection.is_auth()));
        // One view may read another.
        for view in all.iter().filter(|collection| collection.is_view()) {
            let table = hangar_model::sql::table(&view.name);
            postgres::batch(&format!("DROP VIEW IF EXISTS {table} CASCADE"))?;
        }
        for collection in all {
            store::delete(collection)?;
        }
        Ok(())
    };
    inside()?;
    store::change(work).map_err(Into::into)
}

/// Both are a part of something larger that is to be undone with them.
fn inside() -> Result<()> {
    if postgres::active() {
        return Ok(());
    }
    Err(Error::new(
        "bad_input",
        400,
        "collections are moved inside a transaction only",
    ))
}
