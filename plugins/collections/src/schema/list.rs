//! `GET /api/collections`.

use hangar_failure::Outcome;
use hangar_filter::schema::{Collection as Table, CollectionKind, Field, FieldKind, Schema};
use hangar_filter::{Built, Options, Query, Request as FilterRequest, Scope, parse};
use hangar_model::{ApiError, Collection};
use hangar_sdk::Error;
use hangar_sdk::http::{Request, Response};
use hangar_sdk::postgres::{self, Statement};

use crate::records::query::params;
use crate::schema::{events, parameter, picked};

const PER_PAGE: i64 = 30;
const MAX_PER_PAGE: i64 = 1000;
/// Name under which the metadata stands in the query.
const SOURCE: &str = "listed";

/// The metadata table as the filter compiler sees it; filters reach nothing else.
struct Metadata(Table);

impl Schema for Metadata {
    fn collection(&self, _: &str) -> Option<&Table> {
        None
    }
}

fn metadata() -> Metadata {
    let field = |name, kind| Field::new(name, kind);
    Metadata(Table {
        id: String::new(),
        name: SOURCE.to_owned(),
        kind: CollectionKind::Base,
        fields: vec![
            field("id", FieldKind::Text),
            field("name", FieldKind::Text),
            field("type", FieldKind::Text),
            field("system", FieldKind::Bool),
            field("created", FieldKind::Date),
            field("updated", FieldKind::Date),
        ],
        list_rule: None,
        unique: Vec::new(),
    })
}

/// Answers the request.
pub fn handle(request: &Request) -> Outcome<Response> {
    let number = |name: &str| match parameter(request, name).as_str() {
        "" => Ok(0),
        text => text.parse::<i64>().map_err(|_| ApiError::bad_request("")),
    };
    let page = number("page")?.max(1);
    let per_page = match number("perPage")? {
        none if none <= 0 => PER_PAGE,
        some => some.min(MAX_PER_PAGE),
    };
    let count = match parameter(request, "skipTotal").as_str() {
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => true,
        "1" | "t" | "T" | "true" | "TRUE" | "True" => false,
        _ => return Err(ApiError::bad_request("").into()),
    };
    let built = compile(&parameter(request, "filter"), &parameter(request, "sort"))?;
    let (items, total) = fetch(built, page, per_page, count)?;
    let pages = if total < 0 {
        -1
    } else {
        (total + per_page - 1) / per_page
    };
    let text = format!(
        "{{\"items\":[{}],\"page\":{page},\"perPage\":{per_page},\"totalItems\":{total},\"totalPages\":{pages}}}",
        items.join(",")
    );
    let more = || {
        let list = format!("[{}]", items.join(","));
        let collections: serde_json::Value = serde_json::from_str(&list)?;
        let result = serde_json::json!({
            "page": page, "perPage": per_page, "totalItems": total, "totalPages": pages,
        });
        Ok(serde_json::json!({"collections": collections, "result": result}))
    };
    events::several("onCollectionsListRequest", request, more, |_| {
        picked(request, text)
    })
}

fn compile(filter: &str, sort: &str) -> Outcome<Built> {
    let metadata = metadata();
    let request = FilterRequest::default();
    let options = Options {
        cte: Some(SOURCE),
        ..Options::default()
    };
    let mut query = Query::new(&metadata, &metadata.0, &request, options);
    if !filter.is_empty() {
        query.filter(&parse(filter)?, Scope::Plain)?;
    }
    query.sort(sort, Scope::Plain)?;
    Ok(query.finish())
}

/// The page's collections as JSON texts, and how many there are in all; −1 unless they are to be counted.
fn fetch(built: Built, page: i64, per_page: i64, count: bool) -> Outcome<(Vec<String>, i64)> {
    let source = format!("WITH {SOURCE} AS (SELECT * FROM hangar_collections.collections)");
    let Built {
        from,
        count_from,
        where_sql,
        order_by,
        params: values,
        ..
    } = built;
    let order = if order_by.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {order_by}")
    };
    let offset = (page - 1).saturating_mul(per_page);
    let values = params(values);
    let rows = format!(
        "{source} SELECT {SOURCE}.\"data\"::text FROM {from} WHERE {where_sql}{order} LIMIT {per_page} OFFSET {offset}"
    );
    let mut statements = vec![Statement::new(rows, values.clone())];
    if count {
        statements.push(Statement::new(
            format!("{source} SELECT count(*)::int FROM {count_from} WHERE {where_sql}"),
            values,
        ));
    }
    let mut answers = postgres::query_all(&statements)?.into_iter();
    let mut items = Vec::new();
    for row in answers.next().map(|rows| rows.rows).unwrap_or_default() {
        let text = row
            .first()
            .and_then(|value| value.as_str())
            .unwrap_or_default();
        let collection = Collection::from_storage(text).map_err(|error| {
            Error::internal(format!("a stored collection cannot be read: {}", error.0))
        })?;
        items.push(collection.to_json());
    }
    let total = answers
        .next()
        .and_then(|rows| rows.rows.first()?.first()?.as_i64())
        .unwrap_or(-1);
    Ok((items, total))
}
