//! Arbitrary `expand`, `fields` and view queries sent to a server: what clients write badly is told to them or left
//! out, and nothing takes long.
//!
//! `HANGAR_FUZZ_REQUESTS` is how many of each are sent (1,000 if it is not set), `HANGAR_FUZZ_SEED` which.

use std::time::{Duration, Instant};

use hangar_tests::{Api, Client, Server, Site};
use serde_json::{Value, json};

/// No request takes longer, by far.
const PATIENCE: Duration = Duration::from_secs(5);

const NAMES: [&str; 28] = [
    "author",
    "friends",
    "parent",
    "books_via_author",
    "books_via_parent",
    "people_via_friends",
    "books(author)",
    "books(parent)",
    "name",
    "title",
    "id",
    "nope",
    "expand",
    "*",
    "collectionId",
    "_superusers_via_id",
    "users_via_x",
    "BOOKS_via_author",
    "",
    " ",
    "é",
    "😀",
    "'",
    "\"",
    "%",
    "\0",
    ":excerpt(3,true)",
    ":each",
];
const JOINTS: [&str; 12] = [
    ".",
    ".",
    ".",
    ",",
    ",",
    "..",
    "._via_",
    "(",
    ")",
    ":",
    ":excerpt(",
    ".expand.",
];
const SQL: [&str; 34] = [
    "select ",
    "id",
    "b.id",
    "*",
    "title",
    "a.name",
    ", ",
    " from ",
    "books",
    "books b",
    "people a",
    " join people a on a.id = b.author",
    " where ",
    " = ",
    " is not ",
    "'x'",
    "''",
    "1",
    "null",
    "count(*)",
    " group by id",
    " order by title",
    " limit 1",
    "(",
    ")",
    "json_extract(title, '$.a')",
    "->>",
    "||",
    "strftime('%Y', 'now')",
    "case when 1 then 2 end",
    " as x",
    "--",
    "😀",
    "pg_read_file('/etc/passwd')",
];

/// A small generator of numbers: the same seed gives the same test.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % bound
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

fn paths(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(14) {
        text += random.one(&NAMES);
        text += random.one(&JOINTS);
    }
    if random.below(20) == 0 {
        text = text.repeat(1 + random.below(60));
    }
    text.chars().take(4000).collect()
}

fn view(random: &mut Random) -> String {
    let columns = random.one(&[
        "id",
        "b.id, title",
        "b.id, a.name",
        "id, title || 1 as x",
        "*",
    ]);
    let mut text = format!(
        "select {columns} from {}",
        random.one(&["books", "books b", "books b, people a"])
    );
    for _ in 0..random.below(6) {
        text += random.one(&SQL);
    }
    if random.below(3) == 0 {
        text = (0..random.below(20)).map(|_| random.one(&SQL)).collect();
    }
    text
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn library(server: &Server) -> Api {
    let mut api = Api::sign_in(server.address);
    let id = |made: Value| made["id"].as_str().expect("an id").to_owned();
    let relation = |name: &str, to: &str, most: u32| json!({"name": name, "type": "relation", "collectionId": to, "maxSelect": most});
    let mut made = |name: &str, field: Value| {
        let body = json!({"name": name, "listRule": "", "viewRule": "", "fields": [field]});
        id(api.client.post("/api/collections", &body).expect(200))
    };
    let people = made("people", json!({"name": "name", "type": "text"}));
    let books = made("books", json!({"name": "title", "type": "text"}));
    for (name, fields) in [
        ("people", vec![relation("friends", &people, 9)]),
        (
            "books",
            vec![
                relation("author", &people, 1),
                relation("parent", &books, 1),
            ],
        ),
    ] {
        let path = format!("/api/collections/{name}");
        let mut all = api.client.get(&path).expect(200)["fields"]
            .as_array()
            .cloned()
            .expect("fields");
        all.extend(fields);
        api.client
            .call("PATCH", &path, &json!({"fields": all}))
            .expect(200);
    }
    let ada = id(api.create("people", json!({"name": "Ada"})));
    let bob = id(api.create("people", json!({"name": "Bob", "friends": [ada]})));
    let path = format!("/api/collections/people/records/{ada}");
    api.client
        .call("PATCH", &path, &json!({"friends": [ada, bob]}))
        .expect(200);
    let first = id(api.create("books", json!({"title": "One", "author": ada})));
    let second = id(api.create(
        "books",
        json!({"title": "Two", "author": bob, "parent": first}),
    ));
    let path = format!("/api/collections/books/records/{first}");
    api.client
        .call("PATCH", &path, &json!({"parent": second}))
        .expect(200);
    api
}

#[test]
fn any_expand_fields_and_view() {
    let site = Site::new();
    let server = site.start();
    let mut api = library(&server);
    let mut guest = Client::new(server.address);
    let requests = number("HANGAR_FUZZ_REQUESTS", 1000);
    let mut random = Random(number("HANGAR_FUZZ_SEED", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut fine, mut slowest) = (0_u64, Duration::ZERO);
    let mut judge = |what: String, status: u16, began: Instant| {
        let took = began.elapsed();
        assert!(took < PATIENCE, "{what:?} took {took:?}");
        slowest = slowest.max(took);
        fine += u64::from(status == 200);
        assert!(matches!(status, 200 | 400), "{what:?}: status {status}");
    };
    for _ in 0..requests {
        let (expand, fields) = (paths(&mut random), paths(&mut random));
        let (expanded, picked) = (encoded(&expand), encoded(&fields));
        let query = match random.below(3) {
            0 => format!("expand={expanded}"),
            1 => format!("fields={picked}"),
            _ => format!("expand={expanded}&fields={picked}"),
        };
        let began = Instant::now();
        let answer = guest.get(&format!("/api/collections/books/records?{query}"));
        judge(
            format!("expand {expand:?} fields {fields:?}"),
            answer.status,
            began,
        );
        let query = view(&mut random);
        let began = Instant::now();
        let path = "/api/collections/meta/dry-run-view";
        let answer = api.client.post(path, &json!({"query": query}));
        assert!(!answer.text().contains("root:"), "{query:?} reads a file");
        judge(query, answer.status, began);
    }
    eprintln!(
        "{} requests, {fine} of them answered, the slowest in {slowest:?}",
        requests * 2
    );
}
