//! Compares `fields` and `:excerpt` with what PocketBase 0.40.6 answered (see tests/data/fields.jsonl).

use hangar_model::picker::Picker;
use serde_json::Value;

const CASES: &str = include_str!("data/fields.jsonl");

fn parse(text: &Value) -> Value {
    serde_json::from_str(text.as_str().expect("a text")).expect("JSON")
}

#[test]
fn fields_are_picked_as_in_pocketbase() {
    let cases: Vec<Value> = CASES
        .lines()
        .map(|line| serde_json::from_str(line).expect("a case"))
        .collect();
    let (one, list) = (parse(&cases[0]["one"]), parse(&cases[0]["list"]));
    let mut wrong = Vec::new();
    for case in &cases {
        let fields = case["fields"].as_str().expect("fields");
        for (key, full) in [("one", &one), ("list", &list)] {
            let expected = parse(&case[key]);
            let got = match Picker::parse(fields) {
                Err(_) => hangar_model::ApiError::bad_request("")
                    .to_json()
                    .parse()
                    .expect("JSON"),
                Ok(None) => full.clone(),
                Ok(Some(picker)) => {
                    let mut value = full.clone();
                    picker.pick_response(&mut value);
                    value
                }
            };
            if got != expected {
                wrong.push(format!(
                    "{fields:?} {key}\n  pocketbase: {expected}\n  here:       {got}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
