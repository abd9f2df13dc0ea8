//! Collections themselves: their metadata, their tables, and the API for both.

mod bootstrap;
mod dependents;
mod dry_run;
mod edit;
mod events;
mod import;
mod kept_views;
mod list;
mod model_events;
mod moved;
mod permitted;
mod policies;
mod postgres_views;
mod remove;
mod sql;
mod store;
mod views;

pub use bootstrap::activate;
pub use model_events::ended;
pub use moved::{clear, put};

use hangar_failure::{Failure, Outcome};
use hangar_model::bound::{is_url_encoded, spell};
use hangar_model::collection::CollectionType;
use hangar_model::json::to_json;
use hangar_model::picker::Picker;
use hangar_model::{ApiError, Collection, messages};
use hangar_sdk::http::{Request, Response};
use serde_json::{Map, Value};

use crate::body;
use crate::call::Identity;
use crate::catalog;
use crate::random::HostRandom;

/// Answers a request for collections. Only superusers get past the door.
pub fn handle(request: &Request) -> Response {
    route(request).unwrap_or_else(Failure::respond)
}

fn route(request: &Request) -> Outcome<Response> {
    let identity = request
        .identity
        .as_deref()
        .and_then(|text| serde_json::from_str::<Identity>(text).ok());
    if !identity.as_ref().is_some_and(|identity| identity.superuser) {
        return Err(ApiError::superusers_only(identity.is_some()).into());
    }
    let name = request
        .params
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    match (request.method.as_str(), request.route.as_str()) {
        ("GET", "/api/collections") => list::handle(request),
        ("POST", "/api/collections") => edit::create(request),
        ("PUT", "/api/collections/import") => import::handle(request),
        ("GET", "/api/collections/meta/scaffolds") => scaffolds(request),
        ("GET", "/api/collections/meta/oauth2-providers") => oauth2_providers(request),
        ("POST", "/api/collections/meta/dry-run-view") => dry_run::handle(request),
        ("POST", "/api/sql") => sql::handle(request),
        ("GET", "/api/collections/{collection}") => view(request, name),
        ("PATCH", "/api/collections/{collection}") => edit::update(request, name),
        ("DELETE", "/api/collections/{collection}") => remove::delete(request, name),
        ("DELETE", "/api/collections/{collection}/truncate") => remove::truncate(name),
        _ => Err(ApiError::not_found("").into()),
    }
}

fn view(request: &Request, name: &str) -> Outcome<Response> {
    let catalog = catalog::current()?;
    let entry = catalog.get(name).ok_or_else(|| ApiError::not_found(""))?;
    let shown = || Some(Collection::clone(entry));
    events::one("onCollectionViewRequest", request, shown, |_| {
        show(request, entry)
    })
}

/// A collection as a response, reduced to what `fields` asks for.
fn show(request: &Request, collection: &Collection) -> Outcome<Response> {
    picked(request, collection.to_json())
}

/// A JSON text as a response, reduced to what `fields` asks for.
fn picked(request: &Request, text: String) -> Outcome<Response> {
    let Some(picker) = picker(request)? else {
        return Ok(Response::json(200, text));
    };
    let mut value: Value = serde_json::from_str(&text)?;
    picker.pick_response(&mut value);
    Ok(Response::json(200, to_json(&value)))
}

fn picker(request: &Request) -> Result<Option<Picker>, ApiError> {
    Picker::parse(&parameter(request, "fields")).map_err(|_| ApiError::bad_request(""))
}

/// The first value of a query parameter; empty if there is none.
fn parameter(request: &Request, name: &str) -> String {
    // As in Go, a malformed pair is left out.
    request
        .query
        .split('&')
        .map(str::as_bytes)
        .filter(|pair| is_url_encoded(pair))
        .flat_map(form_urlencoded::parse)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The body as an object; `message` is the answer to one that is none. In JSON these `names` are known in any case.
fn body(request: &Request, names: &[&str], message: &str) -> Outcome<Map<String, Value>> {
    let unreadable = || Failure::Api(ApiError::bad_request(message));
    let kind = request.header("content-type");
    let mut values = body::parse(kind, &request.body)
        .map_err(|_| unreadable())?
        .values;
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        spell(&mut values, names).map_err(|_| unreadable())?;
    }
    Ok(values)
}

/// Empty collections of each type, for clients to start from.
fn scaffolds(request: &Request) -> Outcome<Response> {
    let mut parts = Vec::new();
    for kind in [
        CollectionType::Base,
        CollectionType::Auth,
        CollectionType::View,
    ] {
        let mut collection = Collection::new(kind, &mut HostRandom);
        let suffix =
            hangar_model::Random::text(&mut HostRandom, 10, hangar_model::ids::ID_ALPHABET);
        collection.init_indexes(&suffix);
        parts.push(format!("\"{}\":{}", kind.name(), collection.to_json()));
    }
    picked(request, format!("{{{}}}", parts.join(",")))
}

/// The services whose accounts can sign in.
fn oauth2_providers(request: &Request) -> Outcome<Response> {
    let parts: Vec<String> = hangar_model::providers::OAUTH2_PROVIDERS
        .iter()
        .map(|provider| {
            format!(
                "{{\"name\":{},\"displayName\":{},\"logo\":{}}}",
                to_json(&Value::from(provider.name)),
                to_json(&Value::from(provider.display_name)),
                to_json(&Value::from(provider.logo))
            )
        })
        .collect();
    picked(request, format!("[{}]", parts.join(",")))
}

/// A 400 with the text of an operation's failure, for what the database refuses.
fn refused(failure: Failure, message: &str) -> Failure {
    Failure::Api(failure.into_api(message))
}

/// The generic sentence for a failed creation or update.
fn failed_message(old: Option<&Collection>) -> &'static str {
    if old.is_none() {
        messages::CREATE_COLLECTION
    } else {
        messages::UPDATE_COLLECTION
    }
}
