//! The settings' document.

use hangar_sdk::Result;
use hangar_sdk::postgres::{self, Value as Param};
use serde_json::Value;

const SELECT: &str = "SELECT value::text FROM hangar_collections.params WHERE key = 'settings'";

/// The document as it is stored.
///
/// # Errors
/// What the database says.
pub fn stored() -> Result<Option<String>> {
    let rows = postgres::query(SELECT, vec![])?;
    let first = rows.rows.first().and_then(|row| row.first()?.as_str());
    Ok(first.map(str::to_owned))
}

/// Puts the document over the settings that are there: what it does not have (it may be of an older version) stays.
///
/// # Errors
/// What the database says.
pub fn store(imported: &Value) -> Result<()> {
    let mut settings = stored()?
        .map(|text| serde_json::from_str(&text))
        .transpose()?
        .unwrap_or_else(|| Value::Object(Default::default()));
    merge(&mut settings, imported);
    postgres::query(
        "INSERT INTO hangar_collections.params (key, value) VALUES ('settings', $1::text::json) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        vec![Param::Text(settings.to_string())],
    )?;
    Ok(())
}

fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (_, Value::Null) => {}
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_an_older_document_lacks_stays() {
        let mut settings = json!({"a": {"x": 1, "y": [2]}, "b": true});
        merge(&mut settings, &json!({"a": {"x": 5, "y": null}, "c": []}));
        assert_eq!(
            settings,
            json!({"a": {"x": 5, "y": [2]}, "b": true, "c": []})
        );
    }
}
