//! Collections as PocketBase stores them, brought to the current form.

use hangar_model::Collection;
use hangar_sdk::Result;
use serde_json::{Map, Value, json};

use super::source::{Source, refused, text};

const COLUMNS: [&str; 14] = [
    "id",
    "system",
    "type",
    "name",
    "fields",
    "indexes",
    "listRule",
    "viewRule",
    "createRule",
    "updateRule",
    "deleteRule",
    "created",
    "updated",
    "options",
];

/// The migration of 0.34 that gave the mail about logins its `{ALERT_INFO}`.
const ALERT_MIGRATION: &str = "1763020353_update_default_auth_alert_templates.go";
/// The text of that mail before.
const OLD_ALERT: &str = "<p>Hello,</p>\n<p>We noticed a login to your {APP_NAME} account from a new location.</p>\n\
    <p>If this was you, you may disregard this email.</p>\n\
    <p><strong>If this wasn't you, you should immediately change your {APP_NAME} account password to revoke access \
    from all other locations.</strong></p>\n<p>\n  Thanks,<br/>\n  {APP_NAME} team\n</p>";

/// All collections in the order of their creation.
///
/// # Errors
/// A collection that this version does not understand.
pub fn read(source: &Source, migrations: &[(String, i64)]) -> Result<Vec<Collection>> {
    let sql = format!(
        "SELECT {} FROM _collections ORDER BY rowid",
        COLUMNS.map(|name| format!("\"{name}\"")).join(", ")
    );
    let old_mails = !migrations.iter().any(|(file, _)| file == ALERT_MIGRATION);
    let mut all = Vec::new();
    source.each(&sql, |row| {
        let mut collection = parse(row)?;
        if old_mails {
            renew_alert(&mut collection);
        }
        all.push(collection);
        Ok(())
    })?;
    if all.is_empty() {
        return Err(refused("it has no collections"));
    }
    Ok(all)
}

/// A row of `_collections` as a collection.
fn parse(row: Vec<Value>) -> Result<Collection> {
    let mut document = Map::new();
    let mut name = String::new();
    for (column, value) in COLUMNS.into_iter().zip(row) {
        match column {
            "system" => {
                let set = matches!(&value, Value::Number(number) if number.as_i64() != Some(0));
                document.insert(column.into(), json!(set));
            }
            "fields" | "indexes" => {
                let list = parsed(&value, &name, column)?;
                document.insert(column.into(), list);
            }
            // Options of the type, token secrets among them. What stands in columns wins.
            "options" => {
                if let Value::Object(options) = parsed(&value, &name, column)? {
                    for (key, value) in options {
                        document.entry(key).or_insert(value);
                    }
                }
            }
            _ => {
                if column == "name" {
                    name = text(Some(&value));
                }
                document.insert(column.into(), value);
            }
        }
    }
    // Lists that are null in old versions are empty.
    drop_nulls(&mut document);
    let stored = Value::Object(document).to_string();
    let mut collection = Collection::from_storage(&stored).map_err(|error| {
        refused(format!(
            "the collection {name:?} cannot be read ({}): it was written by a newer version than this importer reads, or is damaged",
            error.0
        ))
    })?;
    collection.init_fields();
    Ok(collection)
}

fn parsed(value: &Value, collection: &str, column: &str) -> Result<Value> {
    let told = text(Some(value));
    if told.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&told).map_err(|error| {
        refused(format!(
            "the {column} of the collection {collection:?} are no JSON ({error}): the database is damaged"
        ))
    })
}

/// Removes nulls from options, at any depth, where they stand for an empty list. Rules and `pkce` may be null.
fn drop_nulls(map: &mut Map<String, Value>) {
    map.retain(|key, value| !value.is_null() || key.ends_with("Rule") || key == "pkce");
    for (key, value) in map.iter_mut() {
        // Field options read their nulls themselves.
        if key != "fields"
            && let Value::Object(inner) = value
        {
            drop_nulls(inner);
        }
    }
}

/// Brings the mail about logins to its present text, unless it was edited.
fn renew_alert(collection: &mut Collection) {
    let Some(auth) = &mut collection.auth else {
        return;
    };
    let body = &mut auth.auth_alert.email_template.body;
    if *body == OLD_ALERT {
        *body = hangar_model::AuthOptions::standard()
            .auth_alert
            .email_template
            .body;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, fields: &str, options: &str) -> Vec<Value> {
        vec![
            json!("pbc_1"),
            json!(1),
            json!(kind),
            json!("things"),
            json!(fields),
            json!("[\"CREATE INDEX `i` ON `things` (`id`)\"]"),
            json!(""),
            Value::Null,
            json!("id = 1"),
            Value::Null,
            Value::Null,
            json!("2024-01-02 03:04:05.678Z"),
            json!("2024-01-03 03:04:05.678Z"),
            json!(options),
        ]
    }

    #[test]
    fn rows_become_collections() {
        let read = parse(row(
            "base",
            r#"[{"id":"e1","name":"mail","type":"email","exceptDomains":null,"system":false}]"#,
            "{}",
        ))
        .expect("a collection");
        assert!(read.system);
        assert_eq!(read.rules.list.as_deref(), Some(""));
        assert_eq!(read.rules.view, None);
        assert_eq!(read.created, "2024-01-02 03:04:05.678Z");
        assert_eq!(read.indexes, ["CREATE INDEX `i` ON `things` (`id`)"]);
        assert_eq!(read.fields.len(), 2, "the id is brought back");
    }

    #[test]
    fn secrets_and_old_mails() {
        let options = json!({
            "authRule": null, "oauth2": {"providers": null, "enabled": true},
            "authAlert": {"enabled": true, "emailTemplate": {"subject": "s", "body": OLD_ALERT}},
            "authToken": {"secret": "abc", "duration": 5},
        });
        let mut read = parse(row("auth", "[]", &options.to_string())).expect("a collection");
        renew_alert(&mut read);
        let auth = read.auth.expect("options");
        assert_eq!(
            (auth.auth_token.secret.as_str(), auth.auth_token.duration),
            ("abc", 5)
        );
        assert_eq!(auth.auth_rule, None);
        assert!(auth.oauth2.enabled && auth.oauth2.providers.is_empty());
        assert!(auth.auth_alert.email_template.body.contains("{ALERT_INFO}"));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (kind, fields) in [
            ("graph", "[]"),
            ("base", r#"[{"id":"v1","name":"v","type":"hologram"}]"#),
            ("base", "[{"),
        ] {
            let error = parse(row(kind, fields, "{}")).expect_err("refused");
            assert!(error.message.contains("things"), "{}", error.message);
        }
    }
}
