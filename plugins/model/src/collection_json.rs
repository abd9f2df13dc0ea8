//! Collections from and to JSON: the API's form, the stored form with secrets, and the merge of a request body.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::auth_options::AuthOptions;
use crate::collection::{Collection, CollectionType};
use crate::field::Field;
use crate::json::to_json;

/// Why JSON could not be taken as a collection. The API answers all of them alike (see [`crate::ApiError::bad_body`]);
/// the text is for logs.
#[derive(Debug, Clone, PartialEq)]
pub struct BadCollection(pub String);

/// Everything in PocketBase's key order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a str,
    list_rule: &'a Option<String>,
    view_rule: &'a Option<String>,
    create_rule: &'a Option<String>,
    update_rule: &'a Option<String>,
    delete_rule: &'a Option<String>,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    fields: Vec<Value>,
    indexes: &'a [String],
    created: &'a str,
    updated: &'a str,
    system: bool,
    #[serde(flatten)]
    auth: Option<&'a AuthOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view_query: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    view_sources: &'a [(String, String)],
}

impl Collection {
    /// The API's form, byte for byte PocketBase's, without secrets.
    pub fn to_json(&self) -> String {
        let auth = self.auth.as_ref().map(|auth| auth.without_secrets());
        to_json(&self.shown(auth.as_ref()))
    }

    /// The stored form: the API's and the secrets.
    pub fn to_storage(&self) -> String {
        let mut shown = self.shown(self.auth.as_deref());
        shown.view_sources = &self.view_sources;
        to_json(&shown)
    }

    fn shown<'a>(&'a self, auth: Option<&'a AuthOptions>) -> Shown<'a> {
        Shown {
            id: &self.id,
            list_rule: &self.rules.list,
            view_rule: &self.rules.view,
            create_rule: &self.rules.create,
            update_rule: &self.rules.update,
            delete_rule: &self.rules.delete,
            name: &self.name,
            kind: self.kind.name(),
            fields: self.fields.iter().map(Field::to_value).collect(),
            indexes: &self.indexes,
            created: &self.created,
            updated: &self.updated,
            system: self.system,
            auth,
            view_query: self.is_view().then_some(&self.view_query),
            view_sources: &[],
        }
    }

    /// Reads the stored form (or an exported one; secrets may then be empty).
    pub fn from_storage(text: &str) -> Result<Self, BadCollection> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| BadCollection(error.to_string()))?;
        let Value::Object(map) = value else {
            return Err(BadCollection("a collection must be an object".into()));
        };
        let kind = map
            .get("type")
            .and_then(Value::as_str)
            .and_then(CollectionType::parse);
        let Some(kind) = kind else {
            return Err(BadCollection(
                "a stored collection needs a known type".into(),
            ));
        };
        let mut collection = Self::blank(kind);
        collection.merge(&map)?;
        if let Some(sources) = map.get("viewSources") {
            collection.view_sources = serde_json::from_value(sources.clone())
                .map_err(|error| BadCollection(error.to_string()))?;
        }
        Ok(collection)
    }

    /// Merges a request body: present keys replace, absent ones stay, nested options merge key by key, null gives the
    /// zero value. `fields` replaces the list. Unknown keys and `type` are ignored. On an error the collection is left
    /// as it was.
    pub fn merge(&mut self, body: &Map<String, Value>) -> Result<(), BadCollection> {
        let mut next = self.clone();
        for (key, value) in body {
            match key.as_str() {
                "id" => next.id = text(key, value)?,
                "name" => next.name = text(key, value)?,
                "system" => next.system = flag(key, value)?,
                "listRule" => next.rules.list = rule(key, value)?,
                "viewRule" => next.rules.view = rule(key, value)?,
                "createRule" => next.rules.create = rule(key, value)?,
                "updateRule" => next.rules.update = rule(key, value)?,
                "deleteRule" => next.rules.delete = rule(key, value)?,
                "created" => next.created = crate::date::normalize(&text(key, value)?),
                "updated" => next.updated = crate::date::normalize(&text(key, value)?),
                "viewQuery" if self.is_view() => next.view_query = text(key, value)?,
                "indexes" => next.indexes = texts(key, value)?,
                "fields" => next.replace_fields(value)?,
                _ => {}
            }
        }
        // Options of another type are read as well, so that a wrong one is refused, and then dropped.
        let mut auth = match &next.auth {
            Some(auth) => (**auth).clone(),
            None => AuthOptions::default(),
        };
        auth.merge(body)?;
        if next.auth.is_some() {
            next.auth = Some(Box::new(auth));
        }
        *self = next;
        Ok(())
    }

    fn replace_fields(&mut self, value: &Value) -> Result<(), BadCollection> {
        let items = match value {
            Value::Null => &[][..],
            Value::Array(items) => items,
            _ => return Err(BadCollection("\"fields\" must be an array".into())),
        };
        self.fields.clear();
        for item in items {
            self.add_field(Field::from_value(item).map_err(|error| BadCollection(error.0))?);
        }
        Ok(())
    }
}

impl AuthOptions {
    /// Merges a request body as [`Collection::merge`] does. Providers of the same name keep what is not sent.
    fn merge(&mut self, body: &Map<String, Value>) -> Result<(), BadCollection> {
        let wrong = |error: serde_json::Error| BadCollection(error.to_string());
        let Value::Object(mut current) = serde_json::to_value(&*self).map_err(wrong)? else {
            return Ok(());
        };
        let known: Map<String, Value> = body
            .iter()
            .filter(|(key, _)| current.contains_key(key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if known.is_empty() {
            return Ok(());
        }
        for (key, value) in &known {
            if current[key].is_object() && !value.is_object() && !value.is_null() {
                return Err(BadCollection(format!("{key:?} must be an object")));
            }
        }
        merge_object(&mut current, &known);
        *self = serde_json::from_value(Value::Object(current)).map_err(wrong)?;
        Ok(())
    }
}

fn merge_object(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match (target.get_mut(key), value) {
            (Some(Value::Array(old)), Value::Array(new)) if key == "providers" => {
                let merged = new
                    .iter()
                    .map(|provider| merge_provider(old, provider))
                    .collect();
                *old = merged;
            }
            (Some(Value::Object(old)), Value::Object(new)) if key == "extra" => {
                old.extend(new.clone());
            }
            (Some(Value::Object(old)), Value::Object(new)) => merge_object(old, new),
            // Null gives the zero value: serde's default for what is missing, null itself for what may be null.
            (Some(_), Value::Null) if !NULLABLE.contains(&key.as_str()) => {
                target.remove(key);
            }
            _ => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

const NULLABLE: [&str; 3] = ["authRule", "manageRule", "pkce"];

fn merge_provider(old: &[Value], new: &Value) -> Value {
    let same = old
        .iter()
        .find(|provider| provider.get("name") == new.get("name"));
    match (same, new) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            let mut merged = old.clone();
            merge_object(&mut merged, new);
            Value::Object(merged)
        }
        (None, Value::Object(new)) => {
            let mut merged = Map::new();
            merge_object(&mut merged, new);
            merged.retain(|key, value| !value.is_null() || key == "pkce");
            Value::Object(merged)
        }
        _ => new.clone(),
    }
}

fn text(key: &str, value: &Value) -> Result<String, BadCollection> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        _ => Err(BadCollection(format!("{key:?} must be a text"))),
    }
}

fn flag(key: &str, value: &Value) -> Result<bool, BadCollection> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        _ => Err(BadCollection(format!("{key:?} must be a bool"))),
    }
}

fn rule(key: &str, value: &Value) -> Result<Option<String>, BadCollection> {
    if value.is_null() {
        Ok(None)
    } else {
        text(key, value).map(Some)
    }
}

fn texts(key: &str, value: &Value) -> Result<Vec<String>, BadCollection> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(|item| text(key, item)).collect(),
        _ => Err(BadCollection(format!("{key:?} must be an array"))),
    }
}
