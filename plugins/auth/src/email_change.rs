//! `request-email-change` and `confirm-email-change`.

use hangar_failure::{Answer, Failure};
use hangar_model::{ApiError, FieldError, ValidationErrors, value_rules};
use hangar_sdk::crypto;
use hangar_sdk::http::{Request, Response};
use hangar_sdk::log;
use serde_json::json;

use crate::accounts::Accounts;
use crate::body;
use crate::claims::{Kind, Options};
use crate::forms::{self, INVALID};
use crate::mail::{self, About};
use crate::record::Record;
use crate::respond::tags;
use crate::{accounts, events, token};

const SUPERUSERS: &str = "All superusers can change their emails directly.";
const NOT_SENT: &str = "Failed to request email change.";
const NOT_CHANGED: &str = "Failed to confirm email change.";
/// Most bytes of the password in the form.
const MOST_PASSWORD: usize = 100;

/// Sends a mail with a link to the new address. Unlike the other mails it is waited for: who asks has signed in.
pub fn request(request: &Request, collection: &str) -> Answer {
    let (accounts, identity) = accounts::own(request, collection)?;
    refuse_superusers(&accounts)?;
    let Some(record) = Record::find(&accounts.collection, identity.record_id())? else {
        return Err(ApiError::unauthorized("").into());
    };
    let body = body::of(request)?;
    let new_email = body.text("newEmail")?;
    if let Some(error) = check_new(&accounts, &record, new_email)? {
        return Err(ApiError::invalid(INVALID, ValidationErrors::one("newEmail", error)).into());
    }
    let document = || {
        let mut document = record.request_document(&accounts, request, &body)?;
        document["newEmail"] = new_email.into();
        Ok(document)
    };
    events::around(
        "onRecordRequestEmailChangeRequest",
        &tags(&accounts),
        document,
        |patches| {
            let changed = patches
                .iter()
                .rev()
                .find_map(|patch| patch.event.get("newEmail")?.as_str());
            send(&accounts, &record, changed.unwrap_or(new_email)).map_err(|failure| {
                let Failure::Host(error) = failure else {
                    // A handler has decided the answer.
                    return failure;
                };
                log::error(&format!(
                    "the email change mail was not sent: {} (settings smtp, meta.senderAddress)",
                    error.message
                ));
                ApiError::bad_request(NOT_SENT).into()
            })?;
            Ok(Response::empty(204))
        },
    )
}

fn send(accounts: &Accounts, record: &Record, new_email: &str) -> Result<(), Failure> {
    let options = Options {
        new_email: Some(new_email.to_owned()),
        ..Options::default()
    };
    let about = About::EmailChange {
        token: token::issue(Kind::EmailChange, accounts, record, &options)?,
        new_email: new_email.to_owned(),
    };
    mail::send(accounts, record, &about)
}

fn check_new(
    accounts: &Accounts,
    record: &Record,
    new_email: &str,
) -> Result<Option<FieldError>, Failure> {
    if let Err(error) = forms::email(new_email) {
        return Ok(Some(error));
    }
    if new_email == record.text("email") {
        return Ok(Some(FieldError::new(
            "validation_not_in_invalid",
            "must not be in list",
        )));
    }
    if Record::by_email(accounts, new_email)?.is_some() {
        return Ok(Some(FieldError::new(
            "validation_invalid_new_email",
            "Invalid new email address.",
        )));
    }
    Ok(None)
}

/// Takes the token of the link and the password.
pub fn confirm(request: &Request, accounts: &Accounts) -> Answer {
    refuse_superusers(accounts)?;
    let body = body::of(request)?;
    let (token, password) = (body.text("token")?, body.text("password")?);
    let resolved = resolve(accounts, token)?;
    let mut errors = ValidationErrors::new();
    let found = resolved.as_ref().ok().map(|(record, _)| record);
    errors.check("password", check_password(found, password)?);
    let (record, new_email) = match resolved {
        Ok(resolved) if errors.is_empty() => resolved,
        resolved => {
            errors.check("token", resolved.map(drop));
            return Err(ApiError::invalid(INVALID, errors).into());
        }
    };
    let document = || {
        let mut document = record.request_document(accounts, request, &body)?;
        document["newEmail"] = new_email.as_str().into();
        Ok(document)
    };
    events::around(
        "onRecordConfirmEmailChangeRequest",
        &tags(accounts),
        document,
        |patches| {
            let mut record = record.clone();
            record.apply(patches);
            let changed = patches
                .iter()
                .rev()
                .find_map(|patch| patch.event.get("newEmail")?.as_str());
            let email = changed.unwrap_or(&new_email);
            let changes = json!({"id": record.id(), "email": email, "verified": true});
            record
                .save(accounts, &changes)
                .map_err(|failure| failure.told(NOT_CHANGED))?;
            Ok(Response::empty(204))
        },
    )
}

fn refuse_superusers(accounts: &Accounts) -> Result<(), ApiError> {
    if accounts.collection.is_superusers() {
        return Err(ApiError::bad_request(SUPERUSERS));
    }
    Ok(())
}

/// The record the token is of and its new email, or what is wrong with the token.
fn resolve(
    accounts: &Accounts,
    text: &str,
) -> Result<Result<(Record, String), FieldError>, Failure> {
    if text.is_empty() {
        return Ok(Err(value_rules::required()));
    }
    let new_email = token::unverified_claim(text, "newEmail");
    if new_email.is_empty() {
        return Ok(Err(FieldError::new(
            "validation_invalid_token_payload",
            "Invalid token payload - newEmail must be set.",
        )));
    }
    let verified = match token::expect(Kind::EmailChange, text, accounts)? {
        Ok(verified) => verified,
        Err(error) => return Ok(Err(error)),
    };
    if Record::by_email(accounts, &new_email)?.is_some() {
        return Ok(Err(FieldError::new(
            "validation_invalid_token_email",
            "The new email address is invalid.",
        )));
    }
    Ok(Ok((verified.record, new_email)))
}

fn check_password(
    record: Option<&Record>,
    password: &str,
) -> Result<Result<(), FieldError>, Failure> {
    if let Err(error) = forms::length(password, 1, MOST_PASSWORD) {
        return Ok(Err(error));
    }
    let hash = record
        .map(|record| record.text("password"))
        .unwrap_or_default();
    if !hash.is_empty() && crypto::password::verify(password, hash)? {
        return Ok(Ok(()));
    }
    Ok(Err(FieldError::new(
        "validation_invalid_password",
        "Missing or invalid auth record password.",
    )))
}
