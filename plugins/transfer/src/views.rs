//! Views, made when the tables they read are there.

use hangar_model::Collection;
use hangar_sdk::{Error, Result, collections};

use crate::report::Report;

/// Makes the views. One may read another, so those that fail are tried again while others succeed.
///
/// # Errors
/// What the database says of something else than a view.
pub fn make(all: &[Collection], report: &mut Report) -> Result<()> {
    let mut waiting: Vec<&Collection> = all.iter().filter(|one| one.is_view()).collect();
    while !waiting.is_empty() {
        let mut failed: Vec<(&Collection, Error)> = Vec::new();
        let before = waiting.len();
        for view in waiting {
            if let Err(error) = collections::store_collection(&view.to_storage()) {
                failed.push((view, error));
            }
        }
        if failed.len() == before {
            for (view, error) in failed {
                report.problem(format!(
                    "view {}: its query cannot be run by PostgreSQL ({}); make it again with a query of PostgreSQL's dialect.\n      {}",
                    view.name, error.message, view.view_query
                ));
            }
            return Ok(());
        }
        waiting = failed.into_iter().map(|(view, _)| view).collect();
    }
    Ok(())
}
