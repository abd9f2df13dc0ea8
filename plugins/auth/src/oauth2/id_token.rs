//! Id tokens: what a service says about the user, signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hangar_sdk::crypto;
use serde_json::{Map, Value};

use super::{Client, fetch};
use crate::claims::now;
use crate::providers::Unusable;

const APPLE: &str = "https://appleid.apple.com";
const APPLE_KEYS: &str = "https://appleid.apple.com/auth/keys";
/// How far the clocks of services may be from ours, seconds.
const LEEWAY: i64 = 300;
/// Keys looked at in a set.
const MOST_KEYS: usize = 100;

/// The claims of an OpenID service's token. Without an address of keys the signature is not checked, as OpenID allows
/// for tokens that come straight from the service.
///
/// # Errors
/// A token that does not hold.
pub fn openid(client: &Client, token: &str) -> Result<Value, Unusable> {
    if token.is_empty() {
        return Err("there is no id token in the answer".to_owned());
    }
    let claims = unverified(token)?;
    in_time(&claims, now())?;
    for_client(&claims, &client.settings.client_id)?;
    let issuers = issuers(client.extra("issuers"));
    if !issuers.is_empty() {
        issued_by(&claims, &issuers)?;
    }
    let keys = client.extra("jwksURL").map(text_of).unwrap_or_default();
    if !keys.is_empty() {
        check_signature(token, &keys)?;
    }
    Ok(Value::Object(claims))
}

/// The claims of Apple's token.
///
/// # Errors
/// A token that does not hold.
pub fn apple(client: &Client, token: &str) -> Result<Value, Unusable> {
    if token.is_empty() {
        return Err("there is no id token in the answer".to_owned());
    }
    let claims = unverified(token)?;
    issued_by(&claims, &[APPLE.to_owned()])?;
    for_client(&claims, &client.settings.client_id)?;
    if !claims.contains_key("exp") {
        return Err("the token has no end".to_owned());
    }
    check_signature(token, APPLE_KEYS)?;
    Ok(Value::Object(claims))
}

/// A claim of a token that came straight from its service, if it is in its time: nothing else is checked.
pub fn claim(token: &str, name: &str) -> Option<String> {
    let claims = unverified(token).ok()?;
    in_time(&claims, now()).ok()?;
    claims.get(name)?.as_str().map(str::to_owned)
}

fn unverified(token: &str) -> Result<Map<String, Value>, Unusable> {
    let text = crypto::jwt::unverified(token).map_err(|error| error.message)?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn in_time(claims: &Map<String, Value>, now: i64) -> Result<(), Unusable> {
    let moment = |name: &str| match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        // 0 says nothing.
        Some(Value::Number(number)) => Ok(number.as_f64().filter(|time| *time != 0.0)),
        Some(_) => Err(format!("{name} is no number")),
    };
    // Beyond 2^53 seconds nobody's clock is exact anyway.
    let now = now as f64;
    let leeway = LEEWAY as f64;
    if moment("exp")?.is_some_and(|end| now >= end + leeway) {
        return Err("the token is over".to_owned());
    }
    if moment("nbf")?.is_some_and(|begin| now + leeway < begin) {
        return Err("the token is not valid yet".to_owned());
    }
    if moment("iat")?.is_some_and(|issued| now + leeway < issued) {
        return Err("the token is used before it was issued".to_owned());
    }
    Ok(())
}

fn for_client(claims: &Map<String, Value>, client: &str) -> Result<(), Unusable> {
    let meant = match claims.get("aud") {
        Some(Value::String(one)) => one == client,
        Some(Value::Array(all)) => all.iter().any(|one| one == client),
        _ => false,
    };
    if meant {
        Ok(())
    } else {
        Err("the token is for another client".to_owned())
    }
}

fn issued_by(claims: &Map<String, Value>, issuers: &[String]) -> Result<(), Unusable> {
    let issuer = claims
        .get("iss")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if issuers.iter().any(|one| one == issuer) {
        Ok(())
    } else {
        Err(format!("the token is issued by {issuer:?}"))
    }
}

/// A list, or words of a text.
fn issuers(setting: Option<&Value>) -> Vec<String> {
    match setting {
        Some(Value::Array(all)) => all.iter().map(text_of).collect(),
        Some(other) => text_of(other)
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        None => Vec::new(),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn check_signature(token: &str, keys: &str) -> Result<(), Unusable> {
    let header = header(token)?;
    let wanted = header
        .get("kid")
        .and_then(Value::as_str)
        .ok_or_else(|| "the token does not name its key".to_owned())?;
    let set = fetch::json("GET", keys, Vec::new(), "")?;
    let keys = set.get("keys").and_then(Value::as_array);
    let key = keys
        .into_iter()
        .flatten()
        .take(MOST_KEYS)
        .find(|key| key.get("kid").and_then(Value::as_str) == Some(wanted))
        .ok_or_else(|| format!("there is no key {wanted:?} in the service's set"))?;
    crypto::jwt::verify_with_key(token, &key.to_string()).map_err(|error| error.message)?;
    Ok(())
}

fn header(token: &str) -> Result<Value, Unusable> {
    let part = token.split('.').next().unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|error| format!("the header is not readable: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("the header is no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn clocks_may_differ_a_little() {
        let at = |value: Value| in_time(&claims(value), 10_000).is_ok();
        assert!(at(json!({})));
        assert!(at(json!({"exp": 9_701})) && !at(json!({"exp": 9_700})));
        assert!(at(json!({"iat": 10_300})) && !at(json!({"iat": 10_301})));
        assert!(at(json!({"nbf": 10_300})) && !at(json!({"nbf": 10_301})));
        assert!(!at(json!({"exp": "never"})) && at(json!({"exp": 0})));
    }

    #[test]
    fn tokens_are_for_one_client_by_one_issuer() {
        let meant = |aud: Value| for_client(&claims(json!({"aud": aud})), "me").is_ok();
        assert!(meant(json!("me")) && meant(json!(["x", "me"])));
        assert!(!meant(json!("x")) && !meant(json!(["x"])) && !meant(json!(null)));
        let names = issuers(Some(&json!("a  b")));
        assert_eq!(names, ["a", "b"]);
        assert_eq!(issuers(Some(&json!(["a", 5]))), ["a", "5"]);
        assert!(issued_by(&claims(json!({"iss": "b"})), &names).is_ok());
        assert!(issued_by(&claims(json!({})), &names).is_err());
    }
}
