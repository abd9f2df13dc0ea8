//! One-time passwords: `request-otp` and `auth-with-otp`.

use hangar_failure::{Answer, Failure};
use hangar_model::{ApiError, ValidationErrors, date};
use hangar_sdk::http::{Request, Response};
use hangar_sdk::{Result, collections, crypto};
use serde_json::{Map, Value, json};

use crate::accounts::Accounts;
use crate::body;
use crate::claims::{self, Kind, Options};
use crate::forms::{self, INVALID, MOST};
use crate::identity::Identity;
use crate::mail::background::Work;
use crate::record::Record;
use crate::respond::{Login, tags};
use crate::{counters, events, token};

/// Where one-time passwords are stored.
pub const COLLECTION: &str = "_otps";

const OFF: &str = "The collection is not configured to allow OTP authentication.";
const WRONG: &str = "Invalid or expired OTP.";
const TOO_MANY: &str = "Too many attempts, please try again later with a new OTP.";
const FAILED: &str = "Failed to verify the record email.";
/// `@request.context` of a login with a one-time password.
const CONTEXT: &str = "otp";
/// Most characters of a one-time password.
const MOST_PASSWORD: usize = 71;
/// bcrypt cost of a stored one, as its field has it.
const COST: u8 = 8;
/// One-time passwords a record may have at once; then the latest one is named again.
const MOST_PENDING: u64 = 10;
/// Tries for a record in `WINDOW` seconds.
const MOST_TRIES: i64 = 5;
const WINDOW: i64 = 180;
const DIGITS: &str = "0123456789";
const ID_ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH: u32 = 15;

/// Sends a one-time password; of an unknown email it only seems so.
pub fn request(request: &Request, accounts: &Accounts) -> Answer {
    if !accounts.options.otp.enabled {
        return Err(ApiError::forbidden(OFF).into());
    }
    let body = body::of(request)?;
    let email = body.text("email")?;
    if let Err(error) = forms::email(email) {
        return Err(ApiError::invalid(INVALID, ValidationErrors::one("email", error)).into());
    }
    let record = Record::by_email(accounts, email)?;
    let code = code(accounts)?;
    let document = || {
        let mut document = match &record {
            Some(record) => record.request_document(accounts, request, &body)?,
            None => json!({
                "record": null,
                "request": events::request_document(request, "default", &body.values)?,
            }),
        };
        document["password"] = code.as_str().into();
        Ok(document)
    };
    events::around(
        "onRecordRequestOTPRequest",
        &tags(accounts),
        document,
        |patches| {
            let mut record = record.clone();
            let mut code = code.clone();
            for patch in patches {
                if let (None, Some(fields)) = (&record, &patch.record) {
                    record = Some(Record {
                        fields: fields.clone(),
                    });
                }
                if let Some(changed) = patch.event.get("password").and_then(Value::as_str) {
                    code = changed.to_owned();
                }
            }
            let id = match &record {
                Some(record) => issue(accounts, record, &code)?,
                None => pretend(&code)?,
            };
            Ok(Response::json(200, json!({"otpId": id}).to_string()))
        },
    )
}

/// Stores a one-time password and leaves its mail to the background; answers its id.
fn issue(accounts: &Accounts, record: &Record, code: &str) -> Result<String> {
    let pending = pending(accounts, record)?;
    if let Some(latest) = pending
        .first()
        .filter(|_| pending.len() as u64 >= MOST_PENDING)
    {
        return Ok(text(latest, "id").to_owned());
    }
    let id = store(accounts, record, code)?;
    Work::Otp { id: &id, code }.start(accounts, record);
    Ok(id)
}

/// Takes as long as the hash of a real one.
fn pretend(code: &str) -> Result<String> {
    crypto::password::hash(code, COST)?;
    crypto::random::text(ID_LENGTH, ID_ALPHABET)
}

/// A new one-time password for the collection.
pub fn code(accounts: &Accounts) -> Result<String> {
    let length = u32::try_from(accounts.options.otp.length).unwrap_or_default();
    crypto::random::text(length, DIGITS)
}

/// Stores a one-time password, hashed with the cost of its field; answers its id.
pub fn store(accounts: &Accounts, record: &Record, code: &str) -> Result<String> {
    let otp = json!({
        "collectionRef": accounts.collection.id,
        "recordRef": record.id(),
        "password": code,
    });
    let stored = collections::save(COLLECTION, &otp.to_string(), r#"{"isNew":true}"#)?;
    let stored: Value = serde_json::from_str(&stored)?;
    Ok(stored["id"].as_str().unwrap_or_default().to_owned())
}

/// The one-time passwords of a record that have not ended, latest first.
fn pending(accounts: &Accounts, record: &Record) -> Result<Vec<Map<String, Value>>> {
    let query = json!({
        "filter": "collectionRef = {:collection} && recordRef = {:record}",
        "params": {"collection": accounts.collection.id, "record": record.id()},
        "sort": "-created",
        "limit": MOST_PENDING,
    });
    let text = collections::select(COLLECTION, &query.to_string())?;
    let mut all: Vec<Map<String, Value>> = serde_json::from_str(&text)?;
    all.retain(|otp| !is_over(otp, accounts.options.otp.duration));
    Ok(all)
}

/// The mail is on its way: whoever knows the password reads the mails of this address.
pub fn sent(id: &str, email: &str) -> Result<()> {
    let changes = json!({"id": id, "sentTo": email});
    match collections::save(COLLECTION, &changes.to_string(), r#"{"isNew":false}"#) {
        // Used or revoked while the mail server took its time.
        Err(error) if error.code != "not_found" => Err(error),
        _ => Ok(()),
    }
}

/// Serves the login.
pub fn login(request: &Request, accounts: &Accounts) -> Answer {
    if !accounts.options.otp.enabled {
        return Err(ApiError::forbidden(OFF).into());
    }
    let body = body::of(request)?;
    let (id, code) = (body.text("otpId")?, body.text("password")?);
    let mut errors = ValidationErrors::new();
    errors.check("otpId", forms::length(id, 1, MOST));
    errors.check("password", forms::length(code, 1, MOST_PASSWORD));
    if !errors.is_empty() {
        return Err(ApiError::invalid(INVALID, errors).into());
    }
    let identity = Identity::of(request)?;
    let (otp, record) = check(accounts, id, code)?;
    let document = || {
        let mut document = record.request_document(accounts, request, &body)?;
        document["request"]["context"] = CONTEXT.into();
        let mut shown = otp.clone();
        shown.remove("password");
        document["otp"] = Value::Object(shown);
        Ok(document)
    };
    events::around(
        "onRecordAuthWithOTPRequest",
        &tags(accounts),
        document,
        |patches| {
            let mut record = record.clone();
            record.apply(patches);
            use_up(id)?;
            if !record.flag("verified")
                && !text(&otp, "sentTo").is_empty()
                && text(&otp, "sentTo") == record.text("email")
            {
                record = verify(accounts, &record)?;
            }
            let token = token::issue(Kind::Auth, accounts, &record, &Options::default())?;
            Login {
                request,
                identity: identity.as_ref(),
                body: &body,
                context: CONTEXT,
                method: CONTEXT,
                accounts,
                record,
                token,
            }
            .respond()
        },
    )
}

/// The stored one-time password and its record, if the code is right.
fn check(
    accounts: &Accounts,
    id: &str,
    code: &str,
) -> Result<(Map<String, Value>, Record), Failure> {
    let wrong = || Failure::from(ApiError::bad_request(WRONG));
    let otp: Map<String, Value> = match collections::find(COLLECTION, id) {
        Ok(text) => serde_json::from_str(&text).map_err(hangar_sdk::Error::from)?,
        Err(error) if error.code == "not_found" => return Err(wrong()),
        Err(error) => return Err(error.into()),
    };
    let collection = &accounts.collection;
    if text(&otp, "collectionRef") != collection.id || is_over(&otp, accounts.options.otp.duration)
    {
        return Err(wrong());
    }
    let record = Record::find(collection, text(&otp, "recordRef"))?.ok_or_else(wrong)?;
    // Counted before the code is looked at, and for the record: asking for a new code gives no further tries.
    let key = format!("otp/{}/{}", collection.id, record.id());
    if counters::count(&key, WINDOW)? > MOST_TRIES {
        return Err(ApiError::too_many_requests(TOO_MANY).into());
    }
    let hash = text(&otp, "password");
    if hash.is_empty() || !crypto::password::verify(code, hash)? {
        return Err(wrong());
    }
    Ok((otp, record))
}

/// It works once, even for two requests at the same time.
fn use_up(id: &str) -> Result<(), Failure> {
    match collections::delete(COLLECTION, id) {
        Err(error) if error.code == "not_found" => Err(ApiError::bad_request(WRONG).into()),
        other => Ok(other?),
    }
}

/// The email is proved. Whoever registered it before that must not get in by a password alone; where a second factor is
/// asked for, the password may be one.
fn verify(accounts: &Accounts, record: &Record) -> Result<Record, Failure> {
    let changes = json!({"id": record.id(), "verified": true});
    let stored = match accounts.options.mfa.enabled {
        true => record.save(accounts, &changes),
        false => record.save_without_password(accounts, &changes),
    };
    stored.map_err(|failure| failure.told(FAILED))
}

fn text<'a>(otp: &'a Map<String, Value>, name: &str) -> &'a str {
    otp.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_over(otp: &Map<String, Value>, duration: i64) -> bool {
    let begun = date::parse(text(otp, "created")).map(|milliseconds| milliseconds.div_euclid(1000));
    begun.is_none_or(|begun| begun.saturating_add(duration) < claims::now())
}
