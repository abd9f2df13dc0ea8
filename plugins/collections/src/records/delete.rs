//! `DELETE /api/collections/{collection}/records/{id}`, and deletion with all it entails.

use std::rc::Rc;

use hangar_failure::{Failure, Outcome};
use hangar_model::sql::ident;
use hangar_model::value::to_list;
use hangar_model::{ApiError, FieldType, messages};
use hangar_sdk::http::Response;
use hangar_sdk::postgres::{Statement, Value as Param, query, query_json};
use serde_json::Value;

use crate::call::Call;
use crate::catalog::{Catalog, Entry, Reference, RuleKind};
use crate::realtime::announce;
use crate::records::auth;
use crate::records::draft::{self, DELETE, Draft, How, Names, UPDATE, inside};
use crate::records::ended;
use crate::records::hooks::Events;
use crate::records::query::{self as queries, Values};
use crate::records::request_event::in_request;
use crate::records::write::{retried, transaction};

/// Referring records looked at in one go.
const PAGE: usize = 200;
/// Longest chain of cascading deletes.
const MAX_DEPTH: usize = 50;

/// Answers the request.
pub fn handle(catalog: &Catalog, entry: &Rc<Entry>, call: &Call, id: &str) -> Outcome<Response> {
    let rule = queries::rule_for(entry, RuleKind::Delete, call)?;
    if id.contains('\0') {
        return Err(ApiError::not_found("").into());
    }
    let request = call.plain_request();
    let mut query = queries::query(catalog, entry, &request);
    queries::with_id(&mut query, id);
    queries::with_rule(&mut query, &rule)?;
    let statement = queries::rows_statement(&queries::full_list(entry), query.finish(), " LIMIT 1");
    let stored = queries::fetch_records(entry, statement)?
        .pop()
        .ok_or_else(|| ApiError::not_found(""))?;
    let mut draft = Draft::stored(entry.clone(), stored);
    let events = draft::listened(&DELETE, entry, &["onRecordDeleteRequest"]);
    in_request(
        &events,
        "onRecordDeleteRequest",
        call,
        &mut draft,
        |draft| {
            delete(catalog, draft, &events)
                .map_err(|failure| Failure::Api(failure.into_api(messages::DELETE_RECORD)))?;
            Ok(Response::empty(204))
        },
    )
}

/// A change done on the way, whose after-events wait for the commit.
struct Pending {
    names: Names,
    draft: Draft,
    events: Events,
}

/// Deletes a record inside its model events, with what refers to it, and raises the after-events.
///
/// # Errors
/// 400 if a required relation stands in the way or it is the last superuser; what hooks and the database say.
pub fn delete(catalog: &Catalog, draft: &mut Draft, events: &Events) -> Outcome<()> {
    let mut pending = Vec::new();
    let result = if events.is_empty() {
        retried(|| {
            pending.clear();
            delete_one(catalog, draft, events, &mut pending, 0)
        })
    } else {
        delete_one(catalog, draft, events, &mut pending, 0)
    };
    for mut change in pending {
        let outcome = match &result {
            Ok(()) => Ok(()),
            // Rolled back with the rest.
            Err(_) => Err(ApiError::bad_request(messages::DELETE_RECORD).into()),
        };
        let settled = ended::after(&change.names, &mut change.draft, &change.events, outcome);
        if result.is_ok() {
            settled?;
        }
    }
    ended::after(&DELETE, draft, events, result)
}

fn delete_one(
    catalog: &Catalog,
    draft: &mut Draft,
    events: &Events,
    pending: &mut Vec<Pending>,
    depth: usize,
) -> Outcome<()> {
    inside(events, &DELETE.of("Record", ""), draft, &mut |draft| {
        inside(events, &DELETE.of("Model", ""), draft, &mut |draft| {
            inside(
                events,
                &DELETE.of("Record", "Execute"),
                draft,
                &mut |draft| {
                    draft.farewell = announce::prepare_delete(draft);
                    let entry = draft.entry.clone();
                    let alone = !events.has(&DELETE.of("Model", "Execute"))
                        && !entry.is_auth()
                        && catalog.references(&entry.id).next().is_none();
                    if alone {
                        return delete_row(draft);
                    }
                    transaction(|| {
                        inside(
                            events,
                            &DELETE.of("Model", "Execute"),
                            draft,
                            &mut |draft| remove(catalog, draft, pending, depth),
                        )
                    })
                },
            )
        })
    })
}

fn delete_row(draft: &Draft) -> Outcome<()> {
    let sql = format!(
        "DELETE FROM {} WHERE \"id\" = $1::text",
        draft.entry.table()
    );
    let rows = query(sql, vec![Param::Text(draft.shown.id().to_owned())])?;
    if rows.affected == 0 {
        Err(ApiError::not_found("").into())
    } else {
        Ok(())
    }
}

/// The row first: whoever refers to it in a circle then no longer finds it.
fn remove(
    catalog: &Catalog,
    draft: &Draft,
    pending: &mut Vec<Pending>,
    depth: usize,
) -> Outcome<()> {
    if depth > MAX_DEPTH {
        hangar_sdk::log::warn(
            "a delete cascades over more than 50 records in a row and is refused",
        );
        return Err(ApiError::bad_request(messages::DELETE_RECORD).into());
    }
    let entry = draft.entry.clone();
    if entry.is_superusers() {
        // All rows are locked, so that two requests cannot delete the last two at once.
        let sql = format!(
            "SELECT \"id\" FROM {} ORDER BY \"id\" FOR UPDATE",
            entry.table()
        );
        if query(sql, vec![])?.rows.len() <= 1 {
            return Err(
                ApiError::bad_request("You can't delete the only existing superuser.").into(),
            );
        }
    }
    delete_row(draft)?;
    let remnants = auth::remnants(draft);
    if !remnants.is_empty() {
        query_json(&remnants)?;
    }
    for reference in catalog.references(&entry.id) {
        release(catalog, &reference, draft.shown.id(), pending, depth)?;
    }
    Ok(())
}

/// Takes an id out of a relation field of all records.
fn release(
    catalog: &Catalog,
    reference: &Reference<'_>,
    id: &str,
    pending: &mut Vec<Pending>,
    depth: usize,
) -> Outcome<()> {
    let name = &reference.field.name;
    let (deletes, updates) = (
        draft::listened(&DELETE, reference.entry, &[]),
        draft::listened(&UPDATE, reference.entry, &[]),
    );
    let mut last = String::new();
    loop {
        let found = referring(reference, id, &last)?;
        let Some(end) = found
            .last()
            .and_then(|record| record.get("id"))
            .and_then(Value::as_str)
        else {
            return Ok(());
        };
        last = end.to_owned();
        let full = found.len() == PAGE;
        for record in found {
            let mut draft = Draft::stored(reference.entry.clone(), record);
            let mut ids = draft
                .shown
                .values
                .get(name)
                .map(to_list)
                .unwrap_or_default();
            ids.retain(|other| other != id);
            if ids.is_empty() && reference.options.cascade_delete {
                let result = delete_one(catalog, &mut draft, &deletes, pending, depth + 1);
                finish(pending, DELETE, draft, &deletes, result)?;
                continue;
            }
            if ids.is_empty() && reference.field.required {
                return Err(ApiError::bad_request(messages::DELETE_RECORD).into());
            }
            let value = match reference.field.is_multiple() {
                true => Value::from(ids),
                false => Value::from(""),
            };
            draft.shown.values.insert(name.clone(), value);
            let result = draft::save(catalog, &mut draft, &updates, How::default());
            finish(pending, UPDATE, draft, &updates, result.map_err(in_the_way))?;
        }
        if !full {
            return Ok(());
        }
    }
}

/// A referring record that cannot do without keeps this one; what is wrong with it is told.
fn in_the_way(failure: Failure) -> Failure {
    match failure {
        Failure::Api(error) if error.message == messages::UPDATE_RECORD => {
            Failure::Api(error).told(messages::DELETE_RECORD)
        }
        other => other,
    }
}

/// Notes a change for its after-events; a failed one fails the whole.
fn finish(
    pending: &mut Vec<Pending>,
    names: Names,
    draft: Draft,
    events: &Events,
    result: Outcome<()>,
) -> Outcome<()> {
    result?;
    let mut fields = draft.entry.fields.iter();
    let files = fields.any(|field| field.kind() == FieldType::File);
    if !events.is_empty() || files || ended::concerns(&names, &draft, events, true) {
        pending.push(Pending {
            names,
            draft,
            events: events.clone(),
        });
    }
    Ok(())
}

/// Locks the next records that refer to an id, by their own ids.
fn referring(reference: &Reference<'_>, id: &str, after: &str) -> Outcome<Vec<Values>> {
    let entry: &Entry = reference.entry;
    let column = format!("{}.{}", ident(&entry.name), ident(&reference.field.name));
    let condition = match reference.field.is_multiple() {
        true => format!("{column} ? $1::text"),
        false => format!("{column} = $1::text"),
    };
    let alias = ident(&entry.name);
    let sql = format!(
        "SELECT {} FROM {} AS {alias} WHERE {condition} AND {alias}.\"id\" > $2::text \
         ORDER BY {alias}.\"id\" LIMIT {PAGE} FOR UPDATE",
        queries::full_list(entry),
        entry.table(),
    );
    let params = vec![Param::Text(id.to_owned()), Param::Text(after.to_owned())];
    queries::fetch_records(entry, Statement::new(sql, params))
}
