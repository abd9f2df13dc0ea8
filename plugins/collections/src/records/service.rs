//! `hangar:collections/records`: collections and records for other plugins. No rule applies; model hooks do.

use std::rc::Rc;

use hangar_failure::{Failure, Outcome};
use hangar_filter::{Expr, Query, Request as FilterRequest, Scope, parse};
use hangar_model::json::to_json;
use hangar_model::{ApiError, messages};
use hangar_sdk::collections::Guest;
use hangar_sdk::http::Response;
use hangar_sdk::postgres::{Rendered, Segment, Statement, active};
use hangar_sdk::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::body::Body;
use crate::call::{Call, Part};
use crate::catalog::{self, Catalog, Entry};
use crate::files;
use crate::records::auth;
use crate::records::create;
use crate::records::delete;
use crate::records::draft::{self, CREATE, DELETE, Draft, How, UPDATE};
use crate::records::ended;
use crate::records::present::{self, Options};
use crate::records::query::{self, Values};
use crate::records::record::Shown;
use crate::records::update::by_id;
use crate::records::write::transaction;

/// Records one `select` answers at most.
const MAX_SELECTED: u64 = 100_000;

/// A query of the service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    filter: String,
    sort: String,
    /// 0 for all.
    limit: u64,
    offset: u64,
    params: Map<String, Value>,
}

/// Options of a save.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SaveOptions {
    is_new: Option<bool>,
    validate: Option<bool>,
    random_password: bool,
}

/// Options of a presentation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PresentOptions {
    /// Relations to expand, comma-separated.
    expand: String,
    /// Show every email: the record is shown to its owner.
    show_emails: bool,
    /// The identity to present to, instead of the current one: a record that has just logged in.
    viewer: Option<Value>,
}

impl Guest for crate::Plugin {
    fn collection(name_or_id: String) -> Result<String> {
        let catalog = catalog::current()?;
        catalog
            .get(&name_or_id)
            .map(|entry| entry.to_storage())
            .ok_or_else(|| missing(&name_or_id))
    }

    fn collections() -> Result<String> {
        let all: Vec<String> = catalog::current()?
            .all()
            .iter()
            .map(|entry| entry.to_storage())
            .collect();
        Ok(format!("[{}]", all.join(",")))
    }

    fn store_collection(document: String) -> Result<()> {
        crate::schema::put(&document)
    }

    fn drop_collections() -> Result<()> {
        crate::schema::clear()
    }

    fn find(collection: String, id: String) -> Result<String> {
        let catalog = catalog::current()?;
        let entry = find_entry(&catalog, &collection)?;
        let record = by_id(entry, &id, "")?;
        record
            .map(|record| to_json(&record))
            .ok_or_else(|| no_record(&collection, &id))
    }

    fn select(collection: String, query: String) -> Result<String> {
        select(&collection, &query).map_err(Into::into)
    }

    fn count(collection: String, query: String) -> Result<u32> {
        count(&collection, &query).map_err(Into::into)
    }

    fn save(collection: String, document: String, options: String) -> Result<String> {
        let work = || save(&collection, &document, &options);
        // Inside a transaction of somebody else a failed save must not spoil what came before it.
        let saved = if active() { transaction(work) } else { work() };
        saved.map_err(Into::into)
    }

    fn create_as(collection: String, body: String, request: String) -> Result<String> {
        let work = || create_as(&collection, &body, &request);
        let created = if active() { transaction(work) } else { work() };
        created.map_err(Into::into)
    }

    fn delete(collection: String, id: String) -> Result<()> {
        let work = || remove(&collection, &id);
        let removed = if active() { transaction(work) } else { work() };
        removed.map_err(Into::into)
    }

    fn present(collection: String, records: String, options: String) -> Result<String> {
        present(&collection, &records, &options).map_err(Into::into)
    }
}

fn missing(collection: &str) -> Error {
    Error::new(
        "not_found",
        404,
        format!("there is no collection {collection:?}"),
    )
}

fn no_record(collection: &str, id: &str) -> Error {
    Error::new(
        "not_found",
        404,
        format!("there is no record {id:?} in the collection {collection:?}"),
    )
}

fn find_entry<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Rc<Entry>> {
    catalog.get(name).ok_or_else(|| missing(name))
}

fn read<T: for<'a> Deserialize<'a> + Default>(text: &str) -> Outcome<T> {
    if text.trim().is_empty() {
        Ok(T::default())
    } else {
        Ok(serde_json::from_str(text)?)
    }
}

/// A filter after its placeholders have been filled in.
struct Filled {
    expr: Option<Expr>,
    request: FilterRequest,
}

impl Wanted {
    fn fill(&self) -> Outcome<Filled> {
        let filter = self.filled();
        let expr = if filter.trim().is_empty() {
            None
        } else {
            Some(parse(&filter)?)
        };
        Ok(Filled {
            expr,
            request: FilterRequest::default(),
        })
    }

    /// The filter with its placeholders filled in, in one pass: what a value says is never taken for a placeholder.
    fn filled(&self) -> String {
        let mut out = String::with_capacity(self.filter.len());
        let mut rest = self.filter.as_str();
        while let Some(at) = rest.find("{:") {
            let (before, placeholder) = rest.split_at(at);
            out.push_str(before);
            let known = placeholder
                .find('}')
                .and_then(|end| Some((end, self.params.get(&placeholder[2..end])?)));
            match known {
                Some((end, value)) => {
                    out.push_str(&literal(value));
                    rest = &placeholder[end + 1..];
                }
                None => {
                    out.push_str("{:");
                    rest = &placeholder[2..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn apply(&self, filled: &Filled, query: &mut Query<'_>) -> Outcome<()> {
        if let Some(expr) = &filled.expr {
            query.filter(expr, Scope::Rule)?;
        }
        Ok(())
    }
}

/// A value as the filter language writes it.
fn literal(value: &Value) -> String {
    let text = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(flag) => return flag.to_string(),
        Value::Number(number) => return number.as_f64().unwrap_or_default().to_string(),
        Value::String(text) => text.clone(),
        other => to_json(other),
    };
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn select(collection: &str, query: &str) -> Outcome<String> {
    let catalog = catalog::current()?;
    let entry = find_entry(&catalog, collection)?;
    let wanted: Wanted = read(query)?;
    let filled = wanted.fill()?;
    let mut query = query::query(&catalog, entry, &filled.request);
    wanted.apply(&filled, &mut query)?;
    query.sort(&wanted.sort, Scope::Rule)?;
    let limit = if wanted.limit == 0 {
        MAX_SELECTED
    } else {
        wanted.limit.min(MAX_SELECTED)
    };
    let tail = match wanted.offset {
        0 => format!(" LIMIT {limit}"),
        offset => format!(" LIMIT {limit} OFFSET {}", offset.min(i64::MAX as u64)),
    };
    let statement = query::rows_statement(&query::full_list(entry), query.finish(), &tail);
    Ok(to_json(&query::fetch_records(entry, statement)?))
}

fn count(collection: &str, query: &str) -> Outcome<u32> {
    let catalog = catalog::current()?;
    let entry = find_entry(&catalog, collection)?;
    let wanted: Wanted = read(query)?;
    let filled = wanted.fill()?;
    let mut query = query::query(&catalog, entry, &filled.request);
    wanted.apply(&filled, &mut query)?;
    let built = query.finish();
    let sql = format!(
        "SELECT count(*) FROM {} WHERE {}",
        built.count_from, built.where_sql
    );
    let statement = Statement::new(sql, query::params(built.params));
    let rows = query::fetch(vec![Segment::Rows(Rendered {
        statement,
        template: r#"[{"s":"json"}]"#.into(),
    })])?;
    let count = rows
        .first()
        .and_then(|rows| rows.first())
        .and_then(Value::as_u64)
        .unwrap_or_default();
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn save(collection: &str, document: &str, options: &str) -> Outcome<String> {
    let catalog = catalog::current()?;
    let entry = find_entry(&catalog, collection)?;
    if entry.is_view() {
        return Err(ApiError::bad_request("Unsupported collection type.").into());
    }
    let document: Values = serde_json::from_str(document)?;
    let options: SaveOptions = read(options)?;
    let id = document
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let stored = match options.is_new {
        Some(true) => None,
        _ if id.is_empty() => None,
        known => match by_id(entry, id, "")? {
            None if known == Some(false) => return Err(no_record(collection, id).into()),
            stored => stored,
        },
    };
    let (names, mut draft) = match stored {
        Some(stored) => (UPDATE, Draft::stored(entry.clone(), stored)),
        None => (CREATE, Draft::new(entry.clone())),
    };
    draft.shown.apply(
        entry,
        &Map::from_iter([("set".to_owned(), Value::Object(document))]),
    );
    draft.id_given = !draft.shown.id().is_empty();
    if options.random_password {
        auth::make_password(&mut draft)?;
    }
    let events = draft::listened(&names, entry, &[]);
    let how = How {
        validate: options.validate.unwrap_or(true),
        checked: None,
    };
    let result = draft::save(&catalog, &mut draft, &events, how);
    ended::after(&names, &mut draft, &events, result)
        .map_err(|failure| impersonal(&draft, failure))?;
    Ok(to_json(&draft.shown.values))
}

/// Outside the record endpoints PocketBase gives failed saves no sentence of their own.
fn impersonal(draft: &Draft, failure: Failure) -> Failure {
    match failure {
        Failure::Api(error) if error.message == draft::failed_message(draft) => {
            Failure::Api(ApiError {
                message: messages::SOMETHING_WRONG.into(),
                ..error
            })
        }
        other => other,
    }
}

fn create_as(collection: &str, body: &str, request: &str) -> Outcome<String> {
    let catalog = catalog::current()?;
    let entry = find_entry(&catalog, collection)?;
    if entry.is_view() {
        return Err(ApiError::bad_request("Unsupported collection type.").into());
    }
    let request: Part = read(request)?;
    let mut body = Body {
        values: serde_json::from_str(body)?,
        files: files::some_of_request(&request.files)?.into(),
        ..Body::default()
    };
    files::attach(entry, &mut body.values, &mut body.files);
    let mut made = None;
    if request.random_password {
        let password = auth::random_password()?;
        for name in ["password", "passwordConfirm"] {
            body.values
                .insert(name.to_owned(), password.as_str().into());
        }
        made = Some(password);
    }
    let mut call = Call::part(&request, body);
    call.made_password = made;
    let mut stored = None;
    create::create(&catalog, entry, &call, |draft| {
        stored = Some(to_json(&draft.shown.values));
        Ok(Response::empty(200))
    })?;
    // A handler that ends the request's chain leaves nothing behind.
    stored.ok_or_else(|| ApiError::bad_request(messages::CREATE_RECORD).into())
}

fn remove(collection: &str, id: &str) -> Outcome<()> {
    let catalog = catalog::current()?;
    let entry = find_entry(&catalog, collection)?;
    if entry.is_view() {
        return Err(ApiError::bad_request("Unsupported collection type.").into());
    }
    let stored = by_id(entry, id, "")?.ok_or_else(|| no_record(collection, id))?;
    let mut draft = Draft::stored(entry.clone(), stored);
    let events = draft::listened(&DELETE, entry, &[]);
    delete::delete(&catalog, &mut draft, &events)
}

fn present(collection: &str, records: &str, options: &str) -> Outcome<String> {
    let catalog = catalog::current()?;
    let entry = find_entry(&catalog, collection)?;
    let options: PresentOptions = read(options)?;
    let records: Vec<Values> = serde_json::from_str(records)?;
    let records = records.into_iter().map(Shown::new).collect();
    let call = Call::internal(options.viewer.as_ref().map(Value::to_string));
    let options = Options {
        expand: &options.expand,
        show_emails: options.show_emails,
    };
    Ok(to_json(&present::enrich(
        &catalog, entry, &call, records, options,
    )?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_cannot_break_out() {
        for text in [
            "a",
            "it's",
            "\\",
            "x\\",
            "\\' || 1=1 || title = '",
            "a\\'b",
            "' || id != '",
            "{:w}",
            "{:v}",
        ] {
            let wanted = Wanted {
                filter: "title = {:v} && body != {:w} && n = {:x}".into(),
                params: Map::from_iter([
                    ("v".to_owned(), json!(text)),
                    ("w".to_owned(), json!("' || 2=2")),
                ]),
                ..Wanted::default()
            };
            let quoted = wanted.filled();
            let quoted = quoted.strip_prefix("title = '").expect("a literal first");
            let end = quoted
                .find("' && body != '")
                .expect("the first literal ends where it should");
            assert_eq!(
                quoted[..end].replace("\\'", "'").replace("\\\\", "\\"),
                text
            );
            assert!(quoted.ends_with(" && n = {:x}"), "{quoted}");
        }
    }

    #[test]
    fn filled_filters_parse() {
        let wanted = Wanted {
            filter: "title = {:v} || n > {:n}".into(),
            params: Map::from_iter([
                ("v".to_owned(), json!("\\' \\")),
                ("n".to_owned(), json!(-1.5)),
            ]),
            ..Wanted::default()
        };
        assert!(wanted.fill().is_ok_and(|filled| filled.expr.is_some()));
    }
}
