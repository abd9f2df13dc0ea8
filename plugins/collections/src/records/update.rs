//! `PATCH /api/collections/{collection}/records/{id}`

use std::rc::Rc;

use hangar_failure::{Failure, Outcome};
use hangar_filter::Scope;
use hangar_model::{ApiError, messages};
use hangar_sdk::http::Response;
use hangar_sdk::postgres::{Segment, Statement, Value as Param};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::catalog::{Catalog, Entry, Rule, RuleKind};
use crate::records::document;
use crate::records::draft::{self, Draft, How, UPDATE};
use crate::records::ended;
use crate::records::hooks::Events;
use crate::records::present::{self, Options};
use crate::records::query::{self, Values};
use crate::records::request_event::in_request;
use crate::records::write::{retried, transaction};
use crate::records::{auth, submitted};

/// Answers the request.
pub fn handle(catalog: &Catalog, entry: &Rc<Entry>, call: &Call, id: &str) -> Outcome<Response> {
    let rule = query::rule_for(entry, RuleKind::Update, call)?;
    if id.contains('\0') {
        return Err(ApiError::not_found("").into());
    }
    let picker = present::picker(call)?;
    let superuser = call.superuser();
    let modified = submitted::modified(entry, &call.body.values);
    let found = find(catalog, entry, call, id, &rule, &modified)?;
    call.body.check_form()?;
    let Found {
        stored,
        resolved,
        manager,
    } = found;

    let mut draft = Draft::stored(entry.clone(), stored);
    draft.load(&resolved);
    draft.uploads = call.body.files.clone();
    let events = draft::listened(&UPDATE, entry, &["onRecordUpdateRequest"]);
    in_request(
        &events,
        "onRecordUpdateRequest",
        call,
        &mut draft,
        |draft| {
            if draft.entry.is_auth() {
                auth::check_form(draft, &call.body.values, manager || superuser)?;
            }
            let result = store(catalog, draft, &events, call, &modified);
            let result = result.map_err(|failure| draft::failed(draft, failure));
            ended::after(&UPDATE, draft, &events, result)
                .map_err(|failure| Failure::Api(failure.into_api(messages::UPDATE_RECORD)))?;
            let mut items = present::enrich(
                catalog,
                entry,
                call,
                vec![draft.shown.clone()],
                Options::of(call),
            )?;
            Ok(Response::json(
                200,
                document::text(
                    catalog,
                    &present::pick(&picker, items.pop().unwrap_or_default()),
                ),
            ))
        },
    )
}

struct Found {
    stored: Values,
    resolved: Map<String, Value>,
    manager: bool,
}

/// The stored record, if the rule lets the caller at it.
fn find(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    id: &str,
    rule: &Rule<'_>,
    modified: &[&str],
) -> Outcome<Found> {
    let not_found = || ApiError::not_found("");
    // Rules see the body after modifiers, which need the stored record first.
    let first = match modified.is_empty() {
        true => None,
        false => Some(by_id(entry, id, "")?.ok_or_else(not_found)?),
    };
    let resolved = submitted::resolve(entry, first.as_ref().unwrap_or(&Values::new()), call);
    let request = call.filter_request(call.context, resolved.clone());
    let mut query = query::query(catalog, entry, &request);
    query::with_id(&mut query, id);
    query::with_rule(&mut query, rule)?;
    let mut segments = vec![query::full_rows(
        entry,
        query::rows_statement(&query::full_list(entry), query.finish(), " LIMIT 1"),
    )];
    if call.may_manage(entry)
        && let Rule::Expr(expr, _) = entry.rule(RuleKind::Manage)?
    {
        let mut query = query::query(catalog, entry, &request);
        query::with_id(&mut query, id);
        query.filter(expr, Scope::Rule)?;
        segments.push(query::exists(query.finish()));
    }
    let mut answers: std::vec::IntoIter<Vec<Value>> = query::fetch(segments)?.into_iter();
    let allowed = query::objects(answers.next().unwrap_or_default())
        .pop()
        .ok_or_else(not_found)?;
    // What the modifiers were resolved on counts as the stored record, even if it has changed since.
    let stored = first.unwrap_or(allowed);
    let manager = answers.next().is_some_and(|rows| !rows.is_empty());
    Ok(Found {
        stored,
        resolved,
        manager,
    })
}

/// A record by its id alone. `tail` is what follows, such as ` FOR UPDATE`.
///
/// # Errors
/// What the database says.
pub fn by_id(entry: &Entry, id: &str, tail: &str) -> Outcome<Option<Values>> {
    let sql = format!(
        "SELECT {} FROM {} AS {} WHERE \"id\" = $1::text{tail}",
        query::full_list(entry),
        entry.table(),
        hangar_model::sql::ident(&entry.name),
    );
    let segment: Segment =
        query::full_rows(entry, Statement::new(sql, vec![Param::Text(id.to_owned())]));
    Ok(query::objects(query::fetch(vec![segment])?.pop().unwrap_or_default()).pop())
}

fn store(
    catalog: &Catalog,
    draft: &mut Draft,
    events: &Events,
    call: &Call,
    modified: &[&str],
) -> Outcome<()> {
    let how = || How {
        validate: true,
        checked: None,
    };
    if modified.is_empty() {
        return draft::save(catalog, draft, events, how());
    }
    let mut locked = || {
        transaction(|| {
            renew(draft, call, modified)?;
            draft::save(catalog, draft, events, how())
        })
    };
    // Hooks may have done things that cannot be done twice.
    if events.is_empty() {
        retried(locked)
    } else {
        locked()
    }
}

/// Locks the stored record and resolves the modifiers on it once more, so that no update between the first reading and
/// now is lost.
fn renew(draft: &mut Draft, call: &Call, modified: &[&str]) -> Outcome<()> {
    let entry = draft.entry.clone();
    let before = draft.original.clone().unwrap_or_default();
    let id = before.get("id").and_then(Value::as_str).unwrap_or_default();
    let stored = by_id(&entry, id, " FOR UPDATE")?.ok_or_else(|| ApiError::not_found(""))?;
    let first = submitted::resolve(&entry, &before, call);
    let second = submitted::resolve(&entry, &stored, call);
    for field in &entry.fields {
        let name = field.name.as_str();
        let current = draft.shown.values.get(name);
        let fresh = if modified.contains(&name) && current == first.get(name) {
            second.get(name)
        } else if current == before.get(name) {
            stored.get(name)
        } else {
            // Set by the body or a hook.
            continue;
        };
        if let Some(value) = fresh {
            draft.shown.values.insert(name.to_owned(), value.clone());
        }
    }
    draft.original = Some(stored);
    Ok(())
}
