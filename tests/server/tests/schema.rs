//! Collections that change while others change them too, or use them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, RwLock};
use std::thread::JoinHandle;

use hangar_tests::{Api, Client, Site};
use serde_json::{Value, json};

const CLIENTS: usize = 8;
const CHANGES: usize = 12;

fn open(name: &str, fields: Value) -> Value {
    json!({
        "name": name, "fields": fields,
        "listRule": "", "viewRule": "", "createRule": "", "updateRule": "", "deleteRule": "",
    })
}

/// Sends the same kind of request from all clients at the same moment; answers the statuses, sorted.
fn together(api: &Api, address: SocketAddr, name: impl Fn(usize) -> String) -> Vec<u16> {
    let start = Arc::new(Barrier::new(CLIENTS));
    let threads: Vec<JoinHandle<u16>> = (0..CLIENTS)
        .map(|number| {
            let mut client = Client::new(address);
            client.token.clone_from(&api.client.token);
            let (start, name) = (start.clone(), name(number));
            std::thread::spawn(move || {
                start.wait();
                let fields = json!([{"name": "title", "type": "text"}]);
                client.post("/api/collections", &open(&name, fields)).status
            })
        })
        .collect();
    let mut statuses: Vec<u16> = threads
        .into_iter()
        .map(|thread| thread.join().expect("an answer"))
        .collect();
    statuses.sort_unstable();
    statuses
}

#[test]
fn one_of_many_creates_a_collection() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let statuses = together(&api, server.address, |_| "same".to_owned());
    assert_eq!(statuses[0], 200, "{statuses:?}");
    assert_eq!(statuses[1..], [400; CLIENTS - 1]);
    api.create("same", json!({"title": "usable"}));

    let statuses = together(&api, server.address, |number| format!("other{number}"));
    assert_eq!(statuses, [200; CLIENTS]);
    for number in 0..CLIENTS {
        api.create(&format!("other{number}"), json!({"title": "usable"}));
    }
}

#[test]
fn no_accepted_write_is_lost_while_its_collection_changes() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let fields = json!([{"name": "title", "type": "text"}]);
    api.client
        .post("/api/collections", &open("moving", fields))
        .expect(200);

    let name = Arc::new(RwLock::new("moving".to_owned()));
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<JoinHandle<Vec<String>>> = (0..CLIENTS)
        .map(|_| {
            let (name, done, address) = (name.clone(), done.clone(), server.address);
            std::thread::spawn(move || {
                let mut client = Client::new(address);
                let mut accepted = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let name = name.read().expect("a name").clone();
                    let path = format!("/api/collections/{name}/records");
                    let answer = client.post(&path, &json!({"title": "kept"}));
                    match answer.status {
                        200 => {
                            let id = answer.json()["id"].as_str().expect("an id").to_owned();
                            accepted.push(id);
                        }
                        // Begun under the old name or the old fields.
                        400 | 404 => _ = answer.envelope(answer.status),
                        _ => panic!("{answer:?}"),
                    }
                }
                accepted
            })
        })
        .collect();

    for number in 0..CHANGES {
        let old = name.read().expect("a name").clone();
        let new = format!("moving{number}");
        let fields = json!([
            {"name": "title", "type": "text"},
            {"name": format!("extra{number}"), "type": "number"},
        ]);
        let index = format!("CREATE INDEX idx_moving ON {new} (extra{number})");
        let change = json!({"name": new, "fields": fields, "indexes": [index]});
        api.client
            .call("PATCH", &format!("/api/collections/{old}"), &change)
            .expect(200);
        *name.write().expect("a name") = new;
    }
    done.store(true, Ordering::Relaxed);
    let mut accepted: Vec<String> = writers
        .into_iter()
        .flat_map(|writer| writer.join().expect("a writer"))
        .collect();
    accepted.sort();
    assert!(!accepted.is_empty());
    let name = name.read().expect("a name").clone();
    assert_eq!(api.ids(&name), accepted);
    let last = format!("extra{}", CHANGES - 1);
    let record = api.create(&name, json!({"title": "after", &last: 5}));
    assert_eq!(record[&last], 5);
}
