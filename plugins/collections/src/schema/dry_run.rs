//! `POST /api/collections/meta/dry-run-view`: what a view would be, without making it.

use hangar_failure::{Failure, Outcome};
use hangar_model::error::{FieldError, ValidationErrors};
use hangar_model::json::to_json;
use hangar_model::sql::ident;
use hangar_model::value_rules::required;
use hangar_model::{ApiError, Collection, CollectionType, Field, Random, messages};
use hangar_sdk::http::{Request, Response};
use hangar_sdk::postgres::{self, Plan, Rendered, Segment, Statement};
use serde_json::{Value, json};

use crate::catalog::{self, Entry};
use crate::random::{HostRandom, now};
use crate::records::template::Audience;
use crate::schema::{body, picked, store, views};

/// Records shown.
const SAMPLE: usize = 10;
/// The longest query.
const MAX_QUERY: usize = 5000;
const UNREADABLE: &str = "An error occurred while loading the submitted data.";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Answers the request.
pub fn handle(request: &Request) -> Outcome<Response> {
    let query = query(request)?;
    let catalog = catalog::current()?;
    let mut view = Collection::new(CollectionType::View, &mut HostRandom);
    view.name = format!("temp_view_{}", HostRandom.text(5, LETTERS));
    view.view_query = query;
    view.prepare(
        None,
        &|id| catalog.get(id).is_some(),
        &now(),
        &mut HostRandom,
    );
    // Dropped at the end, which undoes all of it.
    let _transaction = postgres::begin()?;
    let failed =
        |raw: &str| ApiError::bad_request(&format!("Invalid view query. Raw error: \n{raw}"));
    if let Some(problem) = views::infer(&catalog, &mut view)? {
        return Err(failed(&problem).into());
    }
    match store::save(&view, None) {
        Err(Failure::Host(error)) if error.sqlstate().is_some() => {
            return Err(failed(&error.message).into());
        }
        other => other?,
    }
    let fields: Vec<Value> = view.fields.iter().map(Field::to_value).collect();
    let sample = match sample(view) {
        Err(Failure::Host(error)) if error.sqlstate().is_some() => {
            return Err(failed(&error.message).into());
        }
        other => other?,
    };
    picked(
        request,
        format!(
            "{{\"fields\":{},\"sample\":[{sample}]}}",
            to_json(&json!(fields))
        ),
    )
}

/// The query that a body asks for.
pub fn query(request: &Request) -> Outcome<String> {
    let body = body(request, &["query"], UNREADABLE)?;
    let invalid = |error: FieldError| {
        ApiError::invalid(
            messages::INVALID_DATA,
            ValidationErrors::one("query", error),
        )
    };
    match body.get("query") {
        None | Some(Value::Null) => Err(invalid(required()).into()),
        Some(Value::String(text)) if text.is_empty() => Err(invalid(required()).into()),
        Some(Value::String(text)) if text.chars().count() > MAX_QUERY => {
            let text = format!("The length must be no more than {MAX_QUERY}.");
            let error = FieldError::new("validation_length_too_long", text);
            Err(invalid(error.with(json!({"max": MAX_QUERY, "min": 0}))).into())
        }
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(ApiError::bad_request(UNREADABLE).into()),
    }
}

/// The first records, as everybody would see them.
fn sample(view: Collection) -> Outcome<String> {
    let entry = Entry::new(view);
    let shape = entry.shapes.get(&entry, Audience::Public);
    let alias = ident(&entry.name);
    let sql = format!(
        "SELECT {} FROM {} AS {alias} ORDER BY {alias}.\"_rowid_\" LIMIT {SAMPLE}",
        shape.select_list(""),
        entry.table()
    );
    let plan = Plan {
        segments: vec![Segment::Rows(Rendered {
            statement: Statement::new(sql, vec![]),
            template: shape.template.clone(),
        })],
        when_empty: None,
        when_failed: None,
    };
    Ok(postgres::render(&plan)?.unwrap_or_default())
}
