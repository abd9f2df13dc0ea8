//! Two ways to the records a rule shows: compiled into the query, as the API asks, and as a policy that a direct
//! connection under the API role meets.

use std::collections::BTreeSet;

use hangar_filter::policy::{self, Rules};
use hangar_filter::schema::{Collection, CollectionKind};
use hangar_filter::{Auth, Options, Query, Request, Scope, Value, parse, quote};
use serde_json::{Map, Value as Json, json};

use super::postgres::{Postgres, literal};
use super::seed::Seed;

/// A database with both ways.
pub struct Sides {
    pub seed: Seed,
    pub postgres: Postgres,
}

/// Fills the schema `public`; none if there is no database.
pub fn start(seed: Seed) -> Option<Sides> {
    let Ok(url) = std::env::var("HANGAR_TEST_POSTGRES") else {
        eprintln!("skipped: HANGAR_TEST_POSTGRES is not set");
        return None;
    };
    let mut postgres = Postgres::start_in("public", &url, &seed);
    for sql in [
        policy::SESSION_SQL,
        policy::ROLES_SQL,
        "DROP SCHEMA IF EXISTS hangar_rls, hangar_views CASCADE",
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
    Some(Sides { seed, postgres })
}

/// A case as both ways take it.
pub struct Case<'c> {
    /// `list`, `create` or `update`.
    pub kind: &'c str,
    /// Collection and id of who asks.
    pub who: Option<(&'c str, &'c str)>,
    pub collection: &'c str,
    /// What is updated.
    pub id: &'c str,
    pub rule: &'c str,
    pub body: Map<String, Json>,
}

/// What one of the ways answers: ids, or the error of the database.
pub type Outcome = Result<BTreeSet<String>, String>;

impl Sides {
    pub fn collection(&self, name: &str) -> Collection {
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
            auth: case.who.map(|(collection, id)| Auth {
                collection: collection.to_owned(),
                record: self.seed.record(collection, id),
            }),
            query: object(json!({"skipTotal": "1", "perPage": "100", "q": "first"})),
            headers: object(json!({"x_token": "abc"})),
            body: case.body.clone(),
            ..Request::default()
        }
    }

    /// As the API asks.
    pub fn inlined(&mut self, case: &Case<'_>) -> Outcome {
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
    pub fn direct(&mut self, case: &Case<'_>) -> Outcome {
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
        let schema = &self.seed.collections;
        let auth = schema.iter().filter(|one| one.kind == CollectionKind::Auth);
        let auth: Vec<&Collection> = auth.collect();
        let view = collection.kind == CollectionKind::View;
        let (policies, errors) = if view {
            let (shown, errors) = policy::shown(schema, &collection, &auth, rules);
            (vec![shown], errors)
        } else {
            policy::policies(schema, &collection, &auth, rules)
        };
        // Denied, though what the request has might not have needed the path.
        let nothing = policies.iter().all(|one| one.sql.contains("WHERE FALSE;"));
        if let (Some(error), true) = (errors.first(), nothing) {
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
        if let Some((collection, id)) = case.who {
            script += &set("hangar.auth", json!({"collection": collection, "id": id}));
        }
        script += &set(
            "hangar.request",
            json!({"method": request.method, "query": request.query, "headers": request.headers, "body": request.body, "now": hangar_model::date::format(request.now_ms)}),
        );
        let place = if view { policy::SHOWN } else { "public" };
        let table = format!("{place}.{}", quote(&collection.name));
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
