//! What is said about rules when they are saved, in PocketBase's own words.

use hangar_filter::schema::{Collection, CollectionKind, Field, FieldKind};
use hangar_filter::validate;

fn collections() -> Vec<Collection> {
    let collection = |id: &str, name: &str, kind, fields| Collection {
        id: id.to_owned(),
        name: name.to_owned(),
        kind,
        fields,
        list_rule: None,
        unique: vec![],
    };
    vec![
        collection(
            "pbc_bad4bad4bad",
            "bad4",
            CollectionKind::Base,
            vec![
                Field::new("id", FieldKind::Text),
                Field::new("t", FieldKind::Text),
                Field::new("n", FieldKind::Number),
                Field::new("j", FieldKind::Json),
                Field::new("h", FieldKind::Text).hidden(),
                Field::new("sel", FieldKind::Select),
                Field::new("sels", FieldKind::Select).multiple(),
                Field::relation("rel", "_pb_users_auth_", false),
                Field::relation("rels", "_pb_users_auth_", true),
                Field::relation("self", "pbc_bad4bad4bad", false),
            ],
        ),
        collection(
            "_pb_users_auth_",
            "users",
            CollectionKind::Auth,
            vec![
                Field::new("id", FieldKind::Text),
                Field::new("email", FieldKind::Email),
                Field::new("name", FieldKind::Text),
            ],
        ),
    ]
}

#[test]
fn messages_about_rules() {
    let collections = collections();
    let mut wrong = Vec::new();
    for line in include_str!("data/messages.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let (rule, wanted): (String, Option<String>) =
            serde_json::from_str(line).expect("a pair of rule and message");
        let actual = validate(&collections, &collections[0], &rule)
            .err()
            .map(|error| error.message);
        if actual != wanted {
            wrong.push(format!(
                "{rule}\n    wanted {wanted:?}\n    actual {actual:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
