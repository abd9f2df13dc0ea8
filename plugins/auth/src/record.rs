//! An auth record with everything that is stored of it.

use hangar_model::Collection;
use hangar_sdk::{Result, collections};
use serde_json::{Map, Value};

/// Fields nobody is shown, not even superusers.
pub const SECRET: [&str; 2] = ["password", "tokenKey"];

/// An auth record.
#[derive(Debug, Clone)]
pub struct Record {
    /// All fields by name, hidden ones too.
    pub fields: Map<String, Value>,
}

impl Record {
    /// The record of this id, if there is one.
    pub fn find(collection: &Collection, id: &str) -> Result<Option<Self>> {
        match collections::find(&collection.id, id) {
            Ok(text) => Ok(Some(Self {
                fields: serde_json::from_str(&text)?,
            })),
            Err(error) if error.code == "not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A field's text; empty for anything else.
    pub fn text(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The id.
    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// Every field but the password hash and the token key, and where the record is from.
    pub fn without_secrets(&self, collection: &Collection) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        for name in SECRET {
            fields.remove(name);
        }
        locate(&mut fields, collection);
        fields
    }

    /// Every field and where the record is from, as hooks get it.
    pub fn document(&self, collection: &Collection) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        locate(&mut fields, collection);
        fields
    }
}

fn locate(fields: &mut Map<String, Value>, collection: &Collection) {
    fields.insert("collectionId".into(), collection.id.as_str().into());
    fields.insert("collectionName".into(), collection.name.as_str().into());
}
