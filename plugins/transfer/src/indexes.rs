//! Indexes, made when the records are there.

use hangar_model::Collection;
use hangar_sdk::{Error, Result, collections};
use serde_json::Value;

use crate::report::Report;

/// Makes the indexes of a collection. Those that PostgreSQL cannot have are left out and told.
///
/// # Errors
/// What the database says.
pub fn make(collection: &Collection, report: &mut Report) -> Result<()> {
    let mut wanted = collection.clone();
    loop {
        let error = match collections::store_collection(&wanted.to_storage()) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let mut refused = refused(&error);
        refused.retain(|(at, _)| *at < wanted.indexes.len());
        if refused.is_empty() {
            return Err(error);
        }
        // From the end, so that the numbers of the others hold.
        for (at, why) in refused.into_iter().rev() {
            let index = wanted.indexes.remove(at);
            report.problem(format!(
                "collection {}: the index was left out; make another one for what it did.\n      {index}\n      {why}",
                collection.name
            ));
        }
    }
}

/// Numbers of the indexes that an error is about, with what is wrong with them.
fn refused(error: &Error) -> Vec<(usize, String)> {
    let data: Value = serde_json::from_str(&error.data).unwrap_or_default();
    let Some(Value::Object(entries)) = data.get("indexes") else {
        return Vec::new();
    };
    let mut all: Vec<(usize, String)> = entries
        .iter()
        .filter_map(|(at, entry)| {
            let why = entry.get("message").and_then(Value::as_str);
            Some((at.parse().ok()?, why.unwrap_or_default().to_owned()))
        })
        .collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_indexes() {
        let mut error = Error::new("api_error", 400, "Failed to update collection.");
        error.data = r#"{"indexes":{"2":{"code":"c","message":"B"},"0":{"message":"A"}}}"#.into();
        assert_eq!(refused(&error), [(0, "A".to_owned()), (2, "B".to_owned())]);
        error.data = "{}".into();
        assert!(refused(&error).is_empty());
    }
}
