//! `POST /api/batch`: writes of several records in one transaction.

mod event;
mod form;
mod send;

use std::time::{Duration, Instant};

use hangar_failure::{Answer, Failure};
use hangar_model::{ApiError, FieldError, ValidationErrors};
use hangar_sdk::http::{Request, Response};
use hangar_sdk::log;
use hangar_sdk::postgres::{self, Transaction};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::answer;
use crate::settings::{self, Batch};
use form::{Form, Part};
use send::{Outcome, send};

const OFF: &str = "Batch requests are not allowed.";
const INVALID: &str = "Invalid batch request data.";
const FAILED: &str = "Batch transaction failed.";
/// Attempts at a batch that others stand in the way of.
const ATTEMPTS: usize = 8;
/// Batches go side by side. One that waited for another while that waited for it begins anew when all others are done, for
/// they might meet again.
const TOGETHER: &str = "SELECT pg_advisory_xact_lock_shared(hashtext('hangar.batch'))";
const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtext('hangar.batch'))";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// So shortly before the deadline a failure is the deadline's doing: clocks are not that exact.
const GRACE: Duration = Duration::from_millis(20);
/// Longest URL, bytes.
const URL: usize = 2000;

/// Serves the route.
pub fn batch(request: &Request) -> Answer {
    let settings = settings::load()?.batch;
    if !settings.enabled || settings.max_requests <= 0 {
        return Err(ApiError::forbidden(OFF).into());
    }
    let most = usize::try_from(settings.max_body_size).unwrap_or_default();
    if most > 0 && request.body.len() > most {
        return Err(ApiError::too_large().into());
    }
    let form = Form::read(request)?;
    let errors = validate(&form.parts, &settings);
    if !errors.is_empty() {
        return Err(ApiError::invalid(INVALID, errors).into());
    }
    event::around(request, form, |form| run(request, &form, &settings))
}

fn validate(parts: &[Part], settings: &Batch) -> ValidationErrors {
    let blank = || FieldError::new("validation_required", "Cannot be blank.");
    let too_long = |max: usize| {
        FieldError::new(
            "validation_length_too_long",
            format!("The length must be no more than {max}."),
        )
        .with(json!({"max": max, "min": 0}))
    };
    let most = usize::try_from(settings.max_requests).unwrap_or(usize::MAX);
    if parts.is_empty() {
        return ValidationErrors::one("requests", blank());
    }
    if parts.len() > most {
        return ValidationErrors::one("requests", too_long(most));
    }
    let mut all = ValidationErrors::new();
    for (at, part) in parts.iter().enumerate() {
        let mut errors = ValidationErrors::new();
        if part.method.is_empty() {
            errors.add("method", blank());
        } else if !METHODS.contains(&part.method.as_str()) {
            errors.add(
                "method",
                FieldError::new("validation_in_invalid", "Must be a valid value."),
            );
        }
        if part.url.is_empty() {
            errors.add("url", blank());
        } else if part.url.len() > URL {
            errors.add("url", too_long(URL));
        }
        all.nest(&at.to_string(), errors);
    }
    let mut errors = ValidationErrors::new();
    errors.nest("requests", all);
    errors
}

/// How an attempt ended.
enum Attempt {
    Answered(Answer),
    /// Another transaction stood in its way.
    Hindered(Answer),
}

/// Sends all parts in one transaction, anew while others stand in its way and time is left.
fn run(request: &Request, form: &Form, settings: &Batch) -> Answer {
    let deadline = Instant::now()
        + Duration::from_secs(u64::try_from(settings.timeout).unwrap_or_default().max(1));
    let mut lock = TOGETHER;
    for _ in 1..ATTEMPTS {
        match attempt(request, form, deadline, lock)? {
            Attempt::Answered(answer) => return answer,
            Attempt::Hindered(answer) if Instant::now() + GRACE >= deadline => return answer,
            Attempt::Hindered(_) => lock = ALONE,
        }
    }
    match attempt(request, form, deadline, lock)? {
        Attempt::Answered(answer) | Attempt::Hindered(answer) => answer,
    }
}

/// Sends all parts in one transaction; the first that fails ends it.
fn attempt(
    request: &Request,
    form: &Form,
    deadline: Instant,
    lock: &str,
) -> Result<Attempt, Failure> {
    let transaction = postgres::begin()?;
    postgres::query(lock, vec![])?;
    let mut bodies: Vec<(u16, String)> = Vec::with_capacity(form.parts.len());
    for (at, part) in form.parts.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let _ = Transaction::rollback(transaction);
            return Ok(Attempt::Answered(Err(ApiError::bad_request(FAILED).into())));
        }
        match send(request, form, at, part, left)? {
            Outcome::Done { status, body } => bodies.push((status, body)),
            // Whoever ran out of time on the way may have put it into words of its own.
            Outcome::Refused(response) if Instant::now() + GRACE < deadline => {
                let hindered = transaction.hindered() || was_outrun(part, &response);
                Transaction::rollback(transaction)?;
                let answer = Err(refused(at, response).into());
                return Ok(match hindered {
                    true => Attempt::Hindered(answer),
                    false => Attempt::Answered(answer),
                });
            }
            Outcome::Refused(_) | Outcome::OutOfTime => {
                // What was cut off may have left the transaction unusable: then it ends with its connection.
                if let Err(error) = Transaction::rollback(transaction) {
                    log::warn(&format!(
                        "a batch that took too long was not rolled back in order: {}",
                        error.message
                    ));
                }
                return Ok(Attempt::Answered(Err(ApiError::bad_request(FAILED).into())));
            }
        }
    }
    Transaction::commit(transaction).map_err(|error| match Failure::from(error) {
        Failure::Host(error) if error.sqlstate().is_some() => ApiError::bad_request(FAILED).into(),
        other => other,
    })?;
    Ok(Attempt::Answered(answer(request, &bodies)))
}

/// Whether somebody else has created the record of a `PUT` since it was looked for.
fn was_outrun(part: &Part, response: &Value) -> bool {
    part.method == "PUT" && response["data"]["id"]["code"] == "validation_not_unique"
}

fn refused(at: usize, response: Value) -> ApiError {
    let mut error = ApiError::bad_request(FAILED);
    let mut requests = Map::new();
    requests.insert(
        at.to_string(),
        json!({"code": "batch_request_failed", "message": "Batch request failed.", "response": response}),
    );
    error
        .data
        .insert("requests".into(), Value::Object(requests));
    error
}

fn answer(request: &Request, bodies: &[(u16, String)]) -> Answer {
    let mut text = String::from("[");
    for (at, (status, body)) in bodies.iter().enumerate() {
        let body = if body.is_empty() { "null" } else { body };
        if serde_json::from_str::<&RawValue>(body).is_err() {
            // A handler has answered something else than JSON. All is written; PocketBase says nothing either.
            return Ok(Response::json(200, ""));
        }
        let comma = if at == 0 { "" } else { "," };
        text.push_str(&format!("{comma}{{\"body\":{body},\"status\":{status}}}"));
    }
    text.push(']');
    Ok(answer::json(request, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(method: &str, url: &str) -> Part {
        Part {
            method: method.into(),
            url: url.into(),
            ..Part::default()
        }
    }

    #[test]
    fn what_is_wrong_is_told_part_by_part() {
        let settings = Batch {
            max_requests: 2,
            ..Batch::default()
        };
        let data = |parts: &[Part]| Value::Object(validate(parts, &settings).into_data());
        let good = part("POST", "/x");
        assert_eq!(data(&[good.clone(), good.clone()]), json!({}));
        assert_eq!(data(&[])["requests"]["code"], "validation_required");
        let three = [good.clone(), good.clone(), good.clone()];
        assert_eq!(
            data(&three)["requests"]["params"],
            json!({"max": 2, "min": 0})
        );
        let long = "/x".repeat(1001);
        let bad = data(&[part("post", ""), part("", &long)]);
        assert_eq!(
            bad["requests"]["0"]["method"]["code"],
            "validation_in_invalid"
        );
        assert_eq!(bad["requests"]["0"]["url"]["code"], "validation_required");
        assert_eq!(
            bad["requests"]["1"]["method"]["code"],
            "validation_required"
        );
        assert_eq!(
            bad["requests"]["1"]["url"]["code"],
            "validation_length_too_long"
        );
    }
}
