//! Lists of more records than a test makes one by one.

use hangar_tests::{Api, Site};
use serde_json::json;

#[test]
fn far_pages_go_on_where_near_ones_end() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let many = "INSERT INTO notes (id, title, count) \
                SELECT lpad(n::text, 15, '0'), 'of many', n FROM generate_series(1, 1250) AS n";
    api.client
        .post("/api/sql", &json!({"query": many}))
        .expect(200);
    let mut guest = server.client();
    // Plain, filtered, by a pattern (which is planned each time), and the way of `expand` and `fields`.
    for query in [
        "",
        "&filter=count%3E0",
        "&filter=title~'many'",
        "&fields=count",
    ] {
        let mut next = 1_250;
        for page in 1..=14 {
            let path = format!(
                "/api/collections/notes/records?sort=-count&perPage=100&page={page}{query}"
            );
            let answer = guest.get(&path).expect(200);
            for item in answer["items"].as_array().expect("items") {
                assert_eq!(item["count"], next, "{path}");
                next -= 1;
            }
            if !query.contains("fields") {
                assert_eq!(answer["totalItems"], 1_250, "{path}");
            }
        }
        assert_eq!(next, 0, "{query}");
    }
}
