use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hangar_core::{Error, Result};
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Far above what any token needs, and small enough to check on the spot.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// The header of every token, in the order clients are used to: the library writes `typ` first.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Signs the claims as they are: nothing is added, and the header is `{"alg":"HS256","typ":"JWT"}`.
pub(crate) fn sign(claims: &str, secret: &str) -> Result<String> {
    check_secret(secret)?;
    if claims.len() > MAX_TOKEN_BYTES {
        return Err(too_long("claims", claims.len()));
    }
    let claims: Map<String, Value> = serde_json::from_str(claims)
        .map_err(|e| Error::bad_input(format!("claims are a JSON object: {e}")))?;
    let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
    let message = format!(
        "{}.{}",
        encode(HEADER),
        encode(&Value::Object(claims).to_string())
    );
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256)
        .map_err(|e| Error::internal(format!("the token could not be signed: {e}")))?;
    Ok(format!("{message}.{signature}"))
}

/// Signs header and claims as they are written, with a private key.
pub(crate) fn sign_with(header: &str, claims: &str, key: &str) -> Result<String> {
    for (what, text) in [("claims", claims), ("a header", header), ("a key", key)] {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(too_long(what, text.len()));
        }
    }
    let head: Map<String, Value> = serde_json::from_str(header)
        .map_err(|e| Error::bad_input(format!("the header is a JSON object: {e}")))?;
    if head.get("alg").and_then(Value::as_str) != Some("ES256") {
        return Err(Error::bad_input("the header's alg must be ES256"));
    }
    serde_json::from_str::<Map<String, Value>>(claims)
        .map_err(|e| Error::bad_input(format!("claims are a JSON object: {e}")))?;
    // What the library says of a key may quote it.
    let unusable =
        |_| Error::bad_input("the key is no private key on the curve P-256 in PEM (PKCS #8)");
    let key = EncodingKey::from_ec_pem(key.as_bytes()).map_err(unusable)?;
    let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).map_err(unusable)?;
    Ok(format!("{message}.{signature}"))
}

/// The claims, if the signature is this secret's, the algorithm is HS256 and the token is in its time. A token without
/// `exp` has no end, as its issuer wished.
pub(crate) fn verify(token: &str, secret: &str) -> Result<String> {
    check_secret(secret)?;
    check_token(token)?;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let (claims, times) = checked(token, &key, Validation::new(Algorithm::HS256))?;
    // Whoever has the secret has our clock, too; of other services' tokens the plugin judges.
    if times.iat > now() {
        return Err(Error::new(
            "jwt_not_yet_valid",
            401,
            "the token is used before it was issued (iat)",
        ));
    }
    Ok(claims)
}

/// The claims of a token in its time that is signed with this key, by the algorithm of the rules.
pub(crate) fn checked(
    token: &str,
    key: &DecodingKey,
    mut rules: Validation,
) -> Result<(String, Times)> {
    // The times are read below: to the library, 0 would be 1970.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let token = jsonwebtoken::decode::<Box<RawValue>>(token, key, &rules).map_err(refused)?;
    let claims = object(token.claims)?;
    let times: Times = serde_json::from_str(&claims)
        .map_err(|_| invalid("exp, nbf and iat are numbers of seconds, each once"))?;
    let now = now();
    if times.exp != 0.0 && times.exp <= now {
        return Err(Error::new("jwt_expired", 401, "the token has expired"));
    }
    if times.nbf > now {
        let why = "the token is not valid yet (nbf)";
        return Err(Error::new("jwt_not_yet_valid", 401, why));
    }
    Ok((claims, times))
}

/// When a token holds, in seconds since 1970; 0 says nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Times {
    exp: f64,
    nbf: f64,
    iat: f64,
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// The claims without any check but that of the form: what stands before a token (a space, `Bearer`) makes it another text.
pub(crate) fn unverified(token: &str) -> Result<String> {
    check_token(token)?;
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    if serde_json::from_slice::<Map<String, Value>>(&header).is_err() {
        return Err(invalid("its header is no JSON object"));
    }
    object(insecure_decode_claims::<Box<RawValue>>(token).map_err(refused)?)
}

fn object(claims: Box<RawValue>) -> Result<String> {
    if claims.get().starts_with('{') {
        return Ok(Box::<str>::from(claims).into());
    }
    Err(invalid("its claims are no JSON object"))
}

fn check_secret(secret: &str) -> Result<()> {
    if secret.is_empty() {
        return Err(Error::bad_input("the secret of a token must not be empty"));
    }
    Ok(())
}

pub(crate) fn check_token(token: &str) -> Result<()> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(too_long("a token", token.len()));
    }
    Ok(())
}

fn too_long(what: &str, bytes: usize) -> Error {
    Error::bad_input(format!(
        "{what} may have at most {MAX_TOKEN_BYTES} bytes, not {bytes}"
    ))
}

pub(crate) fn invalid(why: &str) -> Error {
    Error::new("jwt_invalid", 401, format!("the token is not valid: {why}"))
}

fn refused(error: jsonwebtoken::errors::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidSignature => invalid("its signature is not this key's"),
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
            invalid("its algorithm is not the expected one")
        }
        _ => invalid("it is malformed"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> u64 {
        super::now() as u64
    }

    fn encode(part: &str) -> String {
        URL_SAFE_NO_PAD.encode(part)
    }

    /// Signed with another implementation of HMAC than the one under test.
    fn token(header: &str, claims: &str, secret: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let mac =
            crate::digest::hmac("sha256", secret.as_bytes(), message.as_bytes()).expect("known");
        let bytes: Vec<u8> = (0..mac.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&mac[i..i + 2], 16).expect("hex"))
            .collect();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn code(result: Result<String>) -> String {
        result.expect_err("refused").code.into_owned()
    }

    #[test]
    fn the_header_and_the_claims_are_exactly_what_was_asked() {
        let claims = r#"{"collectionId":"pbc_1","exp":4102444800,"id":"abc","type":"auth"}"#;
        let secret = "k".repeat(50) + &"s".repeat(50);
        let signed = sign(claims, &secret).expect("signs");
        let parts: Vec<&str> = signed.split('.').collect();
        let decode = |part: &str| {
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).expect("base64"))
                .expect("JSON")
        };
        assert_eq!(decode(parts[0]), json!({"alg": "HS256", "typ": "JWT"}));
        assert_eq!(
            decode(parts[1]),
            serde_json::from_str::<Value>(claims).expect("JSON")
        );
        let payload = verify(&signed, &secret).expect("valid");
        assert_eq!(
            serde_json::from_str::<Value>(&payload).expect("JSON"),
            serde_json::from_str::<Value>(claims).expect("JSON")
        );
    }

    /// The token every JWT tutorial shows.
    #[test]
    fn a_known_token_without_exp() {
        let known = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
            eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.\
            SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
        let claims = r#"{"sub":"1234567890","name":"John Doe","iat":1516239022}"#;
        assert_eq!(verify(known, "your-256-bit-secret").expect("valid"), claims);
        assert_eq!(unverified(known).expect("readable"), claims);
        assert_eq!(code(verify(known, "another secret")), "jwt_invalid");
    }

    #[test]
    fn exp_and_nbf_without_leeway() {
        let at = |exp: u64| token(HEADER, &json!({"exp": exp}).to_string(), "s");
        assert!(verify(&at(now() + 5), "s").is_ok());
        assert_eq!(code(verify(&at(now()), "s")), "jwt_expired");
        assert_eq!(code(verify(&at(now() - 1), "s")), "jwt_expired");
        for claims in [r#"{"exp":"never"}"#, r#"{"exp":null}"#, r#"{"iat":[]}"#] {
            let malformed = token(HEADER, claims, "s");
            assert_eq!(code(verify(&malformed, "s")), "jwt_invalid", "{claims}");
        }
        for claims in [
            json!({"exp": 0, "nbf": 0, "iat": 0}),
            json!({"exp": now() as f64 + 2.5, "iat": now()}),
        ] {
            let good = token(HEADER, &claims.to_string(), "s");
            assert!(verify(&good, "s").is_ok(), "{claims}");
        }
        let later = token(HEADER, &json!({"iat": now() + 60}).to_string(), "s");
        assert_eq!(code(verify(&later, "s")), "jwt_not_yet_valid");
        let twice = token(HEADER, r#"{"exp":1,"exp":9999999999}"#, "s");
        assert_eq!(code(verify(&twice, "s")), "jwt_invalid");
        let early = token(HEADER, &json!({"nbf": now() + 60}).to_string(), "s");
        assert_eq!(code(verify(&early, "s")), "jwt_not_yet_valid");
        let audience = token(HEADER, r#"{"aud":"app"}"#, "s");
        assert!(verify(&audience, "s").is_ok());
    }

    #[test]
    fn other_algorithms_are_refused_whatever_the_signature() {
        for alg in ["none", "None", "HS512", "RS256"] {
            let header = json!({"alg": alg, "typ": "JWT"}).to_string();
            assert_eq!(
                code(verify(&token(&header, "{}", "s"), "s")),
                "jwt_invalid",
                "{alg}"
            );
        }
        let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode("{}"));
        assert_eq!(code(verify(&unsigned, "s")), "jwt_invalid");
    }

    #[test]
    fn changed_tokens_and_other_input_are_refused() {
        let good = token(HEADER, r#"{"id":"a"}"#, "s");
        assert!(verify(&good, "s").is_ok());
        let signature = good.rsplit('.').next().expect("three parts");
        let forged = format!("{}.{}.{signature}", encode(HEADER), encode(r#"{"id":"b"}"#));
        assert_eq!(code(verify(&forged, "s")), "jwt_invalid");
        assert_eq!(unverified(&forged).expect("readable"), r#"{"id":"b"}"#);
        for before in [" ", "Bearer ", "x"] {
            assert_eq!(code(unverified(&format!("{before}{good}"))), "jwt_invalid");
        }
        for text in ["", "a.b", "...", "a.b.c.d", "ä.ö.ü"] {
            assert_eq!(code(verify(text, "s")), "jwt_invalid", "{text}");
            assert!(unverified(text).is_err(), "{text}");
        }
        assert_eq!(code(verify(&token(HEADER, "[]", "s"), "s")), "jwt_invalid");
        assert_eq!(code(unverified(&token(HEADER, "1", "s"))), "jwt_invalid");
        assert_eq!(code(sign("[]", "s")), "bad_input");
        assert_eq!(code(sign("{}", "")), "bad_input");
        assert_eq!(code(verify(&good, "")), "bad_input");
        assert_eq!(
            code(unverified(&"x".repeat(MAX_TOKEN_BYTES + 1))),
            "bad_input"
        );
    }
}
