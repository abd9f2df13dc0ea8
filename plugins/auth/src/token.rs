//! Making and checking tokens.

use std::rc::Rc;

use hangar_model::FieldError;
use hangar_model::value::to_text;
use hangar_sdk::{Error, Result, collections, crypto};

use crate::accounts::{self, Accounts};
use crate::claims::{Claims, Kind, Options, now};
use crate::record::Record;

/// A token of `kind` for a record of the collection.
pub fn issue(
    kind: Kind,
    accounts: &Accounts,
    record: &Record,
    options: &Options,
) -> Result<String> {
    let rules = kind.rules(&accounts.options);
    let claims = Claims::new(
        kind,
        &accounts.collection.id,
        record.id(),
        record.text("email"),
        rules.duration,
        options,
        now(),
    );
    crypto::jwt::sign(
        &serde_json::to_string(&claims)?,
        &key(record, &rules.secret)?,
    )
}

/// A token that holds: what it says, and whom it is of.
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// Collection of the record.
    pub accounts: Rc<Accounts>,
    /// The record.
    pub record: Record,
}

/// Checks a token: type, collection, record, signature, time. `None` for one that does not hold.
///
/// # Errors
/// What the database says; never something about the token.
pub fn verify(kind: Kind, token: &str) -> Result<Option<Verified>> {
    let known = unverified(token)
        .filter(|claims| claims.kind == kind && claims.exp.is_none_or(|end| end > now()));
    let Some(claims) = known else {
        return Ok(None);
    };
    let Some(accounts) = accounts::auth(&claims.collection_id)? else {
        return Ok(None);
    };
    let Some(record) = Record::find(&accounts.collection, &claims.id)? else {
        return Ok(None);
    };
    let key = key(&record, &kind.rules(&accounts.options).secret)?;
    // Only now is it known that these claims are ours.
    if crypto::jwt::verify(token, &key).is_err() {
        return Ok(None);
    }
    Ok(Some(Verified {
        claims,
        accounts,
        record,
    }))
}

/// [`verify`] for a token that somebody has submitted for this collection, in the words of validation.
pub fn expect(
    kind: Kind,
    token: &str,
    accounts: &Accounts,
) -> Result<Result<Verified, FieldError>> {
    let Some(verified) = verify(kind, token)? else {
        return Ok(Err(FieldError::new(
            "validation_invalid_token",
            "Invalid or expired token.",
        )));
    };
    if verified.accounts.collection.id != accounts.collection.id {
        return Ok(Err(FieldError::new(
            "validation_token_collection_mismatch",
            "The provided token is for different auth collection.",
        )));
    }
    Ok(Ok(verified))
}

/// A text among the claims of a token that may be anybody's; empty if it is not there.
pub fn unverified_claim(token: &str, name: &str) -> String {
    let claims = crypto::jwt::unverified(token).unwrap_or_default();
    let claims: serde_json::Value = serde_json::from_str(&claims).unwrap_or_default();
    to_text(&claims[name])
}

fn unverified(token: &str) -> Option<Claims> {
    let text = crypto::jwt::unverified(token).ok()?;
    serde_json::from_str(&text).ok()
}

/// The signing key: changing either half revokes tokens, of one record or of the whole collection.
fn key(record: &Record, secret: &str) -> Result<String> {
    let token_key = record.text("tokenKey");
    if token_key.is_empty() || secret.is_empty() {
        return Err(Error::internal(
            "a token key or the collection's token secret is empty: no token can be signed or checked",
        ));
    }
    Ok(format!("{token_key}{secret}"))
}

/// The kind of token that has this name.
///
/// # Errors
/// There is none.
pub fn kind(name: &str) -> Result<Kind> {
    Kind::parse(name).ok_or_else(|| {
        Error::new(
            "bad_input",
            400,
            format!("there is no token of kind {name:?}: use auth, file, verification, passwordReset or emailChange"),
        )
    })
}

/// `hangar:auth/tokens.issue`.
pub fn issue_for(kind: &str, collection: &str, id: &str, options: &str) -> Result<String> {
    let kind = self::kind(kind)?;
    let options: Options = if options.trim().is_empty() {
        Options::default()
    } else {
        serde_json::from_str(options)?
    };
    let accounts = accounts::auth(collection)?.ok_or_else(|| {
        Error::new(
            "not_found",
            404,
            format!("there is no auth collection {collection:?}"),
        )
    })?;
    let text = collections::find(&accounts.collection.id, id)?;
    let record = Record {
        fields: serde_json::from_str(&text)?,
    };
    issue(kind, &accounts, &record, &options)
}
