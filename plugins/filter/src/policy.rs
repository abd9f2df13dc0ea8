//! Rules as row-level security: the same tree, compiled by the same compiler, as policies of PostgreSQL.
//!
//! A rule becomes one policy for guests and one for each auth collection if it is about who asks, else one for all. A
//! null rule has none, which denies. They concern every role but the owner, so a dump can be loaded where the role
//! [`API_ROLE`] is not; what that role may touch at all is granted to it. Related records are read through views in the schema
//! [`VIEWS`], which belong to the owner of the tables, so that the policies of other tables do not apply within a rule,
//! as in the API.
//!
//! PostgreSQL has no policies for views. A view collection has a view of its own in the schema [`SHOWN`] instead, with the
//! same conditions.

use hangar_model::sql::literal;

use crate::error::Error;
use crate::parser::parse;
use crate::query::{Options, Query, quote};
use crate::request::Request;
use crate::schema::{Collection, CollectionKind, Field, FieldKind, Schema};
use crate::scope::Scope;
use crate::session::{AUTH_ID, Session};

/// Role of direct connections. It sees what the policies allow, and no hidden fields.
pub const API_ROLE: &str = "hangar_api";
/// Role the API itself reads under when it runs under the policies: a member of [`API_ROLE`] that sees all columns.
pub const SERVER_ROLE: &str = "hangar_server";
/// Schema of the views through which policies read related records. [`API_ROLE`] cannot name what is in it.
pub const VIEWS: &str = "hangar_rls";

/// Schema of the views through which view collections are read, each under the name of its collection.
pub const SHOWN: &str = "hangar_views";

/// SQL functions that policies call. They need those of [`crate::FUNCTIONS_SQL`]. Idempotent.
pub const SESSION_SQL: &str = include_str!("session.sql");

/// The rules of a collection. None: no policy.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Rules<'a> {
    pub list: Option<&'a str>,
    pub view: Option<&'a str>,
    pub create: Option<&'a str>,
    pub update: Option<&'a str>,
    pub delete: Option<&'a str>,
}

/// A policy as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name, which tells what it says: another text has another name.
    pub name: String,
    /// `CREATE POLICY …`, or `CREATE VIEW …` and its rights ([`shown`]).
    pub sql: String,
}

/// The policies of a collection, and what is wrong with rules that have none because they do not compile. `auth` are
/// the collections of those who may ask, superusers not among them.
pub fn policies(
    schema: &dyn Schema,
    collection: &Collection,
    auth: &[&Collection],
    rules: Rules<'_>,
) -> (Vec<Policy>, Vec<Error>) {
    let (allowed, errors) = allowed(schema, collection, auth, rules);
    let policies = allowed
        .iter()
        .map(|one| policy(collection, one.name, one.command, &one.condition));
    (policies.collect(), errors)
}

/// The view in [`SHOWN`] through which a view collection is read, and what is wrong with its rules as in [`policies`].
/// It is a security barrier: no operator of a statement sees a record before the rule has let it pass.
pub fn shown(
    schema: &dyn Schema,
    collection: &Collection,
    auth: &[&Collection],
    rules: Rules<'_>,
) -> (Policy, Vec<Error>) {
    let (allowed, errors) = allowed(schema, collection, auth, rules);
    let any: Vec<String> = allowed
        .iter()
        .map(|one| format!("({})", one.condition))
        .collect();
    let condition = match any.is_empty() {
        true => "FALSE".to_owned(),
        false => any.join(" OR "),
    };
    let view = format!("{SHOWN}.{}", quote(&collection.name));
    let mut sql = format!(
        "CREATE VIEW {view} WITH (security_barrier) AS SELECT * FROM {} AS {} WHERE {condition}; \
         REVOKE ALL ON {view} FROM PUBLIC, {API_ROLE}; GRANT SELECT ON {view} TO {SERVER_ROLE}",
        related(collection),
        quote(&collection.name)
    );
    let readable: Vec<String> = visible(collection)
        .map(|field| quote(&field.name))
        .collect();
    if !readable.is_empty() {
        sql += &format!(
            "; GRANT SELECT ({}) ON {view} TO {API_ROLE}",
            readable.join(", ")
        );
    }
    let name = format!("hangar_view_{:016x}", checksum(&sql));
    sql += &format!("; COMMENT ON VIEW {view} IS '{name}'");
    (Policy { name, sql }, errors)
}

/// An alternative under which a command is allowed.
struct Allowed {
    /// Of the rule.
    name: &'static str,
    command: &'static str,
    condition: String,
}

/// What the rules allow, and what is wrong with those that do not compile.
fn allowed(
    schema: &dyn Schema,
    collection: &Collection,
    auth: &[&Collection],
    rules: Rules<'_>,
) -> (Vec<Allowed>, Vec<Error>) {
    let mut out = Vec::new();
    let mut errors = Vec::new();
    let one_rule = rules.list == rules.view;
    let list = if one_rule {
        ""
    } else {
        "NOT (SELECT hangar_fn.views())"
    };
    for (name, command, method, rule, action) in [
        ("list", "SELECT", "GET", rules.list, list),
        (
            "view",
            "SELECT",
            "GET",
            rules.view.filter(|_| !one_rule),
            "(SELECT hangar_fn.views())",
        ),
        ("create", "INSERT", "POST", rules.create, ""),
        ("update", "UPDATE", "PATCH", rules.update, ""),
        ("delete", "DELETE", "DELETE", rules.delete, ""),
    ] {
        let Some(rule) = rule else {
            continue;
        };
        for condition in conditions(schema, collection, auth, rule, method) {
            let mut condition = match condition {
                Ok(condition) => condition,
                Err(error) => {
                    errors.push(error.within(name));
                    continue;
                }
            };
            if condition == "FALSE" {
                continue;
            }
            // Who writes past the API has to say what is submitted, else the rule would test nothing.
            if command != "SELECT" && rule.contains("@request.body") {
                condition = all(&["(SELECT hangar_fn.has_request())", &condition]);
            }
            out.push(Allowed {
                name,
                command,
                condition: all(&[action, &condition]),
            });
        }
    }
    (out, errors)
}

fn policy(collection: &Collection, name: &str, command: &str, condition: &str) -> Policy {
    let check = match command {
        "INSERT" => format!("WITH CHECK ({condition})"),
        // The rule is about the stored record, not about what it becomes.
        "UPDATE" => format!("USING ({condition}) WITH CHECK (TRUE)"),
        _ => format!("USING ({condition})"),
    };
    let name = format!("hangar_{name}_{:016x}", checksum(&check));
    let sql = format!(
        "CREATE POLICY {} ON {} FOR {command} {check}",
        quote(&name),
        table(collection)
    );
    Policy { name, sql }
}

/// FNV-1a.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn table(collection: &Collection) -> String {
    hangar_model::sql::table(&collection.name)
}

/// The alternatives under which a rule holds. One that does not compile leaves the others: for some who ask a path may
/// go on behind a field that is no relation.
fn conditions(
    schema: &dyn Schema,
    collection: &Collection,
    auth: &[&Collection],
    rule: &str,
    method: &str,
) -> Vec<Result<String, Error>> {
    if rule.trim().is_empty() {
        return vec![Ok("TRUE".to_owned())];
    }
    let expr = match parse(rule) {
        Ok(expr) => expr,
        Err(error) => return vec![Err(error)],
    };
    let request = Request::default();
    let compile = |auth| -> Result<String, Error> {
        let options = Options {
            related: VIEWS,
            session: Some(Session { auth, method }),
            ..Options::default()
        };
        let mut query = Query::new(schema, collection, &request, options);
        query.filter(&expr, Scope::Rule)?;
        Ok(query.policy())
    };
    let guest = compile(None);
    if !rule.contains("@request.auth") {
        return vec![guest];
    }
    let guarded = |guard: String, condition: Result<String, Error>| {
        condition.map(|condition| match condition.as_str() {
            "FALSE" => condition,
            _ => all(&[&guard, &condition]),
        })
    };
    let mut out = vec![guarded(format!("{AUTH_ID} IS NULL"), guest)];
    out.extend(
        auth.iter()
            .map(|collection| guarded(signed_in(collection), compile(Some(collection)))),
    );
    out
}

/// Whether a record of this collection asks.
fn signed_in(collection: &Collection) -> String {
    format!(
        "(SELECT hangar_fn.auth_collection() IN ({}, {}) AND EXISTS (SELECT 1 FROM {} AS \"~auth\" WHERE \"~auth\".\"id\" = {AUTH_ID}))",
        literal(&collection.id),
        literal(&collection.name),
        related(collection)
    )
}

/// Conditions joined by AND, without those that say nothing.
fn all(conditions: &[&str]) -> String {
    let needed: Vec<&str> = conditions
        .iter()
        .copied()
        .filter(|condition| !matches!(*condition, "" | "TRUE"))
        .collect();
    if needed.is_empty() {
        "TRUE".to_owned()
    } else {
        needed.join(" AND ")
    }
}

impl Query<'_> {
    /// What has been added as one condition on the row of a policy.
    fn policy(self) -> String {
        let plain = self.outer.iter().filter(|one| !one.joined);
        let mut parts: Vec<String> = plain.map(|one| one.sql.clone()).collect();
        let joined = self.outer.iter().filter(|one| one.joined);
        let joined: Vec<String> = joined.map(|one| one.sql.clone()).collect();
        // The row is in scope in subselects, so joins can begin from nothing.
        for (conditions, joins) in [(joined, &self.outer_joins), (self.inner, &self.inner_joins)] {
            if !conditions.is_empty() {
                parts.push(format!(
                    "EXISTS (SELECT 1 FROM (SELECT) AS \"~row\"{} WHERE {})",
                    self.joins.sql(joins),
                    conditions.join(" AND ")
                ));
            }
        }
        if parts.iter().any(|part| part == "FALSE") {
            return "FALSE".to_owned();
        }
        all(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// The view of a collection's records for the rules of others.
fn related(collection: &Collection) -> String {
    format!("{VIEWS}.{}", quote(&collection.name))
}

/// Drops that view, with the policies, and the views in [`SHOWN`], that read through it. Must come before a change of the table.
pub fn release(collection: &Collection) -> String {
    format!("DROP VIEW IF EXISTS {} CASCADE", related(collection))
}

/// Makes that view, turns row-level security on and grants what [`API_ROLE`] may touch at all: columns that are not
/// hidden. Of who can sign in it may not read emails either, which have a visibility of their own, nor make records.
pub fn enclose(collection: &Collection) -> String {
    let (table, view) = (table(collection), related(collection));
    let mut sql = format!(
        "CREATE VIEW {view} AS SELECT * FROM {table}; REVOKE ALL ON {view} FROM PUBLIC; \
         GRANT SELECT ON {view} TO {API_ROLE}; REVOKE ALL ON {table} FROM {API_ROLE}"
    );
    if collection.kind == CollectionKind::View {
        return sql;
    }
    sql += &format!(
        "; ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; GRANT SELECT ON {table} TO {SERVER_ROLE}"
    );
    let auth = collection.kind == CollectionKind::Auth;
    let secret = |name: &str| auth && matches!(name, "email" | "password" | "tokenKey");
    let managed =
        |name: &str| secret(name) || auth && matches!(name, "verified" | "emailVisibility");
    let readable: Vec<String> = visible(collection)
        .filter(|field| !secret(&field.name))
        .map(|field| quote(&field.name))
        .collect();
    let writable: Vec<String> = visible(collection)
        .filter(|field| !managed(&field.name))
        .map(|field| quote(&field.name))
        .collect();
    let changeable: Vec<String> = writable
        .iter()
        .filter(|name| *name != "\"id\"")
        .cloned()
        .collect();
    let mut grant = |what: &str, columns: &[String]| {
        if !columns.is_empty() {
            sql += &format!(
                "; GRANT {what} ({}) ON {table} TO {API_ROLE}",
                columns.join(", ")
            );
        }
    };
    grant("SELECT", &readable);
    if !auth {
        grant("INSERT", &writable);
    }
    grant("UPDATE", &changeable);
    sql + &format!("; GRANT DELETE ON {table} TO {API_ROLE}")
}

/// The fields that [`API_ROLE`] may know.
fn visible(collection: &Collection) -> impl Iterator<Item = &Field> {
    let known = |field: &&Field| !field.hidden && field.kind != FieldKind::Password;
    collection.fields.iter().filter(known)
}

/// Makes the roles if they are not there. Needs the right to create roles.
pub const ROLES_SQL: &str = "DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hangar_api') THEN CREATE ROLE hangar_api NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hangar_server') THEN CREATE ROLE hangar_server NOLOGIN IN ROLE hangar_api; END IF;
  IF NOT pg_has_role('hangar_server', 'hangar_api', 'MEMBER') THEN GRANT hangar_api TO hangar_server; END IF;
  IF NOT pg_has_role(CURRENT_USER, 'hangar_server', 'MEMBER') THEN GRANT hangar_server TO CURRENT_USER; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$";

/// Makes the schemas of the views, and lets the roles call what policies call.
pub const SCHEMA_SQL: &str = "CREATE SCHEMA IF NOT EXISTS hangar_rls;
REVOKE ALL ON SCHEMA hangar_rls FROM PUBLIC;
GRANT USAGE ON SCHEMA hangar_rls TO hangar_server;
CREATE SCHEMA IF NOT EXISTS hangar_views;
GRANT USAGE ON SCHEMA hangar_views TO hangar_api;
GRANT USAGE ON SCHEMA hangar_fn, public TO hangar_api;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA hangar_fn TO hangar_api";
