//! `request-password-reset` and `confirm-password-reset`.

use hangar_failure::{Answer, Failure};
use hangar_model::{ApiError, FieldError, FieldOptions, ValidationErrors, value_rules};
use hangar_sdk::http::{Request, Response};
use serde_json::json;

use crate::accounts::Accounts;
use crate::body;
use crate::claims::Kind;
use crate::forms::{self, INVALID, MOST};
use crate::mail::background::{Work, sent_lately};
use crate::record::Record;
use crate::respond::tags;
use crate::token::Verified;
use crate::{events, token};

const OFF: &str = "The collection is not configured to allow password authentication.";
const FAILED: &str = "Failed to set new password.";

/// Sends a mail with a link to a form for a new password.
pub fn request(request: &Request, accounts: &Accounts) -> Answer {
    if !accounts.options.password_auth.enabled {
        return Err(ApiError::bad_request(OFF).into());
    }
    let body = body::of(request)?;
    let email = body.text("email")?;
    if let Err(error) = forms::email(email) {
        return Err(ApiError::invalid(INVALID, ValidationErrors::one("email", error)).into());
    }
    let found = Record::by_email(accounts, email)?;
    let id = found.as_ref().map_or("", Record::id);
    let lately = sent_lately(&Work::PasswordReset, &accounts.collection.id, id)?;
    let record = match found {
        Some(record) if !lately => record,
        _ => return Ok(Response::empty(204)),
    };
    let document = || record.request_document(accounts, request, &body);
    events::around(
        "onRecordRequestPasswordResetRequest",
        &tags(accounts),
        document,
        |_| {
            Work::PasswordReset.start(accounts, &record);
            Ok(Response::empty(204))
        },
    )
}

/// Takes the token of the link and the new password.
pub fn confirm(request: &Request, accounts: &Accounts) -> Answer {
    let body = body::of(request)?;
    let (token, new, confirm) = (
        body.text("token")?,
        body.text("password")?,
        body.text("passwordConfirm")?,
    );
    let mut errors = ValidationErrors::new();
    let checked = check(accounts, token)?;
    errors.check("password", forms::length(new, least(accounts), MOST));
    errors.check("passwordConfirm", forms::repeated(new, confirm));
    let verified = match checked {
        Ok(verified) if errors.is_empty() => verified,
        checked => {
            errors.check("token", checked.map(drop));
            return Err(ApiError::invalid(INVALID, errors).into());
        }
    };
    let record = verified.record;
    let document = || record.request_document(accounts, request, &body);
    events::around(
        "onRecordConfirmPasswordResetRequest",
        &tags(accounts),
        document,
        |patches| {
            let mut record = record.clone();
            record.apply(patches);
            let mut changes = json!({"id": record.id(), "password": new});
            // Who reads the mails of this address has proved that it is theirs.
            let same = verified.claims.email.as_deref() == Some(record.text("email"));
            if same && !record.flag("verified") {
                changes["verified"] = true.into();
            }
            record
                .save(accounts, &changes)
                .map_err(|failure| failure.told(FAILED))?;
            Ok(Response::empty(204))
        },
    )
}

fn check(accounts: &Accounts, text: &str) -> Result<Result<Verified, FieldError>, Failure> {
    if text.is_empty() {
        return Ok(Err(value_rules::required()));
    }
    Ok(token::expect(Kind::PasswordReset, text, accounts)?)
}

/// The fewest characters of a password of the collection.
fn least(accounts: &Accounts) -> usize {
    let field = accounts.collection.field("password");
    let least = field.map_or(0, |field| match &field.options {
        FieldOptions::Password(options) => options.min,
        _ => 0,
    });
    usize::try_from(least).unwrap_or_default().max(1)
}
