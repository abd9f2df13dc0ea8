//! Rules compiled into queries and rules compiled into policies show the same records.
//!
//! Needs `HANGAR_TEST_POSTGRES`; without it, it says so and passes. Every filter and rule of `data/differential.txt` is
//! taken as a rule, for a guest and for Bob: once compiled into the query, as the API does, and once as a policy that
//! a direct connection under the API role meets. (That the former agree with PocketBase is what `differential.rs` tests.)

mod support;

use std::collections::BTreeSet;

use hangar_filter::policy::{self, Rules};
use hangar_filter::schema::{Collection, CollectionKind};
use hangar_filter::{Auth, Options, Query, Request, Scope, Value, parse, quote, validate};
use serde_json::{Map, Value as Json, json};
use support::postgres::{Postgres, literal};
use support::seed::{Seed, parse as parse_seed};

struct Bench {
    seed: Seed,
    postgres: Postgres,
}

fn bench() -> Option<Bench> {
    let Ok(url) = std::env::var("HANGAR_TEST_POSTGRES") else {
        eprintln!("skipped: HANGAR_TEST_POSTGRES is not set");
        return None;
    };
    let seed = parse_seed(include_str!("data/seed.json"));
    let mut postgres = Postgres::start_in("public", &url, &seed);
    for sql in [
        policy::SESSION_SQL,
        policy::ROLES_SQL,
        "DROP SCHEMA IF EXISTS hangar_rls CASCADE",
        policy::SCHEMA_SQL,
    ] {
        postgres.run(&format!("{sql};")).expect("the frame is made");
    }
    for collection in &seed.collections {
        let sql = policy::enclose(collection);
        postgres
            .run(&format!("{sql};"))
            .expect("policies can be made");
    }
    Some(Bench { seed, postgres })
}

/// A case as both ways take it.
struct Case<'c> {
    kind: &'c str,
    bob: bool,
    collection: &'c str,
    id: &'c str,
    rule: &'c str,
    body: Map<String, Json>,
}

/// What one of the ways answers: ids, or the error of the database.
type Outcome = Result<BTreeSet<String>, String>;

impl Bench {
    fn collection(&self, name: &str) -> Collection {
        let mut all = self.seed.collections.iter();
        let found = all.find(|found| found.name == name);
        found.expect("a seeded collection").clone()
    }

    fn request(&self, case: &Case<'_>) -> Request {
        let object = |value: Json| value.as_object().cloned().unwrap_or_default();
        let method = match case.kind {
            "create" => "POST",
            "update" => "PATCH",
            _ => "GET",
        };
        Request {
            method: method.to_owned(),
            auth: case.bob.then(|| Auth {
                collection: "people".to_owned(),
                record: self.seed.record("people", "bob"),
            }),
            query: object(json!({"skipTotal": "1", "perPage": "100", "q": "first"})),
            headers: object(json!({"x_token": "abc"})),
            body: case.body.clone(),
            now_ms: 1_735_000_000_000,
            ..Request::default()
        }
    }

    /// As the API asks.
    fn inlined(&mut self, case: &Case<'_>) -> Outcome {
        let collections = self.seed.collections.clone();
        let collection = self.collection(case.collection);
        let request = self.request(case);
        let cte = (case.kind == "create").then_some("submitted");
        let options = Options {
            cte,
            ..Options::default()
        };
        let mut query = Query::new(&collections, &collection, &request, options);
        let expr = parse(case.rule).map_err(|error| error.message)?;
        query
            .filter(&expr, Scope::Rule)
            .map_err(|error| error.message)?;
        if case.kind == "update" {
            let id = query.param(Value::Text(case.id.to_owned()));
            let condition = format!("{}.\"id\" = {id}::text", query.alias());
            query.condition(&condition);
        }
        let alias = query.alias().to_owned();
        let built = query.finish();
        let with = match cte {
            Some(_) => submitted(&collection, &request.body),
            None => String::new(),
        };
        let sql = format!(
            "{with}SELECT {alias}.\"id\" FROM {} WHERE {}",
            built.from, built.where_sql
        );
        let found = self.postgres.query(&sql, &built.params)?;
        Ok(found.into_iter().collect())
    }

    /// Under the role, with the rule as a policy.
    fn direct(&mut self, case: &Case<'_>) -> Outcome {
        let collection = self.collection(case.collection);
        let mut rules = Rules {
            list: Some(case.rule),
            view: Some(case.rule),
            ..Rules::default()
        };
        match case.kind {
            "create" => rules.create = Some(case.rule),
            "update" => {
                (rules.list, rules.view, rules.update) = (Some(""), Some(""), Some(case.rule))
            }
            _ => {}
        }
        if case.kind == "create" {
            (rules.list, rules.view) = (Some(""), Some(""));
        }
        let people = self.collection("people");
        let schema = &self.seed.collections;
        let (policies, errors) = policy::policies(schema, &collection, &[&people], rules);
        // Denied, though what the request has might not have needed the path.
        if let (Some(error), true) = (errors.first(), policies.is_empty()) {
            return Err(format!("no policy: {error}"));
        }
        let request = self.request(case);
        let mut script = String::from("BEGIN; SET LOCAL client_min_messages = error; ");
        for policy in &policies {
            script += &format!("{}; ", policy.sql);
        }
        script += &format!("SET LOCAL ROLE {}; ", policy::API_ROLE);
        let set = |name: &str, value: Json| {
            let text = value.to_string().replace('\'', "''");
            let text = text.replace('\\', "\\\\");
            format!("DO $do$ BEGIN PERFORM set_config('{name}', E'{text}', true); END $do$; ")
        };
        if case.bob {
            script += &set("hangar.auth", json!({"collection": "people", "id": "bob"}));
        }
        script += &set(
            "hangar.request",
            json!({"method": request.method, "query": request.query, "headers": request.headers, "body": request.body, "now": "2024-12-24T00:26:40Z"}),
        );
        let table = format!("public.{}", quote(&collection.name));
        script += &match case.kind {
            "create" => insert(&collection, &table, &request.body),
            "update" => format!(
                "UPDATE {table} SET \"title\" = \"title\" WHERE \"id\" = '{}' RETURNING \"id\";",
                case.id
            ),
            _ => format!("SELECT \"id\" FROM {table};"),
        };
        let outcome = self.postgres.run(&script);
        self.postgres.run("ROLLBACK;").expect("it can be undone");
        match outcome {
            Err(error) if error.contains("row-level security") => Ok(BTreeSet::new()),
            other => Ok(other?.into_iter().collect()),
        }
    }
}

/// A CTE of one row with the submitted values.
fn submitted(collection: &Collection, body: &Map<String, Json>) -> String {
    let value = |name: &str| body.get(name).cloned().unwrap_or_default();
    let columns: Vec<String> = collection
        .fields
        .iter()
        .map(|field| {
            let sql = match field.name.as_str() {
                "id" => "'new'::text".to_owned(),
                name => literal(field, &value(name)),
            };
            format!("{sql} AS {}", quote(&field.name))
        })
        .collect();
    format!(
        "WITH \"submitted\" AS (SELECT {}, 0::bigint AS \"_rowid_\") ",
        columns.join(", ")
    )
}

fn insert(collection: &Collection, table: &str, body: &Map<String, Json>) -> String {
    let fields: Vec<_> = collection
        .fields
        .iter()
        .filter(|field| !field.hidden)
        .collect();
    let names: Vec<String> = fields.iter().map(|field| quote(&field.name)).collect();
    let values: Vec<String> = fields
        .iter()
        .map(|field| match field.name.as_str() {
            "id" => "'new'".to_owned(),
            name => literal(field, &body.get(name).cloned().unwrap_or_default()),
        })
        .collect();
    format!(
        "INSERT INTO {table} ({}) VALUES ({}) RETURNING \"id\";",
        names.join(", "),
        values.join(", ")
    )
}

#[test]
fn policies_show_what_the_api_shows() {
    let Some(mut bench) = bench() else { return };
    let (mut agreed, mut failures) = (0, Vec::new());
    let lines = include_str!("data/differential.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let line = line.strip_prefix('!').unwrap_or(line);
        let parts: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let kind = parts[0].split_once(':').map_or("filter", |(mode, _)| mode);
        let (name, id) = parts[1].split_once('/').unwrap_or((parts[1], ""));
        let collection = bench.collection(name);
        let rule = parts[2];
        if validate(&bench.seed.collections, &collection, rule).is_err() {
            continue;
        }
        // Records that can sign in are not made past the API.
        if kind == "create" && collection.kind == CollectionKind::Auth {
            continue;
        }
        let body = match kind {
            "create" | "update" => serde_json::from_str(parts[3]).expect("the body is JSON"),
            _ => Map::new(),
        };
        for bob in [false, true] {
            let case = Case {
                kind,
                bob,
                collection: name,
                id,
                rule,
                body: body.clone(),
            };
            let (inlined, direct) = (bench.inlined(&case), bench.direct(&case));
            // A rule that cannot be compiled for who asks shows nothing either way.
            let nothing = match &direct {
                Ok(found) => found.is_empty(),
                Err(error) => error.starts_with("no policy"),
            };
            if inlined == direct || inlined.is_err() && nothing {
                agreed += 1;
            } else {
                let who = if bob { "bob" } else { "guest" };
                failures.push(format!(
                    "{kind}:{who} {line}\n    inlined {inlined:?}\n    policy  {direct:?}"
                ));
            }
        }
    }
    eprintln!("{agreed} rules agree, {} do not", failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
