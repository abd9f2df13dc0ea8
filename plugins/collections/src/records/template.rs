//! Select lists and the row templates that turn them into records, made once per collection.

use std::cell::OnceCell;

use hangar_model::sql::ident;
use hangar_model::{Collection, Field, FieldType};
use serde_json::{Value, json};

/// Who a record is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody: no hidden fields, emails of auth records only where the select list allows it.
    Public,
    /// Superusers: hidden fields too.
    Superuser,
    /// This plugin: all that is stored.
    Full,
}

/// The shapes of one collection.
#[derive(Default)]
pub struct Shapes {
    public: OnceCell<Shape>,
    superuser: OnceCell<Shape>,
    full: OnceCell<Shape>,
}

/// A select list and the template its columns are written through.
pub struct Shape {
    columns: Vec<String>,
    /// Where in `columns` the fragment with the email stands.
    email_at: Option<usize>,
    /// Template for `hangar:postgres`.
    pub template: String,
}

impl Shapes {
    /// The shape for an audience.
    pub fn get(&self, collection: &Collection, audience: Audience) -> &Shape {
        let cell = match audience {
            Audience::Public => &self.public,
            Audience::Superuser => &self.superuser,
            Audience::Full => &self.full,
        };
        cell.get_or_init(|| Shape::new(collection, audience))
    }
}

/// Whether a field is part of what an audience sees.
pub fn is_shown(collection: &Collection, field: &Field, audience: Audience) -> bool {
    match audience {
        Audience::Full => true,
        Audience::Superuser => {
            !(collection.is_auth() && matches!(field.name.as_str(), "password" | "tokenKey"))
        }
        Audience::Public => !field.hidden,
    }
}

impl Shape {
    fn new(collection: &Collection, audience: Audience) -> Self {
        let alias = ident(&collection.name);
        let mut keys: Vec<(&str, Option<&Field>)> =
            vec![("collectionId", None), ("collectionName", None)];
        let fields = collection
            .fields
            .iter()
            .filter(|field| is_shown(collection, field, audience));
        keys.extend(fields.map(|field| (field.name.as_str(), Some(field))));
        keys.sort_unstable_by_key(|(key, _)| *key);

        let mut shape = Self {
            columns: Vec::new(),
            email_at: None,
            template: String::new(),
        };
        let mut parts: Vec<Value> = Vec::new();
        let mut literal = String::from("{");
        for (at, (key, field)) in keys.iter().enumerate() {
            let comma = if at + 1 < keys.len() { "," } else { "" };
            let key_text = Value::from(*key);
            let Some(field) = field else {
                let value = if *key == "collectionId" {
                    &collection.id
                } else {
                    &collection.name
                };
                literal.push_str(&format!(
                    "{key_text}:{}{comma}",
                    Value::from(value.as_str())
                ));
                continue;
            };
            if field.kind() == FieldType::Password && audience != Audience::Full {
                literal.push_str(&format!("{key_text}:\"\"{comma}"));
                continue;
            }
            let column = format!("{alias}.{}", ident(&field.name));
            if audience == Audience::Public && collection.is_auth() && *key == "email" {
                // `emailVisibility` always follows, or `id` does, so the comma belongs to the fragment.
                shape.email_at = Some(shape.columns.len());
                shape.columns.push(column);
                parts.push(std::mem::take(&mut literal).into());
                parts.push(json!({"s": "raw", "n": ""}));
                continue;
            }
            shape.columns.push(match field.kind() {
                // jsonb puts `lat` first, PocketBase does not.
                FieldType::GeoPoint => {
                    format!("json_build_object('lon', {column} -> 'lon', 'lat', {column} -> 'lat')")
                }
                _ => column,
            });
            literal.push_str(&format!("{key_text}:"));
            parts.push(std::mem::take(&mut literal).into());
            let (style, null_text) = style(field);
            parts.push(json!({"s": style, "n": null_text}));
            literal.push_str(comma);
        }
        literal.push('}');
        parts.push(literal.into());
        shape.template = Value::Array(parts).to_string();
        shape
    }

    /// Whether the select list depends on who may see emails.
    pub fn hides_email(&self) -> bool {
        self.email_at.is_some()
    }

    /// The select list. `email_visible` is the condition under which a row shows its email.
    pub fn select_list(&self, email_visible: &str) -> String {
        let Some(email_at) = self.email_at else {
            return self.columns.join(", ");
        };
        let mut columns = self.columns.clone();
        if let Some(column) = columns.get_mut(email_at) {
            *column = format!(
                "CASE WHEN {email_visible} THEN '\"email\":' || to_json({column})::text || ',' ELSE '' END"
            );
        }
        columns.join(", ")
    }
}

/// Style of a field's column and the JSON text of NULL in it.
fn style(field: &Field) -> (&'static str, &'static str) {
    match field.kind() {
        FieldType::Date | FieldType::Autodate => ("date", "\"\""),
        FieldType::Number => ("json", "0"),
        FieldType::Bool => ("json", "false"),
        FieldType::Json => ("json", "null"),
        FieldType::GeoPoint => ("json", "{\"lon\":0,\"lat\":0}"),
        FieldType::Select | FieldType::Relation | FieldType::File if field.is_multiple() => {
            ("json", "[]")
        }
        _ => ("json", "\"\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hangar_model::CollectionType;

    struct Fixed;
    impl hangar_model::Random for Fixed {
        fn text(&mut self, length: usize, alphabet: &str) -> String {
            alphabet.chars().cycle().take(length).collect()
        }
    }

    fn users() -> Collection {
        let mut users = Collection::new(CollectionType::Auth, &mut Fixed);
        users.name = "users".into();
        users.id = "u1".into();
        users
    }

    /// Writes one row through a template, the way the host does.
    fn write(template: &str, columns: &[&str]) -> String {
        let parts: Vec<Value> = serde_json::from_str(template).expect("a JSON array");
        let mut columns = columns.iter();
        parts
            .iter()
            .map(|part| match part {
                Value::String(text) => text.clone(),
                _ => (*columns.next().expect("as many columns as places")).to_owned(),
            })
            .collect()
    }

    #[test]
    fn public_auth_records_show_the_email_only_where_allowed() {
        let users = users();
        let shapes = Shapes::default();
        let shape = shapes.get(&users, Audience::Public);
        assert!(shape.hides_email());
        assert!(shape.select_list("cond").contains("CASE WHEN cond THEN"));
        assert_eq!(
            write(&shape.template, &["", "true", "\"x\"", "false"]),
            r#"{"collectionId":"u1","collectionName":"users","emailVisibility":true,"id":"x","verified":false}"#
        );
        let with_email = write(
            &shape.template,
            &["\"email\":\"a@b.c\",", "true", "\"x\"", "false"],
        );
        assert!(
            serde_json::from_str::<Value>(&with_email)
                .is_ok_and(|record| record["email"] == "a@b.c")
        );
    }

    #[test]
    fn superusers_never_see_password_and_token_key() {
        let users = users();
        let shapes = Shapes::default();
        let template = &shapes.get(&users, Audience::Superuser).template;
        assert!(!template.contains("password") && !template.contains("tokenKey"));
        assert!(
            shapes
                .get(&users, Audience::Full)
                .template
                .contains("tokenKey")
        );
    }
}
