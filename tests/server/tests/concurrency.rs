//! Many clients on the same records: nothing is lost, nothing happens twice.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use hangar_tests::{Api, Client, Load, Server, Site};
use serde_json::{Value, json};

const CLIENTS: usize = 32;

#[test]
fn increments_of_many_clients_add_up() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let ids: Vec<String> = (0..3)
        .map(|_| {
            api.create("notes", json!({"count": 0}))["id"]
                .as_str()
                .expect("an id")
                .to_owned()
        })
        .collect();
    let threads: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (ids, address) = (ids.clone(), server.address);
            std::thread::spawn(move || {
                let mut client = Client::new(address);
                for round in 0..30 {
                    let path = format!(
                        "/api/collections/notes/records/{}",
                        ids[(number + round) % ids.len()]
                    );
                    // Not repeated on an error: it would count twice.
                    let answer = client
                        .send("PATCH", &path, &json!({"count+": 2}))
                        .expect("an answer");
                    answer.expect(200);
                    if round % 3 == 0 {
                        let answer = client
                            .send("PATCH", &path, &json!({"count-": 1}))
                            .expect("an answer");
                        answer.expect(200);
                    }
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("every increment is accepted"));
    let counts: Vec<f64> = ids
        .iter()
        .map(|id| {
            api.client
                .get(&format!("/api/collections/notes/records/{id}"))
                .expect(200)["count"]
                .as_f64()
                .expect("a number")
        })
        .collect();
    let expected = (CLIENTS * (30 * 2 - 10)) as f64;
    assert_eq!(counts.iter().sum::<f64>(), expected, "{counts:?}");
    server.stop();
}

#[test]
fn a_race_for_a_unique_value_has_one_winner_and_clear_losers() {
    let site = Site::new();
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    let body = json!({
        "name": "slots", "type": "base", "fields": [{"name": "slot", "type": "text"}],
        "indexes": ["CREATE UNIQUE INDEX `idx_slot` ON `slots` (`slot`)"],
        "listRule": "", "createRule": "",
    });
    api.client.post("/api/collections", &body).expect(200);
    let (winners, losers) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let barrier = Arc::new(Barrier::new(CLIENTS));
    let threads: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (winners, losers, barrier, address) = (
                winners.clone(),
                losers.clone(),
                barrier.clone(),
                server.address,
            );
            std::thread::spawn(move || {
                let mut client = Client::new(address);
                client.get("/api/health").expect(200);
                for round in 0..10 {
                    barrier.wait();
                    let record = json!({"slot": format!("slot {round}")});
                    let answer = client
                        .send("POST", "/api/collections/slots/records", &record)
                        .expect("an answer");
                    if answer.status == 200 {
                        winners.fetch_add(1, Ordering::Relaxed);
                    } else {
                        answer.envelope(400);
                        assert_eq!(
                            answer.json()["data"]["slot"]["code"],
                            "validation_not_unique",
                            "{}",
                            answer.text()
                        );
                        losers.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("every loser is told why"));
    assert_eq!(
        (
            winners.load(Ordering::Relaxed),
            losers.load(Ordering::Relaxed)
        ),
        (10, 310)
    );
    assert_eq!(api.ids("slots").len(), 10);
    server.assert_alive();
    server.stop();
}

/// Sends one batch from each of many clients at once; all must be answered with 200.
fn batches(address: SocketAddr, token: &str, requests: impl Fn(usize) -> Value) {
    let threads: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (token, body) = (token.to_owned(), json!({"requests": requests(number)}));
            std::thread::spawn(move || {
                let mut client = Client::new(address);
                client.token = token;
                let answer = client.send("POST", "/api/batch", &body);
                answer.expect("an answer").expect(200);
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("every batch goes through");
    }
}

fn ready_for_batches(site: &Site) -> (Server, Api) {
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let settings = json!({"batch": {"enabled": true, "maxRequests": 50, "timeout": 20}});
    let answer = api.client.send("PATCH", "/api/settings", &settings);
    answer.expect("an answer").expect(200);
    (server, api)
}

#[test]
fn batches_that_cross_each_other_all_go_through() {
    let site = Site::new();
    let (server, mut api) = ready_for_batches(&site);
    let paths: Vec<String> = (0..2)
        .map(|_| {
            let note = api.create("notes", json!({"count": 0}));
            let id = note["id"].as_str().expect("an id").to_owned();
            format!("/api/collections/notes/records/{id}")
        })
        .collect();
    let token = api.client.token.clone();
    batches(server.address, &token, |number| {
        let change = |path: &String| json!({"method": "PATCH", "url": path, "body": {"count+": 1}});
        let mut requests: Vec<Value> = paths.iter().map(change).collect();
        if number % 2 == 1 {
            requests.reverse();
        }
        requests.into()
    });
    for path in &paths {
        assert_eq!(api.client.get(path).expect(200)["count"], json!(CLIENTS));
    }
}

#[test]
fn one_id_may_be_put_by_many_at_once() {
    let site = Site::new();
    let (server, mut api) = ready_for_batches(&site);
    let token = api.client.token.clone();
    batches(server.address, &token, |_| {
        let body = json!({"id": "putputputputput", "count+": 1});
        json!([{"method": "PUT", "url": "/api/collections/notes/records", "body": body}])
    });
    let note = api
        .client
        .get("/api/collections/notes/records/putputputputput");
    assert_eq!(note.expect(200)["count"], json!(CLIENTS));
}

#[test]
fn a_collection_changes_while_records_come_in() {
    let site = Site::new();
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let load = writers_and_readers(server.address);
    let mut fields = vec![
        json!({"name": "title", "type": "text"}),
        json!({"name": "count", "type": "number"}),
    ];
    for round in 0..5 {
        fields.push(json!({"name": format!("extra{round}"), "type": "text"}));
        let index = format!("CREATE INDEX `idx_{round}` ON `notes` (`title`)");
        let change = json!({"fields": fields, "indexes": [index]});
        api.client
            .call("PATCH", "/api/collections/notes", &change)
            .expect(200);
        std::thread::sleep(Duration::from_millis(150));
    }
    load.stop_without_failure(50);
    let load = writers_and_readers(server.address);
    // Requests that have begun with a field which is then removed may be refused, but no more than that.
    fields.truncate(2);
    api.client
        .call(
            "PATCH",
            "/api/collections/notes",
            &json!({"fields": fields}),
        )
        .expect(200);
    std::thread::sleep(Duration::from_millis(300));
    let (done, failures) = load.stop();
    assert!(done > 10, "{done} went well, but: {failures:#?}");
    for failure in failures {
        assert!(failure.contains(": 400 {"), "{failure}");
    }
    writers_and_readers_once(server.address);
    let path = "/api/collections/notes/records?perPage=1";
    let last = api.client.get(path).expect(200)["items"][0].clone();
    assert_eq!(last.get("extra4"), None);
    server.assert_alive();
    server.stop();
}

fn writers_and_readers(address: SocketAddr) -> Load {
    Load::start(8, move |_| {
        let mut client = Client::new(address);
        move || write_and_read(&mut client)
    })
}

fn writers_and_readers_once(address: SocketAddr) {
    for _ in 0..20 {
        assert_eq!(write_and_read(&mut Client::new(address)), Ok(()));
    }
}

fn write_and_read(client: &mut Client) -> Result<(), String> {
    let record = json!({"title": "during the change"});
    Server::ask(client, "POST", "/api/collections/notes/records", &record)?;
    let path = "/api/collections/notes/records?perPage=5&sort=-title";
    Server::ask(client, "GET", path, &Value::Null).map(drop)
}
