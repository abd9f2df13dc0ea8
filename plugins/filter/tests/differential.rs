//! Runs the same filters against a real PocketBase and against PostgreSQL and compares the records they find.
//!
//! Needs `HANGAR_TEST_POSTGRES` (a connection URL for `psql`) and `HANGAR_TEST_POCKETBASE` (path of the binary, 0.40.6);
//! without them it says so and passes. `tests/data/differential.txt` has the cases: `who | collection | filter | sort`,
//! where who is `su`, `bob` or `guest` for the request's own filter and `rule:bob` or `rule:guest` for a list rule;
//! `update:bob | collection/id | rule | body` and `create:bob | collection | rule | body` test the other rules. A line
//! that starts with `!` is a declared difference: it must differ.

mod support;

use std::env::var;

use hangar_filter::schema::Collection;
use hangar_filter::{
    Auth, Error, Options, Query, Request, Scope, Value, check_client, parse, quote, validate,
};
use serde_json::{Map, Value as Json, json};
use support::http::encode;
use support::pocketbase::PocketBase;
use support::postgres::{Postgres, SCHEMA, literal};
use support::seed::{Seed, parse as parse_seed};

/// Ids found (sorted unless the case sorts), or the status of the refusal.
type Outcome = Result<Vec<String>, u16>;

struct Case<'c> {
    mode: &'c str,
    who: &'c str,
    collection: &'c str,
    filter: &'c str,
    /// Sort list or JSON body.
    extra: &'c str,
}

struct Bench {
    seed: Seed,
    pocketbase: PocketBase,
    postgres: Postgres,
    bob: String,
}

#[test]
fn same_records_as_pocketbase() {
    let (Ok(url), Ok(binary)) = (var("HANGAR_TEST_POSTGRES"), var("HANGAR_TEST_POCKETBASE")) else {
        eprintln!("skipped: HANGAR_TEST_POSTGRES and HANGAR_TEST_POCKETBASE are not set");
        return;
    };
    let seed = parse_seed(include_str!("data/seed.json"));
    let pocketbase = PocketBase::start(&binary, &seed);
    let bob = pocketbase.log_in("people", "bob@example.com");
    let postgres = Postgres::start(&url, &seed);
    let mut bench = Bench {
        seed,
        pocketbase,
        postgres,
        bob,
    };

    let (mut agreed, mut declared, mut failures) = (0, 0, Vec::new());
    for line in include_str!("data/differential.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (differs, line) = line
            .strip_prefix('!')
            .map_or((false, line), |line| (true, line));
        let parts: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let (mode, who) = parts[0].split_once(':').unwrap_or(("filter", parts[0]));
        let extra = parts.get(3).copied().unwrap_or_default();
        let case = Case {
            mode,
            who,
            collection: parts[1],
            filter: parts[2],
            extra,
        };
        let theirs = bench.theirs(&case);
        let ours = bench.ours(&case);
        match (ours.as_ref() == Ok(&theirs), differs) {
            (true, false) => agreed += 1,
            (false, true) => declared += 1,
            _ => failures.push(format!(
                "{line}\n    PocketBase {theirs:?}\n    Hangar     {ours:?}"
            )),
        }
    }
    eprintln!(
        "{agreed} filters agree, {declared} differ as declared, {} unexpected",
        failures.len()
    );
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn ids(body: &Json, sorted: bool) -> Vec<String> {
    let items = body["items"].as_array().into_iter().flatten();
    let mut ids: Vec<String> = items
        .map(|item| item["id"].as_str().unwrap_or_default().to_owned())
        .collect();
    if !sorted {
        ids.sort();
    }
    ids
}

impl Bench {
    fn token(&self, who: &str) -> &str {
        match who {
            "su" => &self.pocketbase.superuser,
            "bob" => &self.bob,
            _ => "",
        }
    }

    fn request(&self, who: &str) -> Request {
        let auth = (who == "bob").then(|| Auth {
            collection: "people".to_owned(),
            record: self.seed.record("people", "bob"),
        });
        let query = json!({"skipTotal": "1", "perPage": "100", "q": "first"})
            .as_object()
            .cloned()
            .unwrap_or_default();
        let headers = json!({"x_token": "abc"})
            .as_object()
            .cloned()
            .unwrap_or_default();
        Request {
            auth,
            query,
            headers,
            ..Request::default()
        }
    }

    fn theirs(&mut self, case: &Case<'_>) -> Outcome {
        let name = case.collection.split('/').next().unwrap_or_default();
        let path = format!("/api/collections/{name}");
        let rule = match case.mode {
            "filter" => None,
            "rule" => Some("listRule"),
            "update" => Some("updateRule"),
            _ => Some("createRule"),
        };
        if let Some(rule) = rule {
            let (status, _) =
                self.pocketbase
                    .call("PATCH", &path, Some(&json!({rule: case.filter})));
            if status != 200 {
                return Err(status);
            }
        }
        let token = self.token(case.who).to_owned();
        let outcome = match case.mode {
            "filter" | "rule" => {
                let filter = if case.mode == "filter" {
                    case.filter
                } else {
                    ""
                };
                let query = format!(
                    "skipTotal=1&perPage=100&q=first&filter={}&sort={}",
                    encode(filter),
                    encode(case.extra)
                );
                let (status, body) = self.pocketbase.call_as(
                    &token,
                    "GET",
                    &format!("{path}/records?{query}"),
                    None,
                );
                if status == 200 {
                    Ok(ids(&body, !case.extra.is_empty()))
                } else {
                    Err(status)
                }
            }
            "update" => self.update(case, &token),
            _ => self.create(case, &token),
        };
        if let Some(rule) = rule {
            let value = if rule == "listRule" {
                json!("")
            } else {
                Json::Null
            };
            self.pocketbase
                .call("PATCH", &path, Some(&json!({rule: value})));
        }
        outcome
    }

    /// Found means allowed; the record is put back.
    fn update(&mut self, case: &Case<'_>, token: &str) -> Outcome {
        let (name, id) = case.collection.split_once('/').expect("collection/id");
        let path = format!("/api/collections/{name}/records/{id}");
        let (status, _) = self
            .pocketbase
            .call_as(token, "PATCH", &path, Some(&body(case)));
        if status != 200 {
            return Ok(Vec::new());
        }
        let original = Json::Object(self.seed.record(name, id));
        assert_eq!(self.pocketbase.call("PATCH", &path, Some(&original)).0, 200);
        Ok(vec![id.to_owned()])
    }

    fn create(&mut self, case: &Case<'_>, token: &str) -> Outcome {
        let path = format!("/api/collections/{}/records", case.collection);
        let (status, created) = self
            .pocketbase
            .call_as(token, "POST", &path, Some(&body(case)));
        if status != 200 {
            return Ok(Vec::new());
        }
        let id = created["id"].as_str().unwrap_or_default();
        self.pocketbase
            .call("DELETE", &format!("{path}/{id}"), None);
        Ok(vec!["new".to_owned()])
    }

    /// The same through the compiler; the outer error is one of PostgreSQL.
    fn ours(&mut self, case: &Case<'_>) -> Result<Outcome, String> {
        let name = case.collection.split('/').next().unwrap_or_default();
        let mut request = self.request(case.who);
        if !matches!(case.mode, "filter" | "rule") {
            request.method = if case.mode == "create" {
                "POST"
            } else {
                "PATCH"
            }
            .to_owned();
            request.body = body(case).as_object().cloned().unwrap_or_default();
        }
        let collections = self.seed.collections.clone();
        let collection = collections
            .iter()
            .find(|found| found.name == name)
            .expect("a seeded collection");
        let (sql, params) = match compile(case, &collections, collection, &request) {
            Ok(compiled) => compiled,
            Err(error) => return Ok(Err(error.status())),
        };
        let mut ids = self
            .postgres
            .query(&sql, &params)
            .map_err(|error| format!("{error} in {sql}"))?;
        if case.extra.is_empty() {
            ids.sort();
        }
        if case.mode == "create" {
            ids.iter_mut().for_each(|id| *id = "new".to_owned());
        }
        Ok(Ok(ids))
    }
}

fn body(case: &Case<'_>) -> Json {
    serde_json::from_str(case.extra).expect("the body is JSON")
}

fn compile(
    case: &Case<'_>,
    collections: &[Collection],
    collection: &Collection,
    request: &Request,
) -> Result<(String, Vec<Value>), Error> {
    let scope = if case.mode == "filter" {
        Scope::Client {
            superuser: case.who == "su",
        }
    } else {
        Scope::Rule
    };
    let sort = if matches!(case.mode, "filter" | "rule") {
        case.extra
    } else {
        ""
    };
    if scope == (Scope::Client { superuser: false }) {
        check_client(case.filter, sort)?;
    }
    if scope == Scope::Rule {
        validate(&collections, collection, case.filter)?;
    }
    let cte = (case.mode == "create").then_some("submitted");
    let mut query = Query::new(
        &collections,
        collection,
        request,
        Options {
            schema: SCHEMA,
            related: SCHEMA,
            cte,
            ..Options::default()
        },
    );
    if !case.filter.is_empty() {
        query.filter(&parse(case.filter)?, scope)?;
    }
    query.sort(
        sort,
        Scope::Client {
            superuser: case.who == "su",
        },
    )?;
    if let ("update", Some((_, id))) = (case.mode, case.collection.split_once('/')) {
        let id = query.param(Value::Text(id.to_owned()));
        let condition = format!("{}.\"id\" = {id}::text", query.alias());
        query.condition(&condition);
    }
    let alias = query.alias().to_owned();
    let built = query.finish();
    let with = if cte.is_some() {
        submitted(collection, &request.body)
    } else {
        String::new()
    };
    let order = if built.order_by.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", built.order_by)
    };
    let sql = format!(
        "{with}SELECT {alias}.\"id\" FROM {} WHERE {}{order}",
        built.from, built.where_sql
    );
    Ok((sql, built.params))
}

/// A CTE of one row with the submitted values.
fn submitted(collection: &Collection, body: &Map<String, Json>) -> String {
    let columns: Vec<String> = collection
        .fields
        .iter()
        .map(|field| {
            let value = if field.name == "id" {
                body.get("id").cloned().unwrap_or_else(|| json!("(new)"))
            } else {
                body.get(&field.name).cloned().unwrap_or_default()
            };
            format!("{} AS {}", literal(field, &value), quote(&field.name))
        })
        .collect();
    format!(
        "WITH \"submitted\" AS (SELECT {}, 0::bigint AS \"_rowid_\") ",
        columns.join(", ")
    )
}
