//! What auth records need beyond others: the password form, email and verified, token keys, revocation.

use hangar_failure::Outcome;
use hangar_model::ids::secret;
use hangar_model::sql::table;
use hangar_model::system::{AUTH_ORIGINS, EXTERNAL_AUTHS, MFAS, OTPS};
use hangar_model::value::to_text;
use hangar_model::{ApiError, FieldError, ValidationErrors, value_rules};
use hangar_sdk::crypto::{password, random};
use hangar_sdk::postgres::{Statement, Value as Param, query};
use serde_json::{Map, Value};

use crate::random::HostRandom;
use crate::records::draft::{Draft, failed_message};

/// Checks what a request may change of an auth record: `verified` and (of stored ones) `email` only with full control,
/// the password only with its confirmation and, without full control, the old one.
///
/// # Errors
/// 400 with an error for each field.
pub fn check_form(draft: &Draft, body: &Map<String, Value>, manager: bool) -> Outcome<()> {
    let mut errors = ValidationErrors::new();
    if !manager {
        let verified_before = draft
            .before("verified")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        if draft.shown.flag("verified") != verified_before {
            errors.add("verified", value_rules::mismatch());
        }
        if !draft.is_new() && draft.changed("email") {
            errors.add("email", value_rules::mismatch());
        }
    }
    check_password(draft, body, manager, &mut errors)?;
    errors
        .into_result()
        .map_err(|errors| ApiError::invalid(failed_message(draft), errors).into())
}

fn check_password(
    draft: &Draft,
    body: &Map<String, Value>,
    manager: bool,
    errors: &mut ValidationErrors,
) -> Outcome<()> {
    let text = |name: &str| body.get(name).map(to_text).unwrap_or_default();
    let (plain, confirm, old) = (
        text("password"),
        text("passwordConfirm"),
        text("oldPassword"),
    );
    if !(draft.is_new() || !plain.is_empty() || !confirm.is_empty() || !old.is_empty()) {
        return Ok(());
    }
    if plain.is_empty() {
        errors.add("password", value_rules::required());
    }
    if confirm.is_empty() {
        errors.add("passwordConfirm", value_rules::required());
    } else if confirm != plain {
        errors.add("passwordConfirm", value_rules::mismatch());
    }
    if draft.is_new() || manager || (plain.is_empty() && confirm.is_empty()) {
        return Ok(());
    }
    if old.is_empty() {
        errors.add("oldPassword", value_rules::required());
        return Ok(());
    }
    let hash = draft
        .before("password")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if hash.is_empty() || !password::verify(&old, hash)? {
        errors.add(
            "oldPassword",
            FieldError::new(
                "validation_invalid_old_password",
                "Missing or invalid old password.",
            ),
        );
    }
    Ok(())
}

/// A password that nobody knows.
///
/// # Errors
/// The host gives no random text.
pub fn random_password() -> Outcome<String> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    Ok(random::text(30, LETTERS)?)
}

/// Gives a draft a password that nobody knows.
///
/// # Errors
/// The host gives no random text.
pub fn make_password(draft: &mut Draft) -> Outcome<()> {
    let made = random_password()?;
    let passwords = &mut draft.shown.passwords;
    passwords.insert("password".to_owned(), made.as_str().into());
    draft.made_password = Some(made);
    Ok(())
}

/// Whether a password is longer than what bcrypt looks at.
pub fn too_long(plain: &Value) -> bool {
    const MOST_BYTES: usize = 72;
    plain.as_str().is_some_and(|plain| plain.len() > MOST_BYTES)
}

/// What the server decides about an auth record: superusers are verified, and a new password or email makes a new token
/// key, which ends all sessions. So does the proof of an email that somebody has linked an account of theirs with before.
///
/// # Errors
/// What the database says.
pub fn prepare(draft: &mut Draft) -> Outcome<()> {
    if !draft.entry.is_auth() {
        return Ok(());
    }
    if draft.entry.is_superusers() {
        draft.shown.values.insert("verified".into(), true.into());
    }
    if draft.is_new() || draft.changed("tokenKey") {
        return Ok(());
    }
    let revoked = draft.shown.passwords.contains_key("password")
        || draft.changed("email")
        || (is_proved(draft) && is_linked(draft)?);
    if revoked {
        draft
            .shown
            .values
            .insert("tokenKey".into(), secret(&mut HostRandom).into());
    }
    Ok(())
}

/// Whether a stored record becomes verified.
fn is_proved(draft: &Draft) -> bool {
    !draft.is_new() && draft.changed("verified") && draft.shown.flag("verified")
}

/// Whether a record has links to accounts of other services.
fn is_linked(draft: &Draft) -> Outcome<bool> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE {OWNED} LIMIT 1",
        table(EXTERNAL_AUTHS)
    );
    Ok(!query(sql, owner(draft))?.rows.is_empty())
}

/// Statements that remove what a changed password or token key, or a proved email, makes void.
pub fn revocations(draft: &Draft) -> Vec<Statement> {
    if !draft.entry.is_auth() {
        return Vec::new();
    }
    let mut tables = Vec::new();
    if is_proved(draft) {
        tables.push(EXTERNAL_AUTHS);
    }
    if draft.changed("password") {
        tables.extend([MFAS, AUTH_ORIGINS]);
    }
    if draft.changed("tokenKey") {
        tables.push(OTPS);
    }
    owned_by(draft, &tables)
}

/// Statements that remove everything the system keeps about an auth record.
pub fn remnants(draft: &Draft) -> Vec<Statement> {
    if !draft.entry.is_auth() {
        return Vec::new();
    }
    owned_by(draft, &[EXTERNAL_AUTHS, MFAS, OTPS, AUTH_ORIGINS])
}

fn owned_by(draft: &Draft, tables: &[&str]) -> Vec<Statement> {
    let delete = |name: &&str| {
        let sql = format!("DELETE FROM {} WHERE {OWNED}", table(name));
        Statement::new(sql, owner(draft))
    };
    tables.iter().map(delete).collect()
}

/// The condition that something belongs to an [`owner`].
const OWNED: &str = "\"collectionRef\" = $1::text AND \"recordRef\" = $2::text";

fn owner(draft: &Draft) -> Vec<Param> {
    vec![
        Param::Text(draft.entry.id.clone()),
        Param::Text(draft.shown.id().to_owned()),
    ]
}
