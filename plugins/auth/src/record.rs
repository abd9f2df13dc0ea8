//! An auth record with everything that is stored of it.

use hangar_failure::Failure;
use hangar_model::Collection;
use hangar_sdk::http::Request;
use hangar_sdk::{Result, collections, postgres};
use serde_json::{Map, Value, json};

use crate::accounts::Accounts;
use crate::body::Body;
use crate::events::{self, Patch};

/// Fields nobody is shown, not even superusers.
const SECRET: [&str; 2] = ["password", "tokenKey"];
/// Where a record is from; no fields, but always shown.
const LOCATION: [&str; 2] = ["collectionId", "collectionName"];

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

    /// The record of an email. To find none takes as long as to find one.
    pub fn by_email(accounts: &Accounts, email: &str) -> Result<Option<Self>> {
        let Some(lookup) = &accounts.email_lookup else {
            return Ok(None);
        };
        let rows = postgres::query(lookup.as_str(), vec![email.into()])?;
        let id = rows
            .rows
            .first()
            .and_then(|row| row.first())
            .and_then(Value::as_str);
        Self::find(&accounts.collection, id.unwrap_or("nobody"))
    }

    /// Stores changes, without rules but with the model hooks; answers the record as it is then.
    pub fn save(&self, accounts: &Accounts, changes: &Value) -> Result<Self, Failure> {
        Self::saved(accounts, changes, r#"{"isNew":false}"#)
    }

    /// The same, and its password becomes one that nobody knows.
    pub fn save_without_password(
        &self,
        accounts: &Accounts,
        changes: &Value,
    ) -> Result<Self, Failure> {
        let options = r#"{"isNew":false,"randomPassword":true}"#;
        Self::saved(accounts, changes, options)
    }

    fn saved(accounts: &Accounts, changes: &Value, options: &str) -> Result<Self, Failure> {
        let text = collections::save(&accounts.collection.id, &changes.to_string(), options)?;
        Ok(Self {
            fields: serde_json::from_str(&text).map_err(hangar_sdk::Error::from)?,
        })
    }

    /// The document of a request event about this record.
    pub fn request_document(
        &self,
        accounts: &Accounts,
        request: &Request,
        body: &Body,
    ) -> Result<Value> {
        Ok(json!({
            "record": self.document(&accounts.collection),
            "isNew": false,
            "original": {},
            "request": events::request_document(request, "default", &body.values)?,
        }))
    }

    /// A field's truth value; false for anything else.
    pub fn flag(&self, name: &str) -> bool {
        self.fields.get(name).and_then(Value::as_bool) == Some(true)
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

    /// The record as hook handlers have left it. Secrets stay: nothing is stored here.
    pub fn apply(&mut self, patches: &[Patch]) {
        for patch in patches {
            if let Some(record) = &patch.record {
                self.fields = record.clone();
            }
            for (name, value) in patch.set.iter().filter(|(name, _)| !is_secret(name)) {
                self.fields.insert(name.clone(), value.clone());
            }
        }
    }

    /// What a client sees of the record when it is its own: no hidden fields, unless it is a superuser's or a handler
    /// says so, and nothing that is no field, unless a handler says so.
    pub fn shown(&self, collection: &Collection, patches: &[Patch]) -> Map<String, Value> {
        let superuser = collection.is_superusers();
        let custom = patches.iter().any(|patch| patch.custom);
        let named = |list: fn(&Patch) -> &Vec<String>, name: &str| {
            patches
                .iter()
                .any(|patch| list(patch).iter().any(|other| other == name))
        };
        let mut fields = self.without_secrets(collection);
        fields.retain(|name, _| {
            let known = match collection.field(name) {
                Some(field) => !field.hidden || superuser || named(|patch| &patch.unhide, name),
                None => custom || LOCATION.contains(&name.as_str()),
            };
            known && !named(|patch| &patch.hide, name)
        });
        fields
    }

    /// Every field but the password hash and the token key, and where the record is from.
    pub fn without_secrets(&self, collection: &Collection) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        fields.retain(|name, _| !is_secret(name));
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

fn is_secret(name: &str) -> bool {
    SECRET.contains(&name)
}

fn locate(fields: &mut Map<String, Value>, collection: &Collection) {
    fields.insert("collectionId".into(), collection.id.as_str().into());
    fields.insert("collectionName".into(), collection.name.as_str().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(name: &str) -> Collection {
        let text = json!({"id": "c1", "name": name, "type": "auth", "fields": [
            {"name": "id", "type": "text"}, {"name": "password", "type": "password", "hidden": true},
            {"name": "tokenKey", "type": "text", "hidden": true}, {"name": "email", "type": "email"},
            {"name": "notes", "type": "text", "hidden": true},
        ]});
        Collection::from_storage(&text.to_string()).expect("a collection")
    }

    fn shown(name: &str, patches: Value) -> Vec<String> {
        let patches: Vec<Patch> = serde_json::from_value(patches).expect("patches");
        let fields = json!({"id": "r1", "password": "hash", "tokenKey": "key", "email": "a@b.co", "notes": "n"});
        let mut record = Record {
            fields: fields.as_object().expect("an object").clone(),
        };
        record.apply(&patches);
        record
            .shown(&collection(name), &patches)
            .keys()
            .cloned()
            .collect()
    }

    #[test]
    fn owners_see_neither_hidden_fields_nor_secrets() {
        assert_eq!(
            shown("users", json!([])),
            ["collectionId", "collectionName", "email", "id"]
        );
        assert_eq!(
            shown("_superusers", json!([])),
            ["collectionId", "collectionName", "email", "id", "notes"]
        );
    }

    #[test]
    fn handlers_decide_what_is_shown() {
        let patches = json!([{"set": {"extra": 1, "password": "p"}, "hide": ["email"], "unhide": ["notes", "tokenKey"]}]);
        assert_eq!(
            shown("users", patches),
            ["collectionId", "collectionName", "id", "notes"]
        );
        assert_eq!(
            shown("users", json!([{"set": {"extra": 1}, "custom": true}])),
            ["collectionId", "collectionName", "email", "extra", "id"]
        );
        assert_eq!(
            shown("users", json!([{"record": {"id": "r2"}}])),
            ["collectionId", "collectionName", "id"]
        );
    }
}
