//! `GET /api/collections/{collection}/records/{id}`

use hangar_failure::Outcome;
use hangar_filter::Request as FilterRequest;
use hangar_model::ApiError;
use hangar_sdk::http::Response;
use hangar_sdk::postgres::{Fallback, Plan, Rendered, Segment, defer};

use crate::call::Call;
use crate::catalog::{Catalog, Entry, Rule, RuleKind};
use crate::records::document;
use crate::records::guard::{self, Action};
use crate::records::hooks::{self, Events};
use crate::records::plans::Prepared;
use crate::records::present::{self, Options};
use crate::records::query;
use crate::records::record::Shown;
use crate::records::template::Audience;

/// Answers the request.
pub fn handle(catalog: &Catalog, entry: &Entry, call: &Call, id: &str) -> Outcome<Response> {
    let rule = query::rule_for(entry, RuleKind::View, call)?;
    if id.contains('\0') {
        return Err(ApiError::not_found("").into());
    }
    let events = Events::among(&["onRecordViewRequest", "onRecordEnrich"], entry);
    if !events.is_empty()
        || !call.parameter("expand").is_empty()
        || !call.parameter("fields").is_empty()
    {
        return slow(catalog, entry, call, &rule, id, &events);
    }
    let own = call.own_id(&entry.id).unwrap_or_default();
    let key = if call.superuser() { "view su" } else { "view" };
    let guarded = guard::applies(call);
    if !guarded && let Some(body) = entry.plans.defer(key, id, own) {
        return Ok(Response::deferred(200, body?));
    }
    let audience = if call.superuser() {
        Audience::Superuser
    } else {
        Audience::Public
    };
    let shape = entry.shapes.get(entry, audience);
    let mut dynamic = matches!(rule, Rule::Expr(_, true));
    let manages =
        shape.hides_email() && matches!(entry.rule(RuleKind::Manage)?, Rule::Expr(_, true));
    let request = if dynamic || manages {
        call.plain_request()
    } else {
        FilterRequest::default()
    };

    let mut query = query::reading(catalog, entry, &request, &rule, guarded)?;
    let id_at = query::with_id(&mut query, id);
    let email = match shape.hides_email() {
        true => Some(query::email_condition(
            &mut query, catalog, entry, call, &request,
        )?),
        false => None,
    };
    let mut built = query.finish();
    // One row: its order does not matter.
    built.order_by.clear();
    let (mut own_at, mut email_sql) = (None, String::new());
    if let Some(email) = email {
        dynamic |= email.dynamic;
        built.params.extend(email.more);
        (own_at, email_sql) = (Some(email.own_at), email.sql);
    }
    let statement = query::rows_statement(&shape.select_list(&email_sql), built, " LIMIT 1");
    let plan = Plan {
        segments: vec![Segment::Rows(Rendered {
            statement,
            template: shape.template.clone(),
        })],
        when_empty: Some(Fallback {
            status: 404,
            text: ApiError::not_found("").to_json(),
        }),
        when_failed: Some(Fallback {
            status: 400,
            text: ApiError::bad_request("").to_json(),
        }),
    };
    if guarded {
        return guard::answer(call, Action::View, &plan);
    }
    if dynamic {
        return Ok(Response::deferred(200, defer(&plan)?));
    }
    let mut prepared = Prepared {
        plan,
        id_at: Some(id_at),
        own_at,
    };
    let body = prepared.defer(id, own)?;
    entry.plans.keep(key, prepared);
    Ok(Response::deferred(200, body))
}

/// The way through this component, for hooks, `expand` and `fields`.
fn slow(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    rule: &Rule<'_>,
    id: &str,
    events: &Events,
) -> Outcome<Response> {
    let picker = present::picker(call)?;
    let request = call.plain_request();
    let guarded = guard::applies(call);
    let mut query = query::reading(catalog, entry, &request, rule, guarded)?;
    query::with_id(&mut query, id);
    let statement = query::rows_statement(&query::full_list(entry), query.finish(), " LIMIT 1");
    let read = || query::fetch_records(entry, statement);
    let mut found = match guarded {
        true => guard::under(call, &request, Action::View, read)?,
        false => read()?,
    };
    let found = found.pop().ok_or_else(|| ApiError::not_found(""))?;
    let record = Shown::new(found);
    let answer = |record: Shown| -> Outcome<Response> {
        let mut items = present::enrich(catalog, entry, call, vec![record], Options::of(call))?;
        let item = items.pop().unwrap_or_default();
        Ok(Response::json(
            200,
            document::text(catalog, &present::pick(&picker, item)),
        ))
    };
    if !events.has("onRecordViewRequest") {
        return answer(record);
    }
    hooks::view_request(entry, call, record, answer)
}
