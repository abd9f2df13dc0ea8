//! Whether a record meets a rule of its collection.

use std::cell::RefCell;
use std::rc::Rc;

use hangar_failure::Failure;
use hangar_filter::schema::{Collection as FilterCollection, Schema};
use hangar_filter::{Auth, Options, Query, Request as FilterRequest, Scope, Value};
use hangar_model::{ApiError, Collection};
use hangar_sdk::context::transaction_marked;
use hangar_sdk::http::Request;
use hangar_sdk::{Error, Result, collections, form, kv, log, postgres};
use serde_json::Map;

use crate::accounts::TOPIC;
use crate::identity::Identity;

/// What is answered where nothing more can be said.
pub const FAILED: &str = "Failed to authenticate.";

type Schemas = Rc<Vec<FilterCollection>>;

thread_local! {
    static SCHEMAS: RefCell<Option<(u32, Schemas)>> = const { RefCell::new(None) };
}

/// Whether the record meets the rule, an expression that is not empty.
///
/// # Errors
/// 400 if the rule cannot be compiled: it may name what has been renamed or dropped since.
pub fn meets(
    collection: &Collection,
    id: &str,
    rule: &str,
    request: &FilterRequest,
) -> Result<bool, Failure> {
    let schemas = schemas()?;
    let Some(base) = schemas.collection(&collection.id) else {
        return Err(Error::internal(format!("the collection {} is gone", collection.name)).into());
    };
    let wrong = |error: hangar_filter::Error| {
        log::warn(&format!(
            "a rule of {} cannot be used, so nobody meets it: {error}",
            collection.name
        ));
        ApiError::bad_request(FAILED)
    };
    let rule = hangar_filter::parse(rule).map_err(wrong)?;
    let mut query = Query::new(&*schemas, base, request, Options::default());
    query.filter(&rule, Scope::Rule).map_err(wrong)?;
    let id = query.param(Value::Text(id.to_owned()));
    let condition = format!("{}.\"id\" = {id}::text", query.alias());
    query.condition(&condition);
    let built = query.finish();
    let sql = format!(
        "SELECT 1 FROM {} WHERE {} LIMIT 1",
        built.count_from, built.where_sql
    );
    let rows = postgres::query(sql, built.params.into_iter().map(parameter).collect())?;
    Ok(!rows.rows.is_empty())
}

/// What `@request.*` stands for.
pub fn filter_request(
    request: &Request,
    identity: Option<&Identity>,
    context: &str,
    body: &Map<String, serde_json::Value>,
) -> FilterRequest {
    let mut query = Map::new();
    for (name, value) in form::query(&request.query) {
        query.entry(name).or_insert_with(|| value.into());
    }
    let mut headers = Map::new();
    for (name, value) in request
        .headers
        .lines()
        .filter_map(|line| line.split_once(": "))
    {
        headers
            .entry(name.replace('-', "_"))
            .or_insert_with(|| value.into());
    }
    FilterRequest {
        method: request.method.clone(),
        context: context.to_owned(),
        auth: identity.map(|identity| Auth {
            collection: identity.collection.id.clone(),
            record: identity.record.clone(),
        }),
        query,
        headers,
        body: body.clone(),
        ..FilterRequest::default()
    }
}

fn parameter(value: Value) -> postgres::Value {
    match value {
        Value::Null => postgres::Value::Null,
        Value::Bool(value) => postgres::Value::Boolean(value),
        Value::Int(value) => postgres::Value::Integer(value),
        Value::Float(value) => postgres::Value::Float(value),
        Value::Text(value) => postgres::Value::Text(value),
    }
}

/// All collections: a rule may cross into any of them.
fn schemas() -> Result<Schemas> {
    // In a transaction that has changed collections nothing cached holds.
    let marked = transaction_marked(TOPIC);
    let revision = kv::revisions::current(TOPIC);
    let kept = SCHEMAS.with_borrow(|kept| {
        kept.as_ref()
            .filter(|(of, _)| *of == revision && !marked)
            .map(|(_, all)| all.clone())
    });
    if let Some(all) = kept {
        return Ok(all);
    }
    let texts: Vec<Box<serde_json::value::RawValue>> =
        serde_json::from_str(&collections::collections()?)?;
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        let collection = Collection::from_storage(text.get()).map_err(|error| {
            Error::internal(format!("a collection cannot be read: {}", error.0))
        })?;
        all.push(FilterCollection::from(&collection));
    }
    let all = Rc::new(all);
    if !marked {
        SCHEMAS.set(Some((revision, all.clone())));
    }
    Ok(all)
}
