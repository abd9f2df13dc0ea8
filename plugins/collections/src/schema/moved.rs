//! Collections that move in from elsewhere, stored as they are.

use hangar_model::Collection;
use hangar_sdk::{Error, Result, postgres};

use crate::answer::{Failure, Outcome};
use crate::catalog;
use crate::schema::store;

/// Stores a collection as it is, in the place of one with the same id.
///
/// # Errors
/// What cannot be read, an index that cannot be made, what the database says.
pub fn put(document: &str) -> Result<()> {
    let work = || -> Outcome<()> {
        let new = Collection::from_storage(document)
            .map_err(|error| Error::new("bad_input", 400, error.0))?;
        let old = catalog::load()?.get(&new.id).cloned();
        let old = old.filter(|old| old.id == new.id);
        store::save(&new, old.as_ref().map(|entry| &***entry))
    };
    inside()?;
    store::change(work).map_err(Failure::into_error)
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
        for collection in all {
            store::delete(collection)?;
        }
        Ok(())
    };
    inside()?;
    store::change(work).map_err(Failure::into_error)
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
