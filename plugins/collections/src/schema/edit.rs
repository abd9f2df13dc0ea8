//! Creating and updating a collection.

use hangar_failure::{Failure, Outcome};
use hangar_model::error::ValidationErrors;
use hangar_model::validate::unknown_type;
use hangar_model::value_rules::mismatch;
use hangar_model::{ApiError, Collection, CollectionType, messages};
use hangar_sdk::http::{Request, Response};
use serde_json::{Map, Value};

use crate::catalog::{self, Catalog};
use crate::random::{HostRandom, now};
use crate::schema::model_events::Change;
use crate::schema::{body, events, refused, show, store, views};

/// `POST /api/collections`.
pub fn create(request: &Request) -> Outcome<Response> {
    let mut body = body(request, &["name", "type"], messages::BAD_TYPE_BODY)?;
    let kind = requested_type(&body)?;
    let asked = body.clone();
    let draft = || drafted(&*catalog::current().ok()?, &asked, kind).ok();
    let event = "onCollectionCreateRequest";
    events::one(event, request, draft, |changed| {
        body.extend(changed);
        create_one(request, &body, kind)
    })
}

fn create_one(
    request: &Request,
    body: &Map<String, Value>,
    kind: CollectionType,
) -> Outcome<Response> {
    let collection = store::change(|| {
        let catalog = catalog::load()?;
        let new = drafted(&catalog, body, kind)?;
        Change::save(new, None).run(&|new| judge(&catalog, new, None), &|new| {
            store::save(new, None)
        })
    })
    .map_err(|failure| refused(failure, messages::CREATE_COLLECTION))?
    .0;
    show(request, &collection)
}

/// Infers the fields of a view and checks the whole.
fn judge(catalog: &Catalog, new: &mut Collection, old: Option<&Collection>) -> Outcome<()> {
    let problem = infer(catalog, new)?;
    store::check(catalog, &[], new, old, problem.as_deref())
}

/// The type a body asks for; base unless it says otherwise.
pub fn requested_type(body: &Map<String, Value>) -> Outcome<CollectionType> {
    let text = |key: &str| match body.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(Failure::Api(ApiError::bad_request(messages::BAD_TYPE_BODY))),
    };
    text("name")?;
    let name = text("type")?;
    let kind = if name.is_empty() {
        Some(CollectionType::Base)
    } else {
        CollectionType::parse(name)
    };
    kind.ok_or_else(|| ApiError::invalid(messages::CREATE_COLLECTION, unknown_type()).into())
}

/// Infers the fields of a view; gives what is wrong with its query. Other collections have their own fields.
pub fn infer(catalog: &Catalog, new: &mut Collection) -> Outcome<Option<String>> {
    if new.is_view() {
        views::infer(catalog, new)
    } else {
        Ok(None)
    }
}

/// A new collection from a body, prepared but not yet checked.
pub fn drafted(
    catalog: &Catalog,
    body: &Map<String, Value>,
    kind: CollectionType,
) -> Outcome<Collection> {
    let mut random = HostRandom;
    let mut new = Collection::new(kind, &mut random);
    new.merge(body).map_err(|_| ApiError::bad_body())?;
    new.prepare(None, &|id| catalog.get(id).is_some(), &now(), &mut random);
    Ok(new)
}

/// A stored collection with a body merged in, prepared but not yet checked. The check refuses a change of type, and
/// tells what else the other type would have lacked.
pub fn merged(old: &Collection, body: &Map<String, Value>) -> Outcome<Collection> {
    let mut new = old.clone();
    let kind = match body.get("type") {
        None | Some(Value::Null) => old.kind,
        Some(Value::String(name)) if name.is_empty() => old.kind,
        Some(Value::String(name)) => CollectionType::parse(name)
            .ok_or_else(|| ApiError::invalid(messages::UPDATE_COLLECTION, unknown_type()))?,
        Some(_) => return Err(ApiError::bad_body().into()),
    };
    if kind != old.kind {
        new.convert(kind);
    }
    new.merge(body).map_err(|_| ApiError::bad_body())?;
    new.prepare(Some(old), &|_| false, &now(), &mut HostRandom);
    Ok(new)
}

/// `PATCH /api/collections/{collection}`.
pub fn update(request: &Request, name: &str) -> Outcome<Response> {
    let found = catalog::current()?;
    let old = found.get(name).ok_or_else(|| ApiError::not_found(""))?;
    let mut body = body(request, &[], messages::BAD_BODY)?;
    let asked = body.clone();
    let draft = || merged(old, &asked).ok();
    let event = "onCollectionUpdateRequest";
    events::one(event, request, draft, |changed| {
        body.extend(changed);
        update_one(request, name, &body)
    })
}

fn update_one(request: &Request, name: &str, body: &Map<String, Value>) -> Outcome<Response> {
    let collection = store::change(|| {
        let catalog = catalog::load()?;
        let old = catalog.get(name).ok_or_else(|| ApiError::not_found(""))?;
        let new = merged(old, body)?;
        if new.id != old.id {
            return Err(id_change(&catalog, &new.id).into());
        }
        let old: Option<&Collection> = Some(old);
        Change::save(new, old).run(&|new| judge(&catalog, new, old), &|new| {
            store::save(new, old)
        })
    })
    .map_err(|failure| refused(failure, messages::UPDATE_COLLECTION))?
    .0;
    show(request, &collection)
}

/// PocketBase looks the new id up: what is not there is missing, another collection's is a mismatch.
fn id_change(catalog: &Catalog, id: &str) -> ApiError {
    if catalog.get(id).is_none() {
        return ApiError::not_found("");
    }
    ApiError::invalid(
        messages::UPDATE_COLLECTION,
        ValidationErrors::one("id", mismatch()),
    )
}
