//! Fifty clients write to the same few records in every way at once: sums are exact, nothing fails with a 5xx, nothing
//! stays locked. `HANGAR_STRESS` sets the writes of each client (default 120).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hangar_tests::{Api, Client, Site};
use serde_json::{Value, json};

const CLIENTS: usize = 50;

/// What one client has done.
#[derive(Default)]
struct Tally {
    added: f64,
    created: usize,
    deleted: usize,
    children: usize,
}

/// A small generator: runs differ between clients, not between test runs.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }
}

fn writes() -> usize {
    let given = std::env::var("HANGAR_STRESS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(120)
}

#[test]
fn mixed_writes_of_fifty_clients_add_up() {
    let site = Site::new();
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    let (items, tags) = prepare(&mut api);
    let slots = Arc::new(Mutex::new(Vec::new()));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (items, tags, address) = (items.clone(), tags.clone(), server.address);
            let slots = slots.clone();
            std::thread::spawn(move || client(number, address, &items, &tags, &slots))
        })
        .collect();
    let mut total = Tally::default();
    for client in clients {
        let tally = client.join().expect("a client saw only the answers it may");
        total.added += tally.added;
        total.created += tally.created;
        total.deleted += tally.deleted;
        total.children += tally.children;
    }
    let sum: f64 = items
        .iter()
        .map(|id| {
            read(&mut api, "st_items", id)["n"]
                .as_f64()
                .expect("a number")
        })
        .sum();
    assert_eq!(sum, total.added, "an increment was lost or counted twice");
    assert_eq!(
        api.ids("st_slots").len(),
        total.created - total.deleted,
        "{} created, {} deleted",
        total.created,
        total.deleted
    );
    // A child whose parent was deleted went with it; none may point into the void.
    let orphans = "/api/collections/st_children/records?filter=parent.id=''&perPage=1";
    assert_eq!(api.client.get(orphans).expect(200)["totalItems"], 0);
    // Nothing is left locked: every record can still be written, at once.
    for id in &items {
        let path = format!("/api/collections/st_items/records/{id}");
        let answer = api
            .client
            .call("PATCH", &path, &json!({"n": 0, "tags": []}));
        answer.expect(200);
    }
    assert!(
        total.children > 0 && total.deleted > 0,
        "every kind of write took place"
    );
    server.assert_alive();
    server.stop();
}

/// Makes the collections; answers the ids of the records that all write to, and of those they are related to.
fn prepare(api: &mut Api) -> (Vec<String>, Vec<String>) {
    api.open_collection("st_tags", json!([{"name": "name", "type": "text"}]));
    let target = api.client.get("/api/collections/st_tags").expect(200)["id"].clone();
    let fields = json!([
        {"name": "n", "type": "number"},
        {"name": "tags", "type": "relation", "collectionId": target, "maxSelect": 99},
    ]);
    api.open_collection("st_items", fields);
    let slots = json!({
        "name": "st_slots", "type": "base", "fields": [{"name": "slot", "type": "text"}],
        "indexes": ["CREATE UNIQUE INDEX `idx_st_slot` ON `st_slots` (`slot`)"],
        "listRule": "", "viewRule": "", "createRule": "", "deleteRule": "",
    });
    let made = api.client.post("/api/collections", &slots).expect(200);
    let fields = json!([
        {"name": "parent", "type": "relation", "collectionId": made["id"], "maxSelect": 1, "required": true, "cascadeDelete": true},
    ]);
    api.open_collection("st_children", fields);
    let mut make = |collection: &str, count: usize| -> Vec<String> {
        let made = (0..count).map(|_| api.create(collection, json!({})));
        made.map(|record| record["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    (make("st_items", 4), make("st_tags", 6))
}

fn read(api: &mut Api, collection: &str, id: &str) -> Value {
    let path = format!("/api/collections/{collection}/records/{id}");
    api.client.get(&path).expect(200)
}

/// `slots` are the records that anybody may delete, or refer to, at any moment.
fn client(
    number: usize,
    address: SocketAddr,
    items: &[String],
    tags: &[String],
    slots: &Mutex<Vec<String>>,
) -> Tally {
    let mut client = Client::new(address);
    let mut dice = Dice(number as u64 + 1);
    let mut tally = Tally::default();
    let slots = || slots.lock().expect("not poisoned");
    for _ in 0..writes() {
        let item = format!(
            "/api/collections/st_items/records/{}",
            items[dice.roll(items.len())]
        );
        match dice.roll(100) {
            0..45 => {
                let by = dice.roll(5) as f64 - 1.0;
                let body = if by < 0.0 {
                    json!({"n-": -by})
                } else {
                    json!({"n+": by})
                };
                send(&mut client, "PATCH", &item, &body, &[200]);
                tally.added += by;
            }
            45..65 => {
                let key = ["tags+", "+tags", "tags-"][dice.roll(3)];
                let body = json!({key: tags[dice.roll(tags.len())]});
                send(&mut client, "PATCH", &item, &body, &[200]);
            }
            65..80 => {
                let record = json!({"slot": format!("slot {}", dice.roll(40))});
                let path = "/api/collections/st_slots/records";
                let (status, answer) = send(&mut client, "POST", path, &record, &[200, 400]);
                if status == 200 {
                    tally.created += 1;
                    slots().push(answer["id"].as_str().expect("an id").to_owned());
                } else {
                    let code = &answer["data"]["slot"]["code"];
                    assert_eq!(code, "validation_not_unique", "{answer}");
                }
            }
            80..90 => {
                let Some(id) = slots().pop() else { continue };
                let path = format!("/api/collections/st_slots/records/{id}");
                send(&mut client, "DELETE", &path, &Value::Null, &[204]);
                tally.deleted += 1;
            }
            _ => {
                let parent = slots().last().cloned();
                let Some(parent) = parent else { continue };
                let path = "/api/collections/st_children/records";
                let body = json!({"parent": parent});
                let (status, answer) = send(&mut client, "POST", path, &body, &[200, 400]);
                if status == 200 {
                    tally.children += 1;
                } else {
                    // Somebody has deleted the parent first.
                    let code = &answer["data"]["parent"]["code"];
                    assert_eq!(code, "validation_missing_rel_records", "{answer}");
                }
            }
        }
    }
    tally
}

/// Sends a request once (a repetition would count twice); panics unless its status is one of those allowed.
fn send(
    client: &mut Client,
    method: &str,
    path: &str,
    body: &Value,
    allowed: &[u16],
) -> (u16, Value) {
    let answer = client.send(method, path, body).expect("an answer");
    let status = answer.status;
    assert!(
        allowed.contains(&status),
        "{method} {path} {body}: {status} {}",
        answer.text()
    );
    let value = if status == 204 {
        Value::Null
    } else {
        answer.json()
    };
    (status, value)
}
