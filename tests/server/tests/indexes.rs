//! Index texts beyond SQLite's serve the filters they are made for (docs/decisions/0009-indexes.md).

use hangar_tests::{Api, Site};
use serde_json::{Value, json};

/// Runs SQL as the superuser; answers the rows.
fn sql(api: &mut Api, query: &str) -> Value {
    let answer = api.client.post("/api/sql", &json!({"query": query}));
    answer.expect(200)["rows"].clone()
}

#[test]
fn filters_use_the_indexes_made_for_them() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let indexes = [
        "CREATE INDEX idx_trigrams ON notes USING gin (title gin_trgm_ops)",
        "CREATE INDEX idx_path ON notes (json_extract(data, '$.a.b'))",
    ];
    let body = json!({
        "name": "notes", "listRule": "",
        "fields": [{"name": "title", "type": "text"}, {"name": "data", "type": "json"}],
    });
    api.client.post("/api/collections", &body).expect(200);
    sql(
        &mut api,
        "INSERT INTO notes (id, title, data) SELECT lpad(n::text, 15, '0'), 'Note ' || md5(n::text), \
         jsonb_build_object('a', jsonb_build_object('b', 'v' || n)) FROM generate_series(1, 20000) AS n",
    );
    // Made when the records are there: what is added to a GIN index later waits in a list until the next VACUUM.
    let change = json!({"indexes": indexes});
    let path = "/api/collections/notes";
    let changed = api.client.call("PATCH", path, &change).expect(200);
    assert_eq!(changed["indexes"], json!(indexes));
    sql(&mut api, "ANALYZE notes");
    // What the database counts of an index arrives a little later.
    let used = |api: &mut Api, index: &str, filter: &str| {
        let query = format!(
            "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes WHERE indexrelname = '{index}'"
        );
        for _ in 0..50 {
            let path = format!("/api/collections/notes/records?skipTotal=true&filter={filter}");
            let found = api.client.get(&path).expect(200);
            assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
            if sql(api, &query)[0][0] != "0" {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        false
    };
    // md5 of 4711.
    let word = "title~'B52340B4DE45'".replace('\'', "%27");
    assert!(used(&mut api, "idx_trigrams", &word), "{word} scans");
    let path = "data.a.b='v4711'".replace('\'', "%27").replace('=', "%3D");
    assert!(used(&mut api, "idx_path", &path), "{path} scans");

    api.client
        .call("PATCH", "/api/collections/notes", &json!({"indexes": []}))
        .expect(200);
    let left = sql(
        &mut api,
        "SELECT count(*) FROM pg_stat_user_indexes WHERE indexrelname IN ('idx_trigrams', 'idx_path')",
    );
    assert_eq!(left, json!([["0"]]));
}
