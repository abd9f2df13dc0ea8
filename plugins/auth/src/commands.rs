//! `hangar superuser …`, and the link for the first start.

use hangar_model::formats::is_email;
use hangar_model::system::SUPERUSERS;
use hangar_sdk::{Error, Result, collections, crypto};
use serde_json::{Value, json};

use crate::accounts::{self, Accounts};
use crate::record::Record;
use crate::{installer, otp, password};

const MISSING: &str = "missing email and password arguments";
const BAD_EMAIL: &str = "missing or invalid email address";
/// Length of a password made here: more than 115 bits.
const PASSWORD_LENGTH: u32 = 20;
const PASSWORD_ALPHABET: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// `hangar:plugin/commands.run`.
pub fn run(name: &str, arguments: &[String]) -> Result<String> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match (name, arguments.as_slice()) {
        ("superuser create", [email]) => with_new_password(|password| create(email, password)),
        ("superuser create", [email, password]) => create(email, password),
        ("superuser update", [email, password]) => update(email, password),
        ("superuser upsert", [email]) => with_new_password(|password| upsert(email, password)),
        ("superuser upsert", [email, password]) => upsert(email, password),
        ("superuser create" | "superuser update" | "superuser upsert", _) => Err(refused(MISSING)),
        ("superuser delete", [email]) => delete(email),
        ("superuser otp", [email]) => otp(email),
        ("superuser otp", _) => Err(refused("invalid or missing email address")),
        ("superuser delete", _) => Err(refused("invalid or missing email address")),
        ("installer", []) => installer::link(),
        _ => crate::mail::background::run(name, &arguments).unwrap_or_else(|| {
            Err(refused(format!(
                "there is no command {name:?} with {} arguments",
                arguments.len()
            )))
        }),
    }
}

fn create(email: &str, password: &str) -> Result<String> {
    check_email(email)?;
    save(&json!({"email": email, "password": password}), true)
        .map_err(|error| explain("failed to create new superuser account", error))?;
    Ok(format!("Successfully created new superuser {email:?}!"))
}

fn update(email: &str, password: &str) -> Result<String> {
    check_email(email)?;
    let Some(record) = find(email)? else {
        return Err(refused(format!(
            "superuser with email {email:?} doesn't exist"
        )));
    };
    save(&json!({"id": record.id(), "password": password}), false).map_err(|error| {
        explain(
            &format!("failed to change superuser {email:?} password"),
            error,
        )
    })?;
    Ok(format!(
        "Successfully changed superuser {email:?} password!"
    ))
}

fn upsert(email: &str, password: &str) -> Result<String> {
    check_email(email)?;
    let saved = match find(email)? {
        Some(record) => save(&json!({"id": record.id(), "password": password}), false),
        None => save(&json!({"email": email, "password": password}), true),
    };
    saved.map_err(|error| explain("failed to upsert superuser account", error))?;
    Ok(format!("Successfully saved superuser {email:?}!"))
}

fn delete(email: &str) -> Result<String> {
    if !is_email(email) {
        return Err(refused("invalid or missing email address"));
    }
    let Some(record) = find(email)? else {
        return Ok(format!("superuser {email:?} is missing or already deleted"));
    };
    collections::delete(SUPERUSERS, record.id())
        .map_err(|error| explain(&format!("failed to delete superuser {email:?}"), error))?;
    Ok(format!("Successfully deleted superuser {email:?}!"))
}

/// A one-time password without a mail, for who has lost the way in.
fn otp(email: &str) -> Result<String> {
    if !is_email(email) {
        return Err(refused("invalid or missing email address"));
    }
    let Some(record) = find(email)? else {
        return Err(refused(format!(
            "superuser with email {email:?} doesn't exist"
        )));
    };
    let superusers = superusers()?;
    if !superusers.options.otp.enabled {
        return Err(refused(
            "OTP auth is not enabled for the _superusers collection",
        ));
    }
    let code = otp::code(&superusers)?;
    let id = otp::store(&superusers, &record, &code)?;
    Ok(format!(
        "Successfully created OTP for superuser {email:?}:\n├─ Id:    {id}\n├─ Pass:  {code}\n└─ Valid: {}s\n",
        superusers.options.otp.duration
    ))
}

/// Runs a command with a password made here, which is shown once.
fn with_new_password(run: impl FnOnce(&str) -> Result<String>) -> Result<String> {
    let password = crypto::random::text(PASSWORD_LENGTH, PASSWORD_ALPHABET)?;
    let done = run(&password)?;
    Ok(format!("{done}\nPassword (shown only now): {password}"))
}

fn check_email(email: &str) -> Result<()> {
    if is_email(email) {
        Ok(())
    } else {
        Err(refused(BAD_EMAIL))
    }
}

/// The collection of superusers.
pub fn superusers() -> Result<std::rc::Rc<Accounts>> {
    accounts::auth(SUPERUSERS)?.ok_or_else(|| {
        Error::internal("the collection _superusers is missing: start the server once, so that the collections plugin sets it up")
    })
}

/// The superuser of this email.
pub fn find(email: &str) -> Result<Option<Record>> {
    password::find(&*superusers()?, email, "email")
}

/// Creates or updates a superuser.
pub fn save(document: &Value, is_new: bool) -> Result<()> {
    collections::save(
        SUPERUSERS,
        &document.to_string(),
        &json!({"isNew": is_new}).to_string(),
    )
    .map(|_| ())
}

fn refused(message: impl Into<String>) -> Error {
    Error::new("bad_input", 400, message)
}

/// Puts before an error what failed, and after it the fields that are wrong.
fn explain(what: &str, error: Error) -> Error {
    let fields = field_errors(&error.data);
    let why = if fields.is_empty() {
        &error.message
    } else {
        &fields
    };
    Error {
        message: format!("{what}: {why}"),
        ..error
    }
}

/// `email: Value must be unique; password: Cannot be blank.`
fn field_errors(data: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(data) else {
        return String::new();
    };
    let told: Vec<String> = fields
        .iter()
        .filter_map(|(name, error)| {
            Some(format!(
                "{name}: {}",
                error.get("message")?.as_str()?.trim_end_matches('.')
            ))
        })
        .collect();
    if told.is_empty() {
        String::new()
    } else {
        format!("{}.", told.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_fields() {
        let mut error = Error::new("api_error", 400, "Failed to create record.");
        error.data =
            r#"{"password":{"code":"c","message":"Must be at least 8 character(s)."}}"#.into();
        assert_eq!(
            explain("failed to create new superuser account", error.clone()).message,
            "failed to create new superuser account: password: Must be at least 8 character(s)."
        );
        error.data = r#"{"b":{"message":"B."},"a":{"message":"A."}}"#.into();
        assert_eq!(explain("x", error.clone()).message, "x: a: A; b: B.");
        error.data = "{}".into();
        assert_eq!(explain("x", error).message, "x: Failed to create record.");
    }

    #[test]
    fn arguments_are_counted() {
        let run = |name: &str, arguments: &[&str]| {
            let arguments: Vec<String> = arguments
                .iter()
                .map(|argument| (*argument).to_owned())
                .collect();
            run(name, &arguments).expect_err(name).message
        };
        assert_eq!(run("superuser create", &[]), MISSING);
        assert_eq!(run("superuser update", &["a@b.co"]), MISSING);
        assert_eq!(run("superuser create", &["notmail", "12345678"]), BAD_EMAIL);
        assert_eq!(
            run("superuser delete", &["notmail"]),
            "invalid or missing email address"
        );
        assert_eq!(
            run("nope", &[]),
            "there is no command \"nope\" with 0 arguments"
        );
    }
}
