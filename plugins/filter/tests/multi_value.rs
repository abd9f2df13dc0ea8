//! The table of multi-valued comparisons that was observed on a real PocketBase (`tests/data/multi.txt`), run on
//! PostgreSQL. Needs `HANGAR_TEST_POSTGRES`; without it, it says so and passes.

mod support;

use hangar_filter::{Options, Query, Request, Scope, parse};
use support::postgres::{Postgres, SCHEMA};

#[test]
fn observed_table() {
    let Ok(url) = std::env::var("HANGAR_TEST_POSTGRES") else {
        eprintln!("skipped: HANGAR_TEST_POSTGRES is not set");
        return;
    };
    let seed = support::seed::parse(include_str!("data/multi.json"));
    let mut postgres = Postgres::start(&url, &seed);
    let request = Request::default();
    let mut checked = 0;
    for line in include_str!("data/multi.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let collection = seed
            .collections
            .iter()
            .find(|found| found.name == parts[0])
            .expect("a seeded collection");
        let options = Options {
            schema: SCHEMA,
            related: SCHEMA,
            ..Options::default()
        };
        let mut query = Query::new(&seed.collections, collection, &request, options);
        query
            .filter(
                &parse(parts[1]).expect(line),
                Scope::Client { superuser: true },
            )
            .expect(line);
        let alias = query.alias().to_owned();
        let built = query.finish();
        let sql = format!(
            "SELECT {alias}.\"id\" FROM {} WHERE {} ORDER BY 1",
            built.from, built.where_sql
        );
        let found = postgres.query(&sql, &built.params).expect(line);
        assert_eq!(
            found,
            parts[2].split_whitespace().collect::<Vec<_>>(),
            "{line}"
        );
        let counted = format!(
            "SELECT count(*) FROM {} WHERE {}",
            built.count_from, built.where_sql
        );
        let count = postgres.query(&counted, &built.params).expect(line);
        assert_eq!(count, [found.len().to_string()], "{line}");
        checked += 1;
    }
    assert_eq!(checked, 22);
}
