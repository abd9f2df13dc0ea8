//! Requests of a batch share what one request needs to know.

use hangar_tests::{Api, Site};
use serde_json::{Value, json};

const REQUESTS: i64 = 100;

/// How often the table of collections has been read. The database counts with a delay.
fn reads(api: &mut Api) -> i64 {
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let query = "SELECT (seq_scan + coalesce(idx_scan, 0))::text FROM pg_stat_user_tables \
                 WHERE schemaname = 'hangar_collections' AND relname = 'collections'";
    let answer = api.client.post("/api/sql", &json!({"query": query}));
    let rows = &answer.expect(200)["rows"];
    let count = rows[0][0].as_str().and_then(|text| text.parse().ok());
    count.unwrap_or_else(|| panic!("no count in {rows}"))
}

/// Each instance that a batch called read all collections anew, since it was within a transaction: 500 creates took more
/// CPU time than a call may.
#[test]
fn a_batch_does_not_read_the_collections_for_each_request() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let body =
        json!({"name": "notes", "createRule": "", "fields": [{"name": "n", "type": "number"}]});
    api.client.post("/api/collections", &body).expect(200);
    let batch = json!({"batch": {"enabled": true, "maxRequests": REQUESTS}});
    api.client
        .call("PATCH", "/api/settings", &batch)
        .expect(200);
    let requests: Vec<Value> = (0..REQUESTS)
        .map(|n| json!({"method": "POST", "url": "/api/collections/notes/records", "body": {"n": n}}))
        .collect();
    let before = reads(&mut api);
    let answer = api
        .client
        .post("/api/batch", &json!({"requests": requests}))
        .expect(200);
    assert_eq!(answer.as_array().map(Vec::len), Some(REQUESTS as usize));
    let after = reads(&mut api);
    assert!(
        after - before < REQUESTS / 2,
        "{} reads for {REQUESTS} requests",
        after - before
    );
}
