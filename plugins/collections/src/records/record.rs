//! A record on its way to a client, and what hooks may do to it.

use hangar_model::sql::cast;
use hangar_model::value::{normalize, zero};
use hangar_model::{Collection, FieldType};
use serde_json::{Map, Value};

use crate::records::query::Values;
use crate::records::template::{Audience, is_shown};

/// A record and how it is to be shown.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Every stored field in normal form, and `collectionId`, `collectionName`.
    pub values: Values,
    /// Expanded relations; none if no path could be followed.
    pub expand: Option<Map<String, Value>>,
    /// Fields hooks have hidden or unhidden, the last word counting.
    visibility: Vec<(String, bool)>,
    /// Values hooks have set under names that are no field.
    pub custom: Map<String, Value>,
    /// Whether those are shown.
    show_custom: bool,
    /// Whether the email is shown whatever `emailVisibility` says.
    pub show_email: bool,
    /// Plain passwords a hook has set, not hashed yet.
    pub passwords: Map<String, Value>,
}

impl Shown {
    /// A record as stored.
    pub fn new(values: Values) -> Self {
        Self {
            values,
            ..Self::default()
        }
    }

    /// The record's id; empty if it has none yet.
    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// A text field; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.values
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A bool field; false if there is none.
    pub fn flag(&self, name: &str) -> bool {
        self.values
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    /// Applies a patch of a hook.
    pub fn apply(&mut self, collection: &Collection, patch: &Map<String, Value>) {
        if let Some(Value::Object(record)) = patch.get("record") {
            self.set(collection, record);
        }
        if let Some(Value::Object(values)) = patch.get("set") {
            self.set(collection, values);
        }
        for (key, visible) in [("hide", false), ("unhide", true)] {
            for name in patch
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                if let Some(name) = name.as_str() {
                    self.visibility.retain(|(other, _)| other != name);
                    self.visibility.push((name.to_owned(), visible));
                }
            }
        }
        if let Some(flag) = patch.get("custom").and_then(Value::as_bool) {
            self.show_custom = flag;
        }
        if let Some(flag) = patch.get("showEmail").and_then(Value::as_bool) {
            self.show_email = flag;
        }
        if let Some(Value::Object(expand)) = patch.get("expand") {
            self.expand = Some(expand.clone());
        }
    }

    fn set(&mut self, collection: &Collection, values: &Map<String, Value>) {
        for (name, value) in values {
            match collection.field(name) {
                Some(field) if field.kind() == FieldType::Password => {
                    let plain = normalize(field, value);
                    if plain.as_str().is_some_and(|plain| plain == self.text(name)) {
                        continue;
                    }
                    self.passwords.insert(name.clone(), plain);
                }
                Some(field) => {
                    self.values.insert(name.clone(), normalize(field, value));
                }
                None if matches!(name.as_str(), "collectionId" | "collectionName" | "expand") => {}
                None => {
                    self.custom.insert(name.clone(), value.clone());
                }
            }
        }
    }

    /// What a client sees. `show_email` is the verdict of the collection's rules.
    pub fn export(self, collection: &Collection, superuser: bool, show_email: bool) -> Value {
        let audience = if superuser {
            Audience::Superuser
        } else {
            Audience::Public
        };
        let email_hidden = collection.is_auth() && !(superuser || show_email || self.show_email);
        let mut out = if self.show_custom {
            self.custom
        } else {
            Map::new()
        };
        for field in &collection.fields {
            let name = field.name.as_str();
            let decided = self
                .visibility
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, visible)| *visible);
            let secret = !is_shown(collection, field, Audience::Superuser);
            if secret || !decided.unwrap_or_else(|| is_shown(collection, field, audience)) {
                continue;
            }
            if email_hidden && name == "email" && decided != Some(true) {
                continue;
            }
            let value = match field.kind() {
                FieldType::Password => Value::from(""),
                _ => self
                    .values
                    .get(name)
                    .cloned()
                    .unwrap_or_else(|| zero(field)),
            };
            out.insert(name.to_owned(), value);
        }
        out.insert("collectionId".into(), collection.id.as_str().into());
        out.insert("collectionName".into(), collection.name.as_str().into());
        if let Some(expand) = self.expand {
            out.insert("expand".into(), Value::Object(expand));
        }
        Value::Object(out)
    }
}

/// Gives values the two keys every record has beside its fields.
pub fn name_collection(collection: &Collection, values: &mut Values) {
    values.insert("collectionId".into(), collection.id.as_str().into());
    values.insert("collectionName".into(), collection.name.as_str().into());
}

/// `$n` with the cast of a field's column.
pub fn placeholder(field: &hangar_model::Field, number: usize) -> String {
    format!("${number}{}", cast(field))
}
