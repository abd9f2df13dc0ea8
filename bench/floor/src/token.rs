//! JSON web tokens, HS256. As in the other contenders the key is the user's own key and the server's secret, so the
//! user must be read before a token can be checked.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

const SECRET: &str = "the floor keeps no secrets, but signs as if it did";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const LIFE_SECONDS: u64 = 604_800;

/// What a token says.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    collection_id: String,
    exp: u64,
    /// The user.
    pub id: String,
    refreshable: bool,
    #[serde(rename = "type")]
    kind: String,
}

fn mac(signed: &str, user_key: &str) -> Hmac<Sha256> {
    let key = [user_key.as_bytes(), SECRET.as_bytes()].concat();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    mac
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// A new token for a user.
pub fn sign(collection_id: &str, id: &str, user_key: &str) -> String {
    let claims = Claims {
        collection_id: collection_id.to_owned(),
        exp: now() + LIFE_SECONDS,
        id: id.to_owned(),
        refreshable: true,
        kind: "auth".to_owned(),
    };
    let claims = serde_json::to_vec(&claims).expect("claims are plain values");
    let mut token = URL_SAFE_NO_PAD.encode(HEADER);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = mac(&token, user_key).finalize().into_bytes();
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

/// What an unchecked token says; none if it is malformed or too old.
pub fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    (claims.exp > now() && claims.refreshable && claims.kind == "auth").then_some(claims)
}

/// Whether a token was signed here for the user with this key.
pub fn verify(token: &str, user_key: &str) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else {
        return false;
    };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else {
        return false;
    };
    mac(signed, user_key).verify_slice(&signature).is_ok()
}
