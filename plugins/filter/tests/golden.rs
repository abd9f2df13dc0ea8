//! Filter to SQL. `tests/data/golden.txt` has blocks: a line `scope | collection | filter | sort` (scope `rule`, `su` or
//! `client`), then the lines of what is built, or `error 400 message`. Run with `UPDATE_GOLDEN=1` to write what is built
//! now, and read the difference before keeping it.

mod support;

use hangar_filter::{Auth, Error, Options, Query, Request, Scope, check_client, parse};
use support::seed::{Seed, parse as parse_seed};

#[test]
fn sql_of_filters() {
    // Cargo runs tests in the folder of their package.
    let path = "tests/data/golden.txt";
    let wanted = std::fs::read_to_string(path).expect("golden.txt is there");
    let seed = parse_seed(include_str!("data/seed.json"));
    let mut actual = String::new();
    for line in wanted.lines().filter(|line| !line.starts_with("  ")) {
        actual += line;
        actual += "\n";
        if !line.is_empty() && !line.starts_with('#') {
            actual += &describe(&seed, line)
                .unwrap_or_else(|error| format!("  error {} {error}\n", error.status()));
        }
    }
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(path, &actual).expect("golden.txt can be written");
    }
    for (wanted, actual) in wanted.lines().zip(actual.lines()) {
        assert_eq!(wanted, actual);
    }
    assert_eq!(wanted.lines().count(), actual.lines().count());
}

fn describe(seed: &Seed, line: &str) -> Result<String, Error> {
    let parts: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let sort = parts.get(3).copied().unwrap_or_default();
    let scope = match parts[0] {
        "rule" => Scope::Rule,
        who => Scope::Client {
            superuser: who == "su",
        },
    };
    if scope == (Scope::Client { superuser: false }) {
        check_client(parts[2], sort)?;
    }
    let mut record = seed.record("people", "bob");
    // As in the API, which carries no secrets about.
    record.remove("tokenKey");
    let request = Request {
        auth: Some(Auth {
            collection: "people".to_owned(),
            record,
        }),
        now_ms: 0,
        ..Request::default()
    };
    let collection = seed
        .collections
        .iter()
        .find(|found| found.name == parts[1])
        .expect("a seeded collection");
    let mut query = Query::new(&seed.collections, collection, &request, Options::default());
    if !parts[2].is_empty() {
        query.filter(&parse(parts[2])?, scope)?;
    }
    query.sort(sort, scope)?;
    let built = query.finish();
    let mut text = format!("  from {}\n", built.from);
    if built.count_from != built.from {
        text += &format!("  count {}\n", built.count_from);
    }
    text += &format!("  where {}\n", built.where_sql);
    if !sort.is_empty() {
        text += &format!("  order {}\n", built.order_by);
    }
    if !built.params.is_empty() {
        text += &format!("  params {:?}\n", built.params);
    }
    Ok(text)
}
