//! `POST /api/collections/{collection}/records`

use std::rc::Rc;

use hangar_failure::{Failure, Outcome};
use hangar_model::{ApiError, ValidationErrors, messages};
use hangar_sdk::http::Response;

use crate::call::Call;
use crate::catalog::{Catalog, Entry, RuleKind};
use crate::records::checks::Checks;
use crate::records::document;
use crate::records::draft::{self, CREATE, Draft, How};
use crate::records::ended;
use crate::records::present::{self, Options};
use crate::records::request_event::in_request;
use crate::records::{auth, query, submitted};

/// Answers the request.
pub fn handle(catalog: &Catalog, entry: &Rc<Entry>, call: &Call) -> Outcome<Response> {
    let picker = present::picker(call)?;
    create(catalog, entry, call, |draft| {
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
    })
}

/// Creates what the call asks for, by the create rule, and answers with `respond` inside the request's event.
///
/// # Errors
/// What the client is answered instead.
pub fn create(
    catalog: &Catalog,
    entry: &Rc<Entry>,
    call: &Call,
    respond: impl FnOnce(&mut Draft) -> Outcome<Response>,
) -> Outcome<Response> {
    let rule = query::rule_for(entry, RuleKind::Create, call)?;
    let superuser = call.superuser();
    let mut draft = Draft::new(entry.clone());
    let resolved = submitted::resolve(entry, &draft.shown.values, call);
    draft.load(&resolved);
    draft.made_password = call.made_password.clone();
    if !superuser && draft.shown.passwords.values().any(auth::too_long) {
        return Err(ApiError::create_record(ValidationErrors::new()).into());
    }
    draft.uploads = call.body.files.clone();
    draft.id_given = !draft.shown.id().is_empty();

    let events = draft::listened(&CREATE, entry, &["onRecordCreateRequest"]);
    // Rule, manage rule and the questions of validation share one round trip where no hook can come between them.
    let mut segments = Vec::new();
    let ruling = submitted::meets(catalog, &draft, call, &rule, &resolved);
    // A rule that cannot be compiled is one that nobody meets.
    segments.extend(ruling.map_err(|_| ApiError::create_record(ValidationErrors::new()))?);
    let ruled = !segments.is_empty();
    if call.may_manage(entry) {
        segments.extend(submitted::meets(
            catalog,
            &draft,
            call,
            &entry.rule(RuleKind::Manage)?,
            &resolved,
        )?);
    }
    let managed = segments.len() > usize::from(ruled);
    let pipelined = events.is_empty();
    if pipelined {
        segments.extend(Checks::of(catalog, &draft).segments);
    }
    let mut answers = if segments.is_empty() {
        Vec::new()
    } else {
        query::fetch(segments)?
    }
    .into_iter();
    if ruled && answers.next().is_none_or(|rows| rows.is_empty()) {
        return Err(ApiError::create_record(ValidationErrors::new()).into());
    }
    let manager = superuser || (managed && answers.next().is_some_and(|rows| !rows.is_empty()));
    let checked = pipelined.then(|| answers.collect());

    in_request(
        &events,
        "onRecordCreateRequest",
        call,
        &mut draft,
        |draft| {
            if draft.entry.is_auth() {
                auth::check_form(draft, &call.body.values, manager)?;
            }
            let result = draft::save(
                catalog,
                draft,
                &events,
                How {
                    validate: true,
                    checked,
                },
            );
            let result = result.map_err(|failure| draft::failed(draft, failure));
            ended::after(&CREATE, draft, &events, result)
                .map_err(|failure| Failure::Api(failure.into_api(messages::CREATE_RECORD)))?;
            respond(draft)
        },
    )
}
