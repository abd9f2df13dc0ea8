//! Records: the five endpoints, and the service to other plugins.

pub mod auth;
pub mod checks;
pub mod create;
pub mod delete;
pub mod document;
pub mod draft;
pub mod ended;
pub mod event_document;
mod expand;
pub mod guard;
pub mod hooks;
pub mod list;
mod owned;
pub mod page;
pub mod plain_event;
pub mod plans;
pub mod present;
pub mod query;
pub mod record;
pub mod request_event;
pub mod service;
pub mod submitted;
pub mod template;
mod throttle;
pub mod update;
pub mod view;
pub mod write;

use std::rc::Rc;

use hangar_failure::Outcome;
use hangar_model::ApiError;
use hangar_sdk::http::{Request, Response};

use crate::call::Call;
use crate::catalog::{self, Catalog, Entry};
use crate::files;

/// Answers a request to one of the record endpoints.
///
/// # Errors
/// What the endpoint answers instead.
pub fn handle(request: Request) -> Outcome<Response> {
    let catalog = catalog::current()?;
    let collection = request.params.first().cloned().unwrap_or_default();
    let id = request.params.get(1).cloned();
    let missing = match request.header("x-hangar-context") {
        Some("batch") => "Missing collection context.",
        _ => "Missing or invalid collection context.",
    };
    match (request.method.as_str(), id) {
        ("GET", None) => {
            let entry = find(&catalog, &collection, "Missing collection context.")?;
            count(entry, "list")?;
            list::handle(&catalog, entry, &Call::new(request)?)
        }
        ("GET", Some(id)) => {
            let entry = find(&catalog, &collection, "Missing collection context.")?;
            count(entry, "view")?;
            view::handle(&catalog, entry, &Call::new(request)?, &id)
        }
        ("POST", None) => {
            let entry = writable(find(&catalog, &collection, missing)?)?;
            count(entry, "create")?;
            let call = with_record(request, entry)?;
            call.body.check_form()?;
            create::handle(&catalog, entry, &call)
        }
        ("PATCH", Some(id)) => {
            let entry = writable(find(&catalog, &collection, missing)?)?;
            count(entry, "update")?;
            update::handle(&catalog, entry, &with_record(request, entry)?, &id)
        }
        ("DELETE", Some(id)) => {
            let entry = writable(find(&catalog, &collection, "Missing collection context.")?)?;
            count(entry, "delete")?;
            delete::handle(&catalog, entry, &Call::new(request)?, &id)
        }
        _ => Err(ApiError::not_found("").into()),
    }
}

/// A request with a record in its body, files included.
fn with_record(request: Request, entry: &Entry) -> Outcome<Call> {
    let mut call = Call::new(request)?;
    let body = &mut call.body;
    files::attach(entry, &mut body.values, &mut body.files);
    Ok(call)
}

/// Counts the request under the labels of what it does.
///
/// # Errors
/// `rate_limited`.
pub fn count(entry: &Entry, action: &str) -> Outcome<()> {
    let labels = [format!("{}:{action}", entry.name), format!("*:{action}")];
    Ok(hangar_sdk::guard::check(&labels)?)
}

fn find<'a>(catalog: &'a Catalog, name: &str, message: &str) -> Result<&'a Rc<Entry>, ApiError> {
    catalog
        .get(name)
        .ok_or_else(|| ApiError::not_found(message))
}

fn writable(entry: &Rc<Entry>) -> Result<&Rc<Entry>, ApiError> {
    if entry.is_view() {
        Err(ApiError::bad_request("Unsupported collection type."))
    } else {
        Ok(entry)
    }
}
