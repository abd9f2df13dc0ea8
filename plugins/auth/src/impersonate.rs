//! `POST /api/collections/{collection}/impersonate/{id}`.

use hangar_failure::Answer;
use hangar_model::{ApiError, FieldError, ValidationErrors};
use hangar_sdk::http::Request;
use serde_json::json;

use crate::accounts;
use crate::body::{self, BadBody};
use crate::claims::{Kind, Options};
use crate::identity::{self, Identity};
use crate::record::Record;
use crate::respond::Login;
use crate::token;

const INVALID: &str = "An error occurred while validating the submitted data.";

/// Serves the route.
pub fn impersonate(request: &Request, collection: &str, id: &str) -> Answer {
    let identity = Identity::of(request)?;
    identity::require_superuser(identity.as_ref())?;
    let Some(accounts) = accounts::auth(collection)? else {
        return Err(ApiError::not_found(super::NO_AUTH_COLLECTION).into());
    };
    let Some(record) = Record::find(&accounts.collection, id)? else {
        return Err(ApiError::not_found("").into());
    };
    let body = body::of(request).map_err(|_| BadBody::Unreadable)?;
    let duration = body.integer("duration")?;
    if duration < 0 {
        let error = FieldError::new(
            "validation_min_greater_equal_than_required",
            "must be no less than 0",
        )
        .with(json!({"threshold": 0}));
        return Err(ApiError::invalid(INVALID, ValidationErrors::one("duration", error)).into());
    }
    let options = Options {
        duration: Some(duration),
        refreshable: Some(false),
        ..Options::default()
    };
    let token = token::issue(Kind::Auth, &accounts, &record, &options)?;
    Login {
        request,
        identity: identity.as_ref(),
        body: &body,
        context: "default",
        method: "",
        accounts: &accounts,
        record,
        token,
    }
    .respond()
}
