//! `POST /api/settings/test/email`: a mail of every kind, about a record that does not exist.

use hangar_failure::{Answer, Failure};
use hangar_model::system::SUPERUSERS;
use hangar_model::{ApiError, FieldError, FieldType, ValidationErrors, value};
use hangar_sdk::Result;
use hangar_sdk::http::{Request, Response};
use serde_json::{Map, Value};

use crate::accounts::{self, Accounts};
use crate::body;
use crate::claims::{Kind, Options};
use crate::identity::{self, Identity};
use crate::mail::{self, About};
use crate::record::Record;
use crate::{forms, origins, token};

const FAILED: &str = "Failed to send the test email.";
const TEMPLATES: [&str; 5] = [
    "verification",
    "password-reset",
    "email-change",
    "otp",
    "login-alert",
];

/// Serves the route. The mail is waited for, and what the mail server says is told.
pub fn send(request: &Request) -> Answer {
    identity::require_superuser(Identity::of(request)?.as_ref())?;
    let body = body::of(request)?;
    let (email, template) = (body.text("email")?, body.text("template")?);
    let name = match body.text("collection")? {
        "" => SUPERUSERS,
        name => name,
    };
    let mut errors = ValidationErrors::new();
    errors.check("email", forms::email(email));
    errors.check("template", forms::one_of(template, &TEMPLATES));
    let accounts = accounts::auth(name)?;
    if accounts.is_none() {
        errors.add(
            "collection",
            FieldError::new(
                "validation_invalid_auth_collection",
                "Must be a valid auth collection id or name.",
            ),
        );
    }
    let accounts = match accounts {
        Some(accounts) if errors.is_empty() => accounts,
        _ => return Err(ApiError::invalid(FAILED, errors).into()),
    };
    let record = record(&accounts, email);
    let about = about(&accounts, &record, template)?;
    match mail::send(&accounts, &record, &about) {
        Ok(()) => Ok(Response::empty(204)),
        Err(failure) => {
            let error = hangar_sdk::Error::from(failure);
            let message = format!("{FAILED} Raw error: \n{}", error.message);
            Err(Failure::from(ApiError::bad_request(&message)))
        }
    }
}

/// A record whose values name their fields.
fn record(accounts: &Accounts, email: &str) -> Record {
    let mut fields = Map::new();
    for field in &accounts.collection.fields {
        let text = format!("__pb_test_{}__", field.name);
        let value = match field.kind() {
            FieldType::Autodate => value::zero(field),
            _ => value::normalize(field, &Value::from(text)),
        };
        fields.insert(field.name.clone(), value);
    }
    fields.insert("email".into(), email.into());
    Record { fields }
}

fn about(accounts: &Accounts, record: &Record, template: &str) -> Result<About> {
    let token = |kind, new_email: Option<&str>| {
        let options = Options {
            new_email: new_email.map(str::to_owned),
            ..Options::default()
        };
        token::issue(kind, accounts, record, &options)
    };
    Ok(match template {
        "verification" => About::Verification {
            token: token(Kind::Verification, None)?,
        },
        "password-reset" => About::PasswordReset {
            token: token(Kind::PasswordReset, None)?,
        },
        "email-change" => About::EmailChange {
            token: token(Kind::EmailChange, Some(record.text("email")))?,
            new_email: record.text("email").to_owned(),
        },
        "otp" => About::Otp {
            id: "_PB_TEST_OTP_ID_".into(),
            code: "123456".into(),
        },
        _ => About::Alert {
            info: format!("{} - TEST_IP TEST_USER_AGENT", origins::now()),
        },
    })
}
