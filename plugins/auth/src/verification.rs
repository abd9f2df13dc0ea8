//! `request-verification` and `confirm-verification`.

use hangar_failure::{Answer, Failure};
use hangar_model::{ApiError, FieldError, ValidationErrors, value_rules};
use hangar_sdk::http::{Request, Response};
use serde_json::json;

use crate::accounts::Accounts;
use crate::body;
use crate::claims::Kind;
use crate::forms::{self, INVALID};
use crate::mail::background::{Work, sent_lately};
use crate::record::Record;
use crate::respond::tags;
use crate::{events, token};

const SUPERUSERS: &str = "All superusers are verified by default.";
const FAILED: &str = "An error occurred while saving the verified state.";

/// Sends a mail with a link that proves the email.
pub fn request(request: &Request, accounts: &Accounts) -> Answer {
    refuse_superusers(accounts)?;
    let body = body::of(request)?;
    let email = body.text("email")?;
    if let Err(error) = forms::email(email) {
        return Err(ApiError::invalid(INVALID, ValidationErrors::one("email", error)).into());
    }
    let found = Record::by_email(accounts, email)?;
    let id = found.as_ref().map_or("", Record::id);
    // Asked for nobody, too: the time of the answer tells nothing.
    let lately = sent_lately(&Work::Verification, &accounts.collection.id, id)?;
    let record = match found {
        Some(record) if !lately && !record.flag("verified") => record,
        _ => return Ok(Response::empty(204)),
    };
    let document = || record.request_document(accounts, request, &body);
    events::around(
        "onRecordRequestVerificationRequest",
        &tags(accounts),
        document,
        |_| {
            Work::Verification.start(accounts, &record);
            Ok(Response::empty(204))
        },
    )
}

/// Takes the token of the link: the record is verified.
pub fn confirm(request: &Request, accounts: &Accounts) -> Answer {
    refuse_superusers(accounts)?;
    let body = body::of(request)?;
    let record = match check(accounts, body.text("token")?)? {
        Ok(record) => record,
        Err(error) => {
            return Err(ApiError::invalid(INVALID, ValidationErrors::one("token", error)).into());
        }
    };
    let document = || record.request_document(accounts, request, &body);
    events::around(
        "onRecordConfirmVerificationRequest",
        &tags(accounts),
        document,
        |patches| {
            let mut record = record.clone();
            record.apply(patches);
            if record.flag("verified") {
                return Ok(Response::empty(204));
            }
            let changes = json!({"id": record.id(), "verified": true});
            let stored = match accounts.options.password_auth.enabled {
                true => record.save(accounts, &changes),
                // Whoever registered the email before it was proved must not get in by a password.
                false => record.save_without_password(accounts, &changes),
            };
            stored.map_err(|failure| failure.told(FAILED))?;
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

/// The record the token is of, or what is wrong with the token.
fn check(accounts: &Accounts, text: &str) -> Result<Result<Record, FieldError>, Failure> {
    if text.is_empty() {
        return Ok(Err(value_rules::required()));
    }
    if token::unverified_claim(text, "email").is_empty() {
        return Ok(Err(FieldError::new(
            "validation_invalid_token_claims",
            "Missing email token claim.",
        )));
    }
    let verified = match token::expect(Kind::Verification, text, accounts)? {
        Ok(verified) => verified,
        Err(error) => return Ok(Err(error)),
    };
    if verified.claims.email.as_deref() != Some(verified.record.text("email")) {
        return Ok(Err(FieldError::new(
            "validation_token_email_mismatch",
            "The record email doesn't match with the requested token claims.",
        )));
    }
    Ok(Ok(verified.record))
}
