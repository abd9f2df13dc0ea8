//! A code becomes a token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hangar_model::date;
use hangar_sdk::fetch::Response;
use serde_json::{Map, Value};

use super::form::Form;
use super::text::{encode, escape};
use super::{Client, fetch};
use crate::claims::now;
use crate::providers::Unusable;

/// A token so near its end is over.
const END_SECONDS: i64 = 10;

/// What a service answers to a code.
#[derive(Debug, Default)]
pub struct Token {
    /// For requests in the user's name.
    pub access: String,
    /// For new access tokens.
    pub refresh: String,
    /// Seconds since 1970; none if the service does not say.
    pub expires: Option<i64>,
    kind: String,
    /// The whole answer.
    pub answer: Map<String, Value>,
}

/// Exchanges the code of a form.
///
/// # Errors
/// Why there is no token.
pub fn exchange(client: &Client, form: &Form) -> Result<Token, Unusable> {
    // Services do not agree about where the client's secret stands. The header comes first, as the standard wishes.
    match attempt(client, form, true) {
        Ok(token) => Ok(token),
        Err(_) => attempt(client, form, false),
    }
}

fn attempt(client: &Client, form: &Form, by_header: bool) -> Result<Token, Unusable> {
    let settings = client.settings;
    let mut headers = vec![(
        "content-type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    )];
    let mut pairs = Vec::new();
    if by_header {
        let pair = format!(
            "{}:{}",
            escape(&settings.client_id),
            escape(&settings.client_secret)
        );
        headers.push((
            "authorization".to_owned(),
            format!("Basic {}", STANDARD.encode(pair)),
        ));
    } else {
        pairs.push(("client_id", settings.client_id.as_str()));
        pairs.push(("client_secret", settings.client_secret.as_str()));
    }
    pairs.push(("code", form.code));
    if client.pkce() {
        pairs.push(("code_verifier", form.verifier));
    }
    pairs.push(("grant_type", "authorization_code"));
    if !form.redirect.is_empty() {
        pairs.push(("redirect_uri", form.redirect));
    }
    let response = fetch::send("POST", client.token_url(), headers, &encode(&pairs))?;
    Token::read(&response, now())
}

impl Token {
    fn read(response: &Response, now: i64) -> Result<Self, Unusable> {
        if !(200..300).contains(&response.status) {
            return Err(format!("status {}", response.status));
        }
        let content_type = response
            .headers
            .iter()
            .find_map(|(name, value)| name.eq_ignore_ascii_case("content-type").then_some(value));
        let kind = content_type.map_or("", |value| value.split(';').next().unwrap_or_default());
        let answer = match kind.trim() {
            "application/x-www-form-urlencoded" | "text/plain" => form_values(&response.body),
            _ => serde_json::from_slice(&response.body)
                .map_err(|error| format!("the answer is no JSON object: {error}"))?,
        };
        Self::of(answer, now)
    }

    fn of(answer: Map<String, Value>, now: i64) -> Result<Self, Unusable> {
        let text = |name: &str| match answer.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(format!("{name} is no text")),
        };
        let error = text("error")?;
        if !error.is_empty() {
            return Err(format!("the service answered {error:?}"));
        }
        let access = text("access_token")?;
        if access.is_empty() {
            return Err("there is no access token in the answer".to_owned());
        }
        let seconds = match answer.get("expires_in") {
            None | Some(Value::Null) => 0,
            Some(Value::Number(number)) => whole(number.as_i64())?,
            Some(Value::String(text)) if text.is_empty() => 0,
            Some(Value::String(text)) => whole(text.parse().ok())?,
            Some(_) => return Err("expires_in is no number".to_owned()),
        };
        Ok(Self {
            access,
            refresh: text("refresh_token")?,
            expires: (seconds != 0).then(|| now.saturating_add(seconds)),
            kind: text("token_type")?,
            answer,
        })
    }

    /// The `Authorization` header of requests in the user's name.
    ///
    /// # Errors
    /// The token is over already.
    pub fn authorization(&self) -> Result<(String, String), Unusable> {
        if self.expires.is_some_and(|end| end - END_SECONDS <= now()) && self.refresh.is_empty() {
            return Err("the access token is over already".to_owned());
        }
        let kind = match self.kind.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer",
            "mac" => "MAC",
            "basic" => "Basic",
            _ => &self.kind,
        };
        Ok((
            "authorization".to_owned(),
            format!("{kind} {}", self.access),
        ))
    }

    /// When it ends, as dates are written; empty if nobody knows.
    pub fn expiry(&self) -> String {
        self.expires
            .map(|end| date::format(end.saturating_mul(1000)))
            .unwrap_or_default()
    }
}

fn whole(number: Option<i64>) -> Result<i64, Unusable> {
    number.ok_or_else(|| "expires_in is no whole number".to_owned())
}

fn form_values(bytes: &[u8]) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, value) in hangar_sdk::form::query(&String::from_utf8_lossy(bytes)) {
        values.entry(name).or_insert_with(|| value.into());
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(status: u16, content_type: &str, body: &str) -> Result<Token, Unusable> {
        let response = Response {
            status,
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.as_bytes().to_vec(),
            url: String::new(),
        };
        Token::read(&response, 1000)
    }

    #[test]
    fn answers_are_json_or_a_form() {
        let json =
            json!({"access_token": "a", "refresh_token": "r", "expires_in": "60", "id_token": "i"});
        let read =
            token(200, "application/json; charset=utf-8", &json.to_string()).expect("a token");
        assert_eq!((read.access.as_str(), read.refresh.as_str()), ("a", "r"));
        assert_eq!(read.expires, Some(1060));
        assert_eq!(read.answer["id_token"], "i");
        for kind in [
            "application/x-www-form-urlencoded",
            "text/plain; charset=utf-8",
        ] {
            let read = token(201, kind, "access_token=a%20b&token_type=bearer").expect("a token");
            assert_eq!((read.access.as_str(), read.expires), ("a b", None));
        }
    }

    #[test]
    fn other_answers_are_none() {
        for (status, body) in [
            (400, r#"{"access_token":"a"}"#),
            (200, "{}"),
            (200, "[]"),
            (200, "<html>"),
            (200, r#"{"access_token":""}"#),
            (200, r#"{"access_token":5}"#),
            (200, r#"{"access_token":"a","error":"no"}"#),
            (200, r#"{"access_token":"a","expires_in":"soon"}"#),
        ] {
            assert!(token(status, "application/json", body).is_err(), "{body}");
        }
    }

    #[test]
    fn the_kind_of_a_token() {
        let kind = |kind: &str| {
            let token = Token {
                access: "x".into(),
                kind: kind.into(),
                ..Token::default()
            };
            token.authorization().expect("valid").1
        };
        assert_eq!(kind(""), "Bearer x");
        assert_eq!(kind("bearer"), "Bearer x");
        assert_eq!(kind("mac"), "MAC x");
        assert_eq!(kind("Other"), "Other x");
        let over = Token {
            access: "x".into(),
            expires: Some(1),
            ..Token::default()
        };
        assert!(over.authorization().is_err());
        assert_eq!(over.expiry(), "1970-01-01 00:00:01.000Z");
    }
}
