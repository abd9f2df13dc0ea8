//! `GET` and `DELETE /api/logs`, `GET /api/logs/stats`, `/api/logs/{id}`.

use hangar_failure::{Answer, Failure};
use hangar_filter::schema::{Collection, CollectionKind, Field, FieldKind, Schema};
use hangar_filter::{Built, Options, Query, Request as FilterRequest, Scope, Value, parse};
use hangar_model::ApiError;
use hangar_sdk::http::{Request, Response};
use hangar_sdk::postgres::{self, Plan, Rendered, Segment, Statement};

use crate::answer::{self, query_value};
use crate::identity;

const PER_PAGE: i64 = 30;
const MAX_PER_PAGE: i64 = 1000;
/// Name under which the entries stand in a query.
const SOURCE: &str = "listed";
/// The entries as the filter compiler expects records.
const ENTRIES: &str = "WITH listed AS (SELECT \"seq\" AS \"_rowid_\", \"id\" COLLATE \"C\" AS \"id\", \"created\", \
    \"level\"::float8 AS \"level\", \"message\" COLLATE \"C\" AS \"message\", \"data\" FROM hangar_logs.entries)";
/// The columns of an entry, in the order of [`TEMPLATE`].
const COLUMNS: &str = "\"listed\".\"id\", \"listed\".\"created\", \"listed\".\"data\", \"listed\".\"message\", \
    \"listed\".\"level\"::int4";
const TEMPLATE: &str = r#"["{\"id\":",{"s":"json"},",\"created\":",{"s":"date"},",\"data\":",{"s":"json"},",\"message\":",{"s":"json"},",\"level\":",{"s":"json"},"}"]"#;

/// The entries as the filter compiler sees them; filters reach nothing else.
struct Entries(Collection);

impl Schema for Entries {
    fn collection(&self, _: &str) -> Option<&Collection> {
        None
    }
}

fn entries() -> Entries {
    Entries(Collection {
        id: String::new(),
        name: SOURCE.to_owned(),
        kind: CollectionKind::Base,
        fields: vec![
            Field::new("id", FieldKind::Text),
            Field::new("created", FieldKind::Date),
            Field::new("level", FieldKind::Number),
            Field::new("message", FieldKind::Text),
            Field::new("data", FieldKind::Json),
        ],
        list_rule: None,
        unique: Vec::new(),
    })
}

/// Deletes all entries that are stored. (Of PocketBase 0.40; the specification does not have it.)
pub fn clear(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    postgres::batch("TRUNCATE hangar_logs.entries")?;
    Ok(Response::empty(204))
}

/// A page of entries.
pub fn list(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let page = number(request, "page")?.max(1);
    let per_page = match number(request, "perPage")? {
        none if none <= 0 => PER_PAGE,
        some => some.min(MAX_PER_PAGE),
    };
    let skip_total = match query_value(request, "skipTotal").as_deref() {
        None | Some("" | "0" | "f" | "F" | "false" | "FALSE" | "False") => false,
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
        Some(_) => return Err(ApiError::bad_request("").into()),
    };
    let sort = query_value(request, "sort").unwrap_or_default();
    let built = compile(request, &sort, "")?;
    let (mut total, mut pages) = (-1, -1);
    if !skip_total {
        let sql = format!(
            "{ENTRIES} SELECT count(*)::int FROM {} WHERE {}",
            built.count_from, built.where_sql
        );
        let rows = postgres::query(sql, params(&built))?;
        let count = rows.rows.first().and_then(|row| row.first()?.as_i64());
        total = count.unwrap_or_default();
        pages = (total + per_page - 1) / per_page;
    }
    let offset = (page - 1).saturating_mul(per_page);
    let order = match built.order_by.as_str() {
        "" => String::new(),
        keys => format!(" ORDER BY {keys}"),
    };
    let sql = format!(
        "{ENTRIES} SELECT {COLUMNS} FROM {} WHERE {}{order} LIMIT {per_page} OFFSET {offset}",
        built.from, built.where_sql
    );
    let tail = format!(
        "],\"page\":{page},\"perPage\":{per_page},\"totalItems\":{total},\"totalPages\":{pages}}}"
    );
    let segments = vec![
        Segment::Text("{\"items\":[".into()),
        rendered(sql, params(&built)),
        Segment::Text(tail),
    ];
    respond(request, segments)
}

/// One entry.
pub fn show(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let id = request.params.first().map_or("", String::as_str);
    // PostgreSQL's text holds no NUL.
    if id.contains('\0') {
        return Err(ApiError::not_found("").into());
    }
    let sql = format!(
        "{ENTRIES} SELECT {COLUMNS} FROM listed WHERE \"listed\".\"id\" = $1::text LIMIT 1"
    );
    respond(request, vec![rendered(sql, vec![id.into()])])
}

/// Entries by the hour.
pub fn stats(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let built = compile(request, "", "Invalid filter format.")?;
    let sql = format!(
        "{ENTRIES} SELECT date_trunc('hour', \"created\") AS \"date\", count(*)::int4 FROM {} WHERE {} GROUP BY 1 ORDER BY 1",
        built.count_from, built.where_sql
    );
    let segments = vec![
        Segment::Text("[".into()),
        Segment::Rows(Rendered {
            statement: Statement::new(sql, params(&built)),
            template: r#"["{\"date\":",{"s":"date"},",\"total\":",{"s":"json"},"}"]"#.into(),
        }),
        Segment::Text("]".into()),
    ];
    respond(request, segments)
}

fn number(request: &Request, name: &str) -> Result<i64, ApiError> {
    match query_value(request, name).as_deref() {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| ApiError::bad_request("")),
    }
}

/// The client's filter and order; what is wrong with them is told in the words of `message`.
fn compile(request: &Request, sort: &str, message: &str) -> Result<Built, ApiError> {
    let filter = query_value(request, "filter").unwrap_or_default();
    let wrong = |_| ApiError::bad_request(message);
    if filter.contains('\0') || sort.contains('\0') {
        return Err(ApiError::bad_request(message));
    }
    let entries = entries();
    let nobody = FilterRequest::default();
    let options = Options {
        cte: Some(SOURCE),
        ..Options::default()
    };
    let mut query = Query::new(&entries, &entries.0, &nobody, options);
    if !filter.is_empty() {
        query
            .filter(&parse(&filter).map_err(wrong)?, Scope::Plain)
            .map_err(wrong)?;
    }
    query.sort(sort, Scope::Plain).map_err(wrong)?;
    Ok(query.finish())
}

fn params(built: &Built) -> Vec<postgres::Value> {
    built
        .params
        .iter()
        .cloned()
        .map(|value| match value {
            Value::Null => postgres::Value::Null,
            Value::Bool(value) => postgres::Value::Boolean(value),
            Value::Int(value) => postgres::Value::Integer(value),
            Value::Float(value) => postgres::Value::Float(value),
            Value::Text(value) => postgres::Value::Text(value),
        })
        .collect()
}

fn rendered(sql: String, params: Vec<postgres::Value>) -> Segment {
    Segment::Rows(Rendered {
        statement: Statement::new(sql, params),
        template: TEMPLATE.into(),
    })
}

/// The answer; looking at the log leaves no entry in it.
fn respond(request: &Request, segments: Vec<Segment>) -> Result<Response, Failure> {
    let single = segments.len() == 1;
    let plan = Plan {
        segments,
        when_empty: None,
        when_failed: None,
    };
    let text = postgres::render(&plan)?.unwrap_or_default();
    if single && text.is_empty() {
        return Err(ApiError::not_found("").into());
    }
    let mut response = answer::json(request, text)?;
    response.headers.push(("x-hangar-log".into(), "off".into()));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_reach_only_the_entries() {
        let compiled = |filter: &str| {
            let entries = entries();
            let nobody = FilterRequest::default();
            let options = Options {
                cte: Some(SOURCE),
                ..Options::default()
            };
            let mut query = Query::new(&entries, &entries.0, &nobody, options);
            let parsed = parse(filter).map_err(|_| ())?;
            query.filter(&parsed, Scope::Plain).map_err(|_| ())?;
            Ok::<_, ()>(query.finish().where_sql)
        };
        assert!(compiled("level > 0 && data.auth = 'users'").is_ok());
        assert!(compiled("created >= '2026-01-01' && message ~ 'x'").is_ok());
        assert!(compiled("seq = 1").is_err());
        assert!(compiled("@collection.users.id != ''").is_err());
    }
}
