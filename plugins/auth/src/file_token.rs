//! `POST /api/files/token`: a short-lived token for links to protected files.

use hangar_model::picker::Picker;
use hangar_model::{ApiError, json};
use hangar_sdk::http::{Request, Response};

use crate::failure::Answer;
use crate::identity::Identity;
use crate::respond::parameter;
use crate::token;

/// Serves the route.
pub fn issue(request: &Request) -> Answer {
    let Some(identity) = Identity::of(request)? else {
        let message = "The request requires valid record authorization token.";
        return Err(ApiError::unauthorized(message).into());
    };
    let (collection, id) = (&identity.collection.id, identity.record_id());
    let token = token::issue_for("file", collection, id, "")?;
    let mut answer = serde_json::json!({"token": token});
    let fields = parameter(request, "fields");
    if let Some(picker) = Picker::parse(&fields).map_err(|_| ApiError::bad_request(""))? {
        picker.pick(&mut answer);
    }
    Ok(Response::json(200, json::to_json(&answer)))
}
