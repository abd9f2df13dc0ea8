//! Row-level security: keeps the policies of PostgreSQL in step with the rules of collections.
//!
//! [`settle`] compares what is there with what the rules ask for and runs the difference, in the transaction of the
//! change. A policy's name tells what it says, so nothing is kept beside the database's own catalogue. View collections
//! have a view in the place of policies, whose comment tells it. Where the database user may not make roles there is
//! none of this, and a line in the log says so.

use std::collections::{HashMap, HashSet};

use hangar_failure::{Failure, Outcome};
use hangar_filter::policy::{self, API_ROLE, Rules};
use hangar_model::ids::crc32;
use hangar_model::sql::{ident, physical};
use hangar_model::{Collection, sql};
use hangar_sdk::postgres;
use hangar_sdk::{Error, Result, log};
use serde::Deserialize;

use crate::catalog::{self, Catalog, Entry};
use crate::records::guard;
use crate::schema::store;

const STATE: &str = "SELECT json_build_object(\
    'ready', CASE WHEN to_regrole('hangar_api') IS NOT NULL AND to_regrole('hangar_server') IS NOT NULL \
        AND to_regnamespace('hangar_rls') IS NOT NULL \
        THEN has_schema_privilege('hangar_server', 'hangar_rls', 'USAGE') ELSE FALSE END, \
    'version', obj_description(to_regnamespace('hangar_rls'), 'pg_namespace'), \
    'views', (SELECT coalesce(json_agg(relname), '[]') FROM pg_class \
        WHERE relkind = 'v' AND relnamespace = to_regnamespace('hangar_rls')), \
    'shown', (SELECT coalesce(json_object_agg(relname, coalesce(obj_description(oid, 'pg_class'), '')), '{}') FROM pg_class \
        WHERE relkind = 'v' AND relnamespace = to_regnamespace('hangar_views')), \
    'policies', (SELECT coalesce(json_agg(json_build_array(c.relname, p.polname)), '[]') FROM pg_policy AS p \
        JOIN pg_class AS c ON c.oid = p.polrelid WHERE c.relnamespace = to_regnamespace('public') AND p.polname LIKE 'hangar\\_%'))::text";
const VIEWS: &str = "SELECT coalesce(json_agg(name), '[]')::text FROM hangar_collections.collections \
    WHERE type = 'view' AND to_regnamespace('hangar_rls') IS NOT NULL";

/// What the database has.
#[derive(Deserialize)]
struct State {
    /// Whether roles, schema and rights are there. A database that was restored from a backup has policies but no rights.
    ready: bool,
    /// Comment of the schema: which version of the views and grants it has.
    version: Option<String>,
    /// Names of the views that rules read through.
    views: HashSet<String>,
    /// Names of the views through which view collections are read, and what each says of itself.
    shown: HashMap<String, String>,
    /// Table and name of each policy.
    policies: Vec<(String, String)>,
}

fn state() -> Result<State> {
    let text = one(STATE)?;
    serde_json::from_str(&text).map_err(|error| {
        Error::internal(format!("the state of the policies cannot be read: {error}"))
    })
}

fn one(sql: &str) -> Result<String> {
    let rows = postgres::query(sql, vec![])?;
    let text = rows.rows.first().and_then(|row| row.first()?.as_str());
    Ok(text.unwrap_or_default().to_owned())
}

/// Changes with everything that [`policy::enclose`] and the functions of policies say.
fn version() -> String {
    let mut sample = hangar_filter::schema::Collection {
        id: String::new(),
        name: "sample".to_owned(),
        kind: hangar_filter::schema::CollectionKind::Auth,
        fields: Vec::new(),
        list_rule: None,
        unique: Vec::new(),
    };
    let mut text = policy::enclose(&sample);
    sample.kind = hangar_filter::schema::CollectionKind::Base;
    text.push_str(&policy::enclose(&sample));
    text.push_str(policy::SCHEMA_SQL);
    format!("hangar policies {:08x}", crc32(&text))
}

/// Makes the roles, if the database user may, and the policies of collections that have none yet.
///
/// # Errors
/// What the database says.
pub fn activate() -> Result<()> {
    guard::setting()?;
    let before = state()?;
    let version = version();
    if before.ready && before.version.as_deref() == Some(&version) {
        return settle_all();
    }
    if let Err(error) = postgres::batch(policy::ROLES_SQL) {
        if error.sqlstate() != Some("42501") {
            return Err(error);
        }
        let text = format!(
            "there are no row-level security policies: the database user may not make the roles they are for ({}). A \
             database administrator can: CREATE ROLE {API_ROLE} NOLOGIN; CREATE ROLE hangar_server NOLOGIN IN ROLE \
             {API_ROLE}; GRANT hangar_server TO the user of the database URL. Then start Hangar again",
            error.message
        );
        // What was asked for must not be quietly left out.
        if guard::setting()? {
            return Err(Error::new(
                "no_policies",
                500,
                format!("security.rls is \"always\", but {text}"),
            ));
        }
        log::warn(&text);
        return Ok(());
    }
    store::change(|| {
        // Policies and views of another version go, by way of what they are in.
        let fresh = format!(
            "DROP SCHEMA IF EXISTS {0} CASCADE; {1}; COMMENT ON SCHEMA {0} IS {2}",
            policy::VIEWS,
            policy::SCHEMA_SQL,
            sql::literal(&version)
        );
        postgres::batch(&fresh)?;
        Ok(())
    })
    .map_err(Into::into)
}

/// For a start on a database whose policies may lag behind, such as after an import past the API.
fn settle_all() -> Result<()> {
    let catalog = catalog::load()?;
    if statements(&catalog, &state()?).is_empty() {
        return Ok(());
    }
    store::change(|| Ok(())).map_err(Into::into)
}

/// Lets go of a table that is about to change or to go: what depends on its columns is made again by [`settle`].
///
/// # Errors
/// What the database says.
pub fn release(collection: &Collection) -> Outcome<()> {
    let state = state()?;
    if !state.ready {
        return Ok(());
    }
    let own = state.policies;
    let table = physical(&collection.name);
    let mut all = vec![policy::release(&Entry::new(collection.clone()).filter)];
    let own = own.iter().filter(|(name, _)| *name == table);
    all.extend(own.map(|(table, name)| drop_policy(table, name)));
    Ok(postgres::batch(&all.join("; "))?)
}

/// Lets go of the views of view collections, whose SQL the change may replace.
///
/// # Errors
/// What the database says.
pub fn release_views() -> Outcome<()> {
    let names: Vec<String> = serde_json::from_str(&one(VIEWS)?)?;
    if names.is_empty() {
        return Ok(());
    }
    let view = |name: &String| format!("{}.{}", policy::VIEWS, ident(name));
    let views: Vec<String> = names.iter().map(view).collect();
    Ok(postgres::batch(&format!(
        "DROP VIEW IF EXISTS {} CASCADE",
        views.join(", ")
    ))?)
}

/// Brings the policies to what the rules say. To be called at the end of a change, in its transaction.
///
/// # Errors
/// What the database says.
pub fn settle() -> Outcome<()> {
    let state = state()?;
    if !state.ready {
        return Ok(());
    }
    let all = statements(&*catalog::load().map_err(Failure::from)?, &state);
    if all.is_empty() {
        return Ok(());
    }
    Ok(postgres::batch(&all.join("; "))?)
}

fn drop_policy(table: &str, name: &str) -> String {
    format!(
        "DROP POLICY IF EXISTS {} ON {}.{}",
        ident(name),
        sql::SCHEMA,
        ident(table)
    )
}

/// What has to be run.
fn statements(catalog: &Catalog, state: &State) -> Vec<String> {
    let all = catalog.all();
    let auth: Vec<_> = all
        .iter()
        .filter(|entry| entry.is_auth() && !entry.is_superusers())
        .map(|entry| &entry.filter)
        .collect();
    let mut present: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (table, name) in &state.policies {
        present.entry(table).or_default().insert(name);
    }
    // Every view first: policies of any table may read through it.
    let mut out: Vec<String> = all
        .iter()
        .filter(|entry| !state.views.contains(&physical(&entry.name)))
        .map(|entry| policy::enclose(&entry.filter))
        .collect();
    let mut shown = state.shown.clone();
    for entry in all {
        let table = physical(&entry.name);
        if entry.is_view() {
            let (view, errors) = policy::shown(catalog, &entry.filter, &auth, rules(entry));
            warn(entry, errors);
            match shown.remove(&table) {
                Some(name) if name == view.name => continue,
                Some(_) => out.push(drop_shown(&table)),
                None => {}
            }
            out.push(view.sql);
            continue;
        }
        let (wanted, errors) = policy::policies(catalog, &entry.filter, &auth, rules(entry));
        warn(entry, errors);
        let mut old = present.remove(table.as_str()).unwrap_or_default();
        let missing: Vec<_> = wanted
            .into_iter()
            .filter(|policy| !old.remove(policy.name.as_str()))
            .collect();
        out.extend(old.into_iter().map(|name| drop_policy(&table, name)));
        out.extend(missing.into_iter().map(|policy| policy.sql));
    }
    out.extend(shown.keys().map(|name| drop_shown(name)));
    out
}

fn drop_shown(name: &str) -> String {
    format!("DROP VIEW IF EXISTS {}.{}", policy::SHOWN, ident(name))
}

fn warn(entry: &Entry, errors: Vec<hangar_filter::Error>) {
    for error in errors {
        log::warn(&format!(
            "a rule of collection {} has no policy for some who ask, so SQL under {API_ROLE} is denied: {error}",
            entry.name
        ));
    }
}

fn rules(entry: &Entry) -> Rules<'_> {
    let rules = &entry.rules;
    Rules {
        list: rules.list.as_deref(),
        view: rules.view.as_deref(),
        create: rules.create.as_deref(),
        update: rules.update.as_deref(),
        delete: rules.delete.as_deref(),
    }
}
