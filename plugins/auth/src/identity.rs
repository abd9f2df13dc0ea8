//! Who is asking: made here from a token, and read back from requests.

use hangar_model::ApiError;
use hangar_sdk::http::Request;
use hangar_sdk::{Result, guard};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::claims::Kind;
use crate::token;

/// The identity document every plugin gets with a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    /// `collectionId/recordId`: the name by which it is forgotten.
    pub subject: String,
    /// When the token ends, in seconds since 1970: the host forgets it then.
    pub expires: i64,
    /// Whether no rule applies.
    pub superuser: bool,
    /// The same for the host: no limit on the rate of requests, but only from the networks superusers may come from.
    #[serde(default)]
    pub privileged: bool,
    /// What the log of requests says about who asked.
    #[serde(default)]
    pub log: LogRef,
    /// Collection of the record.
    pub collection: CollectionRef,
    /// The record: hidden fields too, but neither password hash nor token key.
    pub record: Map<String, Value>,
    /// The token it came with.
    pub token: TokenRef,
}

/// An identity in the log of requests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRef {
    /// Name of the collection.
    pub auth: String,
    /// Id of the record.
    pub auth_id: String,
}

/// Id and name of a collection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollectionRef {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What plugins may know of a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenRef {
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whether a new one may be had for it.
    pub refreshable: bool,
    /// End, in seconds since 1970.
    pub exp: i64,
}

/// `hangar:auth/identity.authenticate`.
pub fn authenticate(token: &str) -> Result<Option<String>> {
    behind(Kind::Auth, token)
}

/// The identity behind a token of this kind; `None` for one that does not hold.
pub fn behind(kind: Kind, token: &str) -> Result<Option<String>> {
    let Some(verified) = token::verify(kind, token)? else {
        return Ok(None);
    };
    let collection = &verified.accounts.collection;
    let end = verified.claims.exp.unwrap_or(i64::MAX);
    let identity = Identity {
        subject: subject(&collection.id, verified.record.id()),
        expires: end,
        superuser: collection.is_superusers(),
        privileged: collection.is_superusers(),
        log: LogRef {
            auth: collection.name.clone(),
            auth_id: verified.record.id().to_owned(),
        },
        collection: CollectionRef {
            id: collection.id.clone(),
            name: collection.name.clone(),
        },
        record: verified.record.without_secrets(collection),
        token: TokenRef {
            kind,
            refreshable: verified.claims.refreshable.unwrap_or(false),
            exp: end,
        },
    };
    Ok(Some(serde_json::to_string(&identity)?))
}

/// As [`behind`], for a token that stands in an address: the host, which keeps privileged identities to their networks,
/// does not see that one.
pub fn admitted(kind: Kind, token: &str) -> Result<Option<String>> {
    let document = behind(kind, token)?;
    let Some(text) = &document else {
        return Ok(None);
    };
    let identity: Identity = serde_json::from_str(text)?;
    let stays_out = identity.privileged && !guard::privileged_may_come();
    Ok(document.filter(|_| !stays_out))
}

/// The name of an identity.
pub fn subject(collection_id: &str, record_id: &str) -> String {
    format!("{collection_id}/{record_id}")
}

impl Identity {
    /// Who asks; `None` for a guest.
    pub fn of(request: &Request) -> Result<Option<Self>> {
        Ok(request
            .identity
            .as_deref()
            .map(serde_json::from_str)
            .transpose()?)
    }

    /// Id of the record.
    pub fn record_id(&self) -> &str {
        self.record
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// Lets superusers pass.
///
/// # Errors
/// 401 for a guest, 403 for others.
pub fn require_superuser(identity: Option<&Identity>) -> Result<(), ApiError> {
    match identity {
        Some(identity) if identity.superuser => Ok(()),
        other => Err(ApiError::superusers_only(other.is_some())),
    }
}
