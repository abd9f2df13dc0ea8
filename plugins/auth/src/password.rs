//! `POST /api/collections/{collection}/auth-with-password`.

use hangar_failure::{Answer, Failure};
use hangar_model::formats::is_email;
use hangar_model::{ApiError, FieldError, ValidationErrors};
use hangar_sdk::http::Request;
use hangar_sdk::{Result, crypto, postgres};
use serde_json::{Value, json};

use crate::access::FAILED;
use crate::accounts::Accounts;
use crate::body::{self, BadBody, Body};
use crate::claims::{Kind, Options};
use crate::events;
use crate::forms::{self, INVALID, MOST};
use crate::identity::Identity;
use crate::record::Record;
use crate::respond::{Login, tags};
use crate::token;

const OFF: &str = "The collection is not configured to allow password authentication.";
/// `@request.context` of a login with a password.
const CONTEXT: &str = "password";
/// A hash nobody's password has, of the usual cost: an unknown identity takes as long as a known one.
const NOBODY: &str = "$2b$10$abcdefghijklmnopqrstuuP1JPTzW9lt.YZGITaj6wS3E5HeS/vbC";

/// Serves the route.
pub fn login(request: &Request, accounts: &Accounts) -> Answer {
    if !accounts.options.password_auth.enabled {
        return Err(ApiError::forbidden(OFF).into());
    }
    let body = body::of(request)?;
    let form = Form::read(&body)?;
    let errors = form.validate(&accounts.options.password_auth.identity_fields);
    if !errors.is_empty() {
        return Err(ApiError::invalid(INVALID, errors).into());
    }
    let identity = Identity::of(request)?;
    let record = find(accounts, form.identity, form.identity_field)?;
    let document = || {
        Ok(json!({
            "record": record.as_ref().map(|record| record.document(&accounts.collection)),
            "isNew": false,
            "original": {},
            "request": events::request_document(request, CONTEXT, &body.values)?,
            "identity": form.identity,
            "identityField": form.identity_field,
            "password": form.password,
        }))
    };
    events::around(
        "onRecordAuthWithPasswordRequest",
        &tags(accounts),
        document,
        |patches| {
            // A handler may have changed what was typed, or who is meant.
            let mut password = form.password.to_owned();
            let mut record = record.clone();
            for patch in patches {
                if let Some(changed) = patch.event.get("password").and_then(Value::as_str) {
                    password = changed.to_owned();
                }
                if let (None, Some(fields)) = (&record, &patch.record) {
                    record = Some(Record {
                        fields: fields.clone(),
                    });
                }
            }
            if let Some(record) = &mut record {
                record.apply(patches);
            }
            let record = check(record, &password)?;
            let token = token::issue(Kind::Auth, accounts, &record, &Options::default())?;
            Login {
                request,
                identity: identity.as_ref(),
                body: &body,
                context: CONTEXT,
                method: "password",
                accounts,
                record,
                token,
            }
            .respond()
        },
    )
}

/// What was typed.
struct Form<'a> {
    identity: &'a str,
    identity_field: &'a str,
    password: &'a str,
}

impl<'a> Form<'a> {
    fn read(body: &'a Body) -> Result<Self, BadBody> {
        Ok(Self {
            identity: body.text("identity")?,
            identity_field: body.text("identityField")?,
            password: body.text("password")?,
        })
    }

    fn validate(&self, identity_fields: &[String]) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        errors.check("identity", forms::length(self.identity, 1, MOST));
        errors.check("password", forms::length(self.password, 1, MOST));
        if !self.identity_field.is_empty()
            && !identity_fields
                .iter()
                .any(|field| field == self.identity_field)
        {
            errors.add(
                "identityField",
                FieldError::new("validation_in_invalid", "must be a valid value"),
            );
        }
        errors
    }
}

/// The record of an identity, looked up in one field or in all.
pub fn find(accounts: &Accounts, identity: &str, field: &str) -> Result<Option<Record>> {
    for lookup in &accounts.lookups {
        let named = lookup.field == field;
        if !named && (!field.is_empty() || (lookup.field == "email" && !is_email(identity))) {
            continue;
        }
        let Some(parameter) = lookup.parameter(identity) else {
            continue;
        };
        let rows = postgres::query(lookup.sql.as_str(), vec![parameter])?;
        let id = rows
            .rows
            .first()
            .and_then(|row| row.first())
            .and_then(Value::as_str);
        if let Some(id) = id {
            return Record::find(&accounts.collection, id);
        }
    }
    Ok(None)
}

/// The record, if the password is its own.
fn check(record: Option<Record>, password: &str) -> Result<Record, Failure> {
    let hash = record
        .as_ref()
        .map(|record| record.text("password"))
        .filter(|hash| !hash.is_empty());
    let right = crypto::password::verify(password, hash.unwrap_or(NOBODY))?;
    match record {
        Some(record) if right && !record.text("password").is_empty() => Ok(record),
        _ => Err(ApiError::bad_request(FAILED).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_checked() {
        let long = "a".repeat(256);
        let errors = |identity: &str, password: &str, identity_field: &str| {
            let form = Form {
                identity,
                identity_field,
                password,
            };
            Value::Object(form.validate(&["email".to_owned()]).into_data())
        };
        assert_eq!(errors("a", "b", ""), json!({}));
        assert_eq!(errors("a", "b", "email"), json!({}));
        let blank = json!({"code": "validation_required", "message": "Cannot be blank."});
        assert_eq!(
            errors("", "", ""),
            json!({"identity": blank, "password": blank})
        );
        assert_eq!(
            errors("a", &long, "name"),
            json!({
                "identityField": {"code": "validation_in_invalid", "message": "Must be a valid value."},
                "password": {"code": "validation_length_out_of_range",
                    "message": "The length must be between 1 and 255.", "params": {"max": 255, "min": 1}},
            })
        );
    }
}
