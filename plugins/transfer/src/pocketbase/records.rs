//! Records of one collection, read in the order of their insertion.

use hangar_model::Collection;
use hangar_sdk::Result;

use super::source::{self, Source};
use crate::records::Copier;
use crate::report::Report;

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
    let (there, missing): (Vec<_>, Vec<_>) = collection
        .fields
        .iter()
        .partition(|field| columns.contains(&field.name));
    for field in missing {
        report.problem(format!(
            "field {}.{}: its column is missing in the directory; it is empty now",
            collection.name, field.name
        ));
    }
    let names: Vec<String> = there
        .iter()
        .map(|field| source::ident(&field.name))
        .collect();
    let select = format!(
        "SELECT {} FROM {} ORDER BY rowid",
        names.join(", "),
        source::ident(&collection.name)
    );
    let mut copier = Copier::new(collection, there);
    source.each(&select, |row| copier.push(row))?;
    copier.finish(report)
}
