//! `POST /api/files/token`: a short-lived token for links to protected files.

use hangar_failure::Answer;
use hangar_model::picker::Picker;
use hangar_model::{ApiError, json as text};
use hangar_sdk::http::{Request, Response};
use serde_json::{Map, Value, json};

use crate::events;
use crate::identity::Identity;
use crate::respond::parameter;
use crate::token;

/// Serves the route.
pub fn issue(request: &Request) -> Answer {
    let Some(identity) = Identity::of(request)? else {
        let message = "The request requires valid record authorization token.";
        return Err(ApiError::unauthorized(message).into());
    };
    let collection = &identity.collection;
    let token = token::issue_for("file", &collection.id, identity.record_id(), "")?;
    let tags = [collection.name.clone(), collection.id.clone()];
    let document = || {
        let mut record = identity.record.clone();
        record.insert("collectionId".into(), collection.id.as_str().into());
        record.insert("collectionName".into(), collection.name.as_str().into());
        Ok(json!({
            "record": record,
            "isNew": false,
            "original": {},
            "request": events::request_document(request, "default", &Map::new())?,
            "token": token,
        }))
    };
    events::around("onFileTokenRequest", &tags, document, |patches| {
        let own = patches
            .iter()
            .rev()
            .find_map(|patch| patch.event.get("token"));
        let mut answer = json!({"token": own.and_then(Value::as_str).unwrap_or(&token)});
        let fields = parameter(request, "fields");
        if let Some(picker) = Picker::parse(&fields).map_err(|_| ApiError::bad_request(""))? {
            picker.pick(&mut answer);
        }
        Ok(Response::json(200, text::to_json(&answer)))
    })
}
