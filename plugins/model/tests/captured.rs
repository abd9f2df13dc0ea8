//! Compares the model with what PocketBase 0.40.6 answered to the same input (see tests/data).

use hangar_model::validate::{Checks, validate};
use hangar_model::value_rules;
use hangar_model::{
    ApiError, Collection, CollectionType, Field, FieldOptions, FieldType, Random, date, json,
    messages,
};
use hangar_model::{system, value};
use serde_json::Value;

const SYSTEM: &str = include_str!("data/system.jsonl");
const CREATE: &str = include_str!("data/create.jsonl");
const UPDATE: &str = include_str!("data/update.jsonl");
const COERCION: &str = include_str!("data/coercion.jsonl");
const DATES: &str = include_str!("data/dates.json");
const NOW: &str = "2026-01-02 03:04:05.678Z";

#[derive(Default)]
struct Counter(u64);

impl Random for Counter {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| {
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                letters[(self.0 >> 33) as usize % letters.len()]
            })
            .collect()
    }
}

fn system_collections() -> Vec<Collection> {
    SYSTEM
        .lines()
        .map(|line| Collection::from_storage(line).expect("a captured collection"))
        .collect()
}

#[test]
fn system_collections_are_pocketbases() {
    let built = system::collections(0, &mut Counter::default());
    assert_eq!(built.len(), 6);
    assert!(built.is_sorted_by(|one, next| one.created < next.created));
    for (mut built, line) in built.into_iter().zip(SYSTEM.lines()) {
        (built.created, built.updated) = (NOW.to_owned(), NOW.to_owned());
        let mut captured = Collection::from_storage(line).expect("a captured collection");
        assert_eq!(captured.to_json(), line);
        (captured.created, captured.updated) = (NOW.to_owned(), NOW.to_owned());
        assert_eq!(built.to_json(), captured.to_json());
    }
}

#[test]
fn stored_form_keeps_secrets_and_the_api_hides_them() {
    let built = system::collections(0, &mut Counter::default());
    let users = built.last().expect("users");
    let secret = users
        .auth
        .as_ref()
        .expect("auth options")
        .auth_token
        .secret
        .clone();
    assert_eq!(secret.len(), 50);
    assert!(users.to_storage().contains(&secret) && !users.to_json().contains(&secret));
    assert_eq!(
        Collection::from_storage(&users.to_storage()).as_ref(),
        Ok(users)
    );
}

/// What the collections API does with a create request, without its database.
fn create(body: &str) -> Result<Collection, ApiError> {
    let body = match serde_json::from_str(body) {
        Ok(Value::Object(body)) => body,
        _ => return Err(ApiError::bad_request(messages::BAD_TYPE_BODY)),
    };
    let text = |key: &str| match body.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(ApiError::bad_request(messages::BAD_TYPE_BODY)),
    };
    text("name")?;
    let kind = match text("type")? {
        "" => CollectionType::Base,
        name => match CollectionType::parse(name) {
            Some(kind) => kind,
            None => {
                return Err(ApiError::invalid(
                    messages::CREATE_COLLECTION,
                    hangar_model::validate::unknown_type(),
                ));
            }
        },
    };
    let mut random = Counter::default();
    let mut collection = Collection::new(kind, &mut random);
    collection.merge(&body).map_err(|_| ApiError::bad_body())?;
    collection.prepare(None, &|_| false, NOW, &mut random);
    let stored = system_collections();
    let stored: Vec<&Collection> = stored.iter().collect();
    let checks = Checks {
        stored: &stored,
        imported: false,
        rule: &|_, _| Ok(()),
        view: None,
    };
    validate(&collection, None, &checks, &mut random)
        .map_err(|errors| ApiError::invalid(messages::CREATE_COLLECTION, errors))?;
    Ok(collection)
}

/// What the collections API does with an update request, without its database.
fn update(old: &Collection, body: &str) -> Result<Collection, ApiError> {
    let Ok(Value::Object(body)) = serde_json::from_str(body) else {
        return Err(ApiError::bad_body());
    };
    let mut random = Counter(7);
    let mut collection = old.clone();
    collection.merge(&body).map_err(|_| ApiError::bad_body())?;
    collection.prepare(Some(old), &|_| false, NOW, &mut random);
    let stored = system_collections();
    let stored: Vec<&Collection> = stored.iter().collect();
    let checks = Checks {
        stored: &stored,
        imported: false,
        rule: &|_, _| Ok(()),
        view: None,
    };
    validate(&collection, Some(old), &checks, &mut random)
        .and_then(|()| hangar_model::ddl::sync(Some(old), &collection).map(|_| ()))
        .map_err(|errors| ApiError::invalid(messages::UPDATE_COLLECTION, errors))?;
    Ok(collection)
}

#[test]
fn update_requests_answer_as_pocketbase() {
    let mut wrong = Vec::new();
    for line in UPDATE.lines() {
        let case: Value = serde_json::from_str(line).expect("a case");
        let text = |key: &str| case[key].as_str().expect("a text");
        let old = create(text("create")).expect("a valid collection");
        let (answer, expected) = match (
            update(&old, text("body")),
            Collection::from_storage(text("answer")),
        ) {
            (Ok(mut collection), Ok(mut captured)) => {
                for dated in [&mut collection, &mut captured] {
                    dated.updated = NOW.to_owned();
                    if !dated.created.starts_with("2020") {
                        dated.created = NOW.to_owned();
                    }
                }
                (collection.to_json(), captured.to_json())
            }
            (Ok(collection), Err(_)) => (collection.to_json(), text("answer").to_owned()),
            (Err(error), _) => (error.to_json(), text("answer").to_owned()),
        };
        if answer != expected {
            wrong.push(format!(
                "{}\n  pocketbase: {expected}\n  here:       {answer}",
                text("body")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn create_requests_answer_as_pocketbase() {
    let mut wrong = Vec::new();
    for line in CREATE.lines() {
        let case: Value = serde_json::from_str(line).expect("a case");
        let (body, expected) = (
            case["body"].as_str().expect("body"),
            case["answer"].as_str().expect("answer"),
        );
        let answer = match create(body) {
            Ok(mut collection) => {
                if let Ok(captured) = Collection::from_storage(expected) {
                    collection.updated = captured.updated;
                    if collection.created == NOW {
                        collection.created = captured.created;
                    }
                }
                collection.to_json()
            }
            Err(error) => error.to_json(),
        };
        // The texts of regular expression errors are the engine's.
        let blur = |text: &str| {
            let mut value: Value = serde_json::from_str(text).expect("JSON");
            if value.get("status").is_some() {
                blur_regex(&mut value);
                json::to_json(&value)
            } else {
                text.to_owned()
            }
        };
        let (answer, expected) = (blur(&answer), blur(expected));
        if answer != expected {
            wrong.push(format!(
                "{body}\n  pocketbase: {expected}\n  here:       {answer}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn blur_regex(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map
                .get("code")
                .is_some_and(|code| code == "validation_invalid_regex")
            {
                map.insert("message".into(), "…".into());
            }
            map.values_mut().for_each(blur_regex);
        }
        Value::Array(items) => items.iter_mut().for_each(blur_regex),
        _ => {}
    }
}

#[test]
fn values_are_coerced_and_refused_as_in_pocketbase() {
    let choices = |max| {
        let mut field = Field::new(FieldType::Select, "s");
        if let FieldOptions::Select(options) = &mut field.options {
            options.max_select = max;
            options.values = ["a", "b", "1", "true"].map(str::to_owned).to_vec();
        }
        field
    };
    let fields = [
        ("t", Field::new(FieldType::Text, "t")),
        ("n", Field::new(FieldType::Number, "n")),
        ("b", Field::new(FieldType::Bool, "b")),
        ("e", Field::new(FieldType::Email, "e")),
        ("u", Field::new(FieldType::Url, "u")),
        ("d", Field::new(FieldType::Date, "d")),
        ("s", choices(1)),
        ("sm", choices(3)),
        ("j", Field::new(FieldType::Json, "j")),
        ("g", Field::new(FieldType::GeoPoint, "g")),
        ("ed", Field::new(FieldType::Editor, "ed")),
    ];
    let mut wrong = Vec::new();
    for line in COERCION.lines() {
        let case: Value = serde_json::from_str(line).expect("a case");
        let input: Value = serde_json::from_str(case["in"].as_str().expect("input")).expect("JSON");
        for (name, field) in &fields {
            let normal = value::normalize(field, &input);
            let got = match value_rules::validate(field, &normal) {
                Ok(()) => json::to_json(&normal),
                Err(error) => error.to_value()["code"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            };
            let expected = match &case["out"][*name] {
                // Key order and number style inside JSON do not matter here.
                Value::String(text) => {
                    let parsed: Value = serde_json::from_str(text).expect("captured JSON");
                    json::to_json(&value::normalize(
                        &Field::new(FieldType::Json, "x"),
                        &parsed_again(&parsed),
                    ))
                }
                error => error["code"].as_str().unwrap_or_default().to_owned(),
            };
            // PostgreSQL cannot hold NUL: refused here (declared difference).
            let expected = if input == "a\0b" && matches!(*name, "t" | "ed") {
                "validation_invalid_format".to_owned()
            } else {
                expected
            };
            if got != expected {
                wrong.push(format!(
                    "{name} {}: pocketbase {expected}, here {got}",
                    case["in"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Wraps texts so that the JSON field's own reading of texts does not touch them.
fn parsed_again(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::String(json::to_json(value)),
        other => other.clone(),
    }
}

#[test]
fn dates_are_read_as_in_pocketbase() {
    let cases: serde_json::Map<String, Value> = serde_json::from_str(DATES).expect("a table");
    let mut wrong = Vec::new();
    for (text, expected) in &cases {
        // Year 0 does not exist in PostgreSQL (declared difference).
        let expected = expected
            .as_str()
            .filter(|date| !date.starts_with("0000"))
            .unwrap_or_default();
        let got = date::normalize(text);
        if got != expected {
            wrong.push(format!("{text:?}: pocketbase {expected:?}, here {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
