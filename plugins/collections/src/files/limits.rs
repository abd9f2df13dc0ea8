//! How large a form a collection takes.

use hangar_model::{Collection, FieldOptions};
use hangar_sdk::Result;

use crate::catalog;

/// What every collection takes, bytes.
const BASE: u64 = 32 << 20;

impl hangar_sdk::uploads::LimitsGuest for crate::Plugin {
    fn form_limit(_method: String, _route: String, params: Vec<String>) -> Result<f64> {
        let catalog = catalog::current()?;
        let entry = params.first().and_then(|name| catalog.get(name));
        Ok(entry.map_or(BASE, |entry| limit(entry)) as f64)
    }
}

/// The base and all that the fields may hold.
fn limit(collection: &Collection) -> u64 {
    let fields = collection.fields.iter().map(|field| match &field.options {
        FieldOptions::File(options) => {
            let count = u64::try_from(options.max_select).unwrap_or(1).max(1);
            options.limit().saturating_mul(count)
        }
        FieldOptions::Editor(options) => options.limit() as u64,
        FieldOptions::Json(options) => options.limit() as u64,
        _ => 0,
    });
    fields.fold(BASE, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_add_what_they_hold() {
        let collection = Collection::from_storage(
            r#"{"id":"c","name":"c","type":"base","fields":[{"name":"f","type":"file"},{"name":"g","type":"file","maxSelect":5},
            {"name":"h","type":"file","maxSize":9007199254740991,"maxSelect":9007199254740991},{"name":"j","type":"json","maxSize":7}]}"#,
        )
        .expect("a collection");
        assert_eq!(limit(&collection), u64::MAX);
        let mut collection = collection;
        collection.fields.retain(|field| field.name != "h");
        assert_eq!(limit(&collection), BASE + (30 << 20) + 7);
    }
}
