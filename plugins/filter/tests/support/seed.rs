//! Data for a database, in PocketBase's own formats.

use hangar_filter::schema::{Collection, CollectionKind, Field, FieldKind};
use serde_json::{Map, Value as Json};

pub struct Seed {
    pub definitions: Vec<Json>,
    pub collections: Vec<Collection>,
    /// Collection name and body.
    pub records: Vec<(String, Json)>,
}

/// Reads `{"collections": [definition…], "records": [[collection, body]…]}`.
pub fn parse(json: &str) -> Seed {
    read(serde_json::from_str(json).expect("the seed is JSON"))
}

/// [`parse`] of what has been read.
pub fn read(data: Json) -> Seed {
    let definitions = data["collections"].as_array().cloned().unwrap_or_default();
    let collections = definitions.iter().map(collection).collect();
    let records = data["records"].as_array().cloned().unwrap_or_default();
    let records = records
        .into_iter()
        .map(|record| (text(&record[0]), record[1].clone()))
        .collect();
    Seed {
        definitions,
        collections,
        records,
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn collection(definition: &Json) -> Collection {
    let kind = match definition["type"].as_str() {
        Some("auth") => CollectionKind::Auth,
        Some("view") => CollectionKind::View,
        _ => CollectionKind::Base,
    };
    let mut fields: Vec<Field> = definition["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(field)
        .collect();
    if kind == CollectionKind::Auth {
        fields.extend([
            Field::new("password", FieldKind::Password).hidden(),
            Field::new("tokenKey", FieldKind::Text).hidden(),
            Field::new("email", FieldKind::Email),
            Field::new("emailVisibility", FieldKind::Bool),
            Field::new("verified", FieldKind::Bool),
        ]);
    }
    let unique = definition["indexes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|index| {
            let index = index.as_str()?;
            let column = index.rsplit_once("(`")?.1.split('`').next()?;
            index
                .starts_with("CREATE UNIQUE")
                .then(|| column.to_owned())
        });
    Collection {
        id: text(&definition["id"]),
        name: text(&definition["name"]),
        kind,
        fields,
        list_rule: definition["listRule"].as_str().map(str::to_owned),
        unique: unique.collect(),
    }
}

fn field(definition: &Json) -> Field {
    let kind = match definition["type"].as_str().unwrap_or_default() {
        "text" => FieldKind::Text,
        "editor" => FieldKind::Editor,
        "number" => FieldKind::Number,
        "bool" => FieldKind::Bool,
        "date" => FieldKind::Date,
        "autodate" => FieldKind::Autodate,
        "select" => FieldKind::Select,
        "relation" => FieldKind::Relation,
        "json" => FieldKind::Json,
        "geoPoint" => FieldKind::GeoPoint,
        "email" => FieldKind::Email,
        "url" => FieldKind::Url,
        "file" => FieldKind::File,
        other => panic!("the seed uses no {other} fields"),
    };
    Field {
        kind,
        multiple: definition["maxSelect"].as_u64().unwrap_or(1) > 1,
        hidden: definition["hidden"].as_bool().unwrap_or(false),
        target: text(&definition["collectionId"]),
        ..Field::new(&text(&definition["name"]), kind)
    }
}

impl Seed {
    /// A record with every field of its collection, as an authenticated one is given to the compiler.
    pub fn record(&self, collection: &str, id: &str) -> Map<String, Json> {
        let (_, body) = self
            .records
            .iter()
            .find(|(name, body)| name == collection && body["id"] == id)
            .expect("a seeded record");
        let collection = self
            .collections
            .iter()
            .find(|found| found.name == collection)
            .expect("a seeded collection");
        collection
            .fields
            .iter()
            .map(|field| (field.name.clone(), stored(field, &body[&field.name])))
            .collect()
    }
}

/// What is stored for a submitted value.
pub fn stored(field: &Field, value: &Json) -> Json {
    match (field.kind, value) {
        (FieldKind::Json, value) => value.clone(),
        (FieldKind::Autodate, _) => Json::from("2026-01-01 00:00:00.000Z"),
        (_, value) if !value.is_null() => value.clone(),
        (FieldKind::Number, _) => Json::from(0),
        (FieldKind::Bool, _) => Json::from(false),
        (FieldKind::GeoPoint, _) => serde_json::json!({"lon": 0, "lat": 0}),
        (_, _) if field.multiple => Json::Array(Vec::new()),
        (_, _) => Json::from(""),
    }
}
