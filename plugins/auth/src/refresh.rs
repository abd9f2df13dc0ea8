//! `POST /api/collections/{collection}/auth-refresh`.

use hangar_failure::Answer;
use hangar_model::ApiError;
use hangar_sdk::http::Request;
use serde_json::json;

use crate::accounts;
use crate::body::{self, BadBody};
use crate::claims::{self, Kind, Options};
use crate::events;
use crate::record::Record;
use crate::respond::{Login, tags};
use crate::token;

/// Serves the route.
pub fn refresh(request: &Request, collection: &str) -> Answer {
    let (accounts, identity) = accounts::own(request, collection)?;
    // Read anew: the identity has no token key, and may be a moment old.
    let Some(record) = Record::find(&accounts.collection, identity.record_id())? else {
        return Err(ApiError::unauthorized("").into());
    };
    // Nothing in the body matters here but to rules and hooks.
    let body = body::of(request).map_err(|why| match why {
        BadBody::Unsupported => why.into(),
        BadBody::Unreadable => ApiError::bad_request(""),
    })?;
    let document = || {
        Ok(json!({
            "record": record.document(&accounts.collection),
            "isNew": false,
            "original": {},
            "request": events::request_document(request, "default", &body.values)?,
        }))
    };
    events::around(
        "onRecordAuthRefreshRequest",
        &tags(&accounts),
        document,
        |patches| {
            let mut record = record.clone();
            record.apply(patches);
            let token = if identity.token.refreshable {
                token::issue(Kind::Auth, &accounts, &record, &Options::default())?
            } else {
                claims::from_header(request.header("authorization").unwrap_or_default()).to_owned()
            };
            Login {
                request,
                identity: Some(&identity),
                body: &body,
                context: "default",
                method: "",
                accounts: &accounts,
                record,
                token,
            }
            .respond()
        },
    )
}
