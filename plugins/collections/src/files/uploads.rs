//! The files a request brings.

use std::rc::Rc;

use hangar_model::file_names::stored_name;
use hangar_model::value::to_list;
use hangar_model::{Collection, Field, FieldType};
use hangar_sdk::{Result, uploads};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::random::HostRandom;

/// One file of the current request.
#[derive(Debug, Clone, Deserialize)]
pub struct Upload {
    /// Its number, by which the host knows it.
    #[serde(skip)]
    pub handle: u32,
    /// Key of the form: a field, perhaps with a modifier.
    pub field: String,
    /// What the client called it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Content type, by the content.
    #[serde(rename = "type")]
    pub kind: String,
    /// Ending that the content asks for.
    extension: String,
    /// The name it is stored under; empty where it belongs to no file field.
    #[serde(skip)]
    pub stored: String,
}

/// The files of the current request.
///
/// # Errors
/// A form that is broken.
pub fn of_request() -> Result<Vec<Upload>> {
    let mut all: Vec<Upload> = serde_json::from_str(&uploads::files()?)?;
    for (handle, upload) in (0..).zip(&mut all) {
        upload.handle = handle;
    }
    Ok(all)
}

/// Those of the current request's files that have these handles.
///
/// # Errors
/// A form that is broken.
pub fn some_of_request(handles: &[u32]) -> Result<Vec<Upload>> {
    if handles.is_empty() {
        return Ok(Vec::new());
    }
    let mut all = of_request()?;
    all.retain(|upload| handles.contains(&upload.handle));
    Ok(all)
}

/// Gives each file that belongs to a file field its name and puts the names into the body, behind what stands there: from
/// then on they are values like others.
pub fn attach(collection: &Collection, values: &mut Map<String, Value>, files: &mut Rc<[Upload]>) {
    if files.is_empty() {
        return;
    }
    let mut named: Vec<Upload> = files.to_vec();
    for upload in &mut named {
        if file_field(collection, &upload.field).is_none() {
            continue;
        }
        upload.stored = stored_name(&upload.name, &upload.extension, &mut HostRandom);
        let value = values.entry(upload.field.clone()).or_insert(Value::Null);
        let mut names = to_list(value);
        names.push(upload.stored.clone());
        *value = names.into();
    }
    *files = named.into();
}

/// The file field a key means: by its name, or with `+` before or behind it.
fn file_field<'a>(collection: &'a Collection, key: &str) -> Option<&'a Field> {
    let name = key
        .strip_suffix('+')
        .or_else(|| key.strip_prefix('+'))
        .unwrap_or(key);
    collection
        .field(key)
        .or_else(|| collection.field(name))
        .filter(|field| field.kind() == FieldType::File)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn modifiers_of_file_fields() {
        let collection = Collection::from_storage(
            r#"{"id":"c","name":"c","type":"base","fields":[{"name":"f","type":"file"},{"name":"t","type":"text"}]}"#,
        )
        .expect("a collection");
        for (key, found) in [
            ("f", true),
            ("f+", true),
            ("+f", true),
            ("f-", false),
            ("t", false),
            ("x", false),
        ] {
            assert_eq!(file_field(&collection, key).is_some(), found, "{key}");
        }
        let mut none: Rc<[Upload]> = Rc::from(Vec::new());
        let mut values = Map::from_iter([("f".to_owned(), json!("a"))]);
        attach(&collection, &mut values, &mut none);
        assert_eq!(values["f"], "a");
    }
}
