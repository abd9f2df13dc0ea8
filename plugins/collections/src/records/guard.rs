//! `security.rls = "always"`: what clients read goes through the policies of the database instead of a compiled rule.
//!
//! Each read runs in a transaction of its own (a savepoint inside another) that is rolled back, so role and request are
//! forgotten with it, whatever happens in between. Superusers and writes are as without.

use std::cell::OnceCell;

use hangar_failure::Outcome;
use hangar_filter::{Request as FilterRequest, policy};
use hangar_model::sql::SCHEMA;
use hangar_model::{ApiError, date};
use hangar_sdk::http::Response;
use hangar_sdk::postgres::{Plan, Transaction, begin, query, render};
use hangar_sdk::{Error, Result, config};
use serde_json::{Value, json};

use crate::call::Call;
use crate::catalog::Entry;

/// Which rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The list rule.
    List,
    /// The view rule.
    View,
}

thread_local! {
    static ALWAYS: OnceCell<bool> = const { OnceCell::new() };
}

/// Reads the setting.
///
/// # Errors
/// A value that means nothing.
pub fn setting() -> Result<bool> {
    let settings: Value = serde_json::from_str(&config::get())?;
    match settings.pointer("/security/rls") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::String(text)) if text == "direct" => Ok(false),
        Some(Value::String(text)) if text == "always" => Ok(true),
        Some(other) => Err(Error::new(
            "bad_input",
            400,
            format!(
                "security.rls is {other}; write \"direct\" (policies are for direct connections) or \"always\" (the API reads under them too)"
            ),
        )),
    }
}

/// Whether what this call reads goes through the policies.
pub fn applies(call: &Call) -> bool {
    // Unit tests have no host to ask.
    let always = || cfg!(target_arch = "wasm32") && setting().unwrap_or(true);
    !call.superuser() && ALWAYS.with(|cell| *cell.get_or_init(always))
}

/// Schema in which paths of a guarded query find other records: there the policies of their collections do not apply
/// a second time, the compiled list rules do.
pub const RELATED: &str = policy::VIEWS;

/// Schema in which a guarded query finds the records it asks for.
pub fn source(entry: &Entry) -> &'static str {
    if entry.is_view() {
        policy::SHOWN
    } else {
        SCHEMA
    }
}

/// Runs reading work under the policies.
///
/// # Errors
/// Those of the work, and of the database.
pub fn under<T>(
    call: &Call,
    request: &FilterRequest,
    action: Action,
    work: impl FnOnce() -> Outcome<T>,
) -> Outcome<T> {
    let open = begin()?;
    let auth = call.identity.as_ref().map_or(String::new(), |identity| {
        json!({"collection": identity.collection.id, "id": identity.id()}).to_string()
    });
    let action = match action {
        Action::List => "list",
        Action::View => "view",
    };
    query(
        "SELECT set_config('hangar.auth', $1::text, true), set_config('hangar.request', $2::text, true), \
         set_config('hangar.action', $3::text, true), set_config('role', $4::text, true)",
        vec![
            auth.into(),
            session(request).into(),
            action.into(),
            policy::SERVER_ROLE.into(),
        ],
    )?;
    let value = work()?;
    Transaction::rollback(open)?;
    Ok(value)
}

/// `hangar.request`.
fn session(request: &FilterRequest) -> String {
    let mut document = json!({
        "method": request.method,
        "context": request.context,
        "query": request.query,
        "headers": request.headers,
        "body": request.body,
        "now": date::format(request.now_ms),
    });
    without_nul(&mut document);
    document.to_string()
}

/// PostgreSQL cannot hold the character; no stored text has it, so none equals what has it replaced.
fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(list) => list.iter_mut().for_each(without_nul),
        Value::Object(map) => {
            let nul = map.keys().any(|key| key.contains('\0'));
            if nul {
                let old = std::mem::take(map);
                map.extend(
                    old.into_iter()
                        .map(|(key, value)| (key.replace('\0', "\u{fffd}"), value)),
                );
            }
            map.values_mut().for_each(without_nul);
        }
        _ => {}
    }
}

/// Answers with a plan, run now and under the policies.
///
/// # Errors
/// 404 if the plan says so for no rows, and what the database says.
pub fn answer(call: &Call, action: Action, plan: &Plan) -> Outcome<Response> {
    let text = under(call, &call.plain_request(), action, || Ok(render(plan)?))?;
    let text = text.ok_or_else(|| ApiError::not_found(""))?;
    Ok(Response::json(200, text))
}
