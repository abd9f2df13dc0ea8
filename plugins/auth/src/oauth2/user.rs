//! The user as the service describes it.

use hangar_model::formats::is_email;
use serde_json::{Map, Value, json};

use super::exchange::Token;
use super::form::Form;
use super::{Client, apple, fetch, id_token};
use crate::providers::emails::Place;
use crate::providers::{Ask, Doc, Emails, Profile, Unusable};

/// Claims of Microsoft's id token an email may be taken from.
const MICROSOFT_CLAIMS: [&str; 2] = ["email", "verified_primary_email"];

/// A user of a service.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// What every service tells.
    pub profile: Profile,
    raw: Value,
    access_token: String,
    refresh_token: String,
    expiry: String,
}

/// Reads the user of a token.
///
/// # Errors
/// Why there is no user.
pub fn fetch(client: &Client, form: &Form, token: Token) -> Result<User, Unusable> {
    let raw = raw(client, &token)?;
    let doc = Doc::new(&raw);
    let mut profile = (client.provider.read)(doc)?;
    if let Some(emails) = client.provider.emails {
        profile.email = email(client, &token, emails, profile.email)?;
    }
    match client.provider.name {
        "microsoft" => microsoft(client, &token, &mut profile),
        "apple" if profile.name.is_empty() => profile.name = apple::take_name(form.code),
        _ => {}
    }
    Ok(User {
        profile,
        raw,
        expiry: token.expiry(),
        access_token: token.access,
        refresh_token: token.refresh,
    })
}

fn raw(client: &Client, token: &Token) -> Result<Value, Unusable> {
    let id_token = || {
        token
            .answer
            .get("id_token")
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let raw = match client.provider.ask {
        Ask::IdToken => id_token::apple(client, id_token())?,
        Ask::GetOrIdToken if client.user_url().is_empty() => id_token::openid(client, id_token())?,
        Ask::GetOrIdToken => {
            fetch::json("GET", client.user_url(), vec![token.authorization()?], "")?
        }
        Ask::Get(more) => {
            let mut headers = vec![token.authorization()?];
            headers.extend(more.iter().map(|(name, value)| {
                let value = value.replace("{clientId}", &client.settings.client_id);
                ((*name).to_owned(), value)
            }));
            fetch::json("GET", client.user_url(), headers, "")?
        }
        Ask::Post(body) => {
            let headers = vec![
                token.authorization()?,
                ("content-type".to_owned(), "application/json".to_owned()),
            ];
            fetch::json("POST", client.user_url(), headers, body)?
        }
    };
    match raw {
        Value::Object(_) | Value::Null => Ok(raw),
        _ => Err("the user is no JSON object".to_owned()),
    }
}

fn email(client: &Client, token: &Token, emails: Emails, own: String) -> Result<String, Unusable> {
    match emails {
        Emails::Token(name) => Ok(match token.answer.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }),
        Emails::List { only_without, .. } if only_without && is_email(&own) => Ok(own),
        Emails::List { place, read, .. } => {
            let url = match place {
                Place::BelowUser(path) => format!("{}{path}", client.user_url()),
                Place::At(url) => url.to_owned(),
            };
            let list = fetch::json("GET", &url, vec![token.authorization()?], "")?;
            read(Doc::new(&list))
        }
    }
}

/// Organisations know whether their emails are verified: the settings may name a claim in which they stand.
fn microsoft(client: &Client, token: &Token, profile: &mut Profile) {
    let setting = client.extra("idTokenEmailClaim").and_then(Value::as_str);
    let Some(claim) = setting.filter(|claim| MICROSOFT_CLAIMS.contains(claim)) else {
        return;
    };
    let id_token = token.answer.get("id_token").and_then(Value::as_str);
    profile.email = id_token
        .and_then(|token| id_token::claim(token, claim))
        .unwrap_or_default();
}

impl User {
    /// What clients are told.
    pub fn meta(&self, is_new: bool) -> Value {
        let mut meta = self.document();
        meta["isNew"] = is_new.into();
        meta["rawUser"] = rounded(&self.raw);
        meta
    }

    /// What handlers are told.
    pub fn document(&self) -> Value {
        let Profile {
            id,
            name,
            username,
            email,
            avatar_url,
        } = &self.profile;
        json!({
            "id": id,
            "name": name,
            "username": username,
            "email": email,
            "avatarURL": avatar_url,
            "avatarUrl": avatar_url,
            "rawUser": rounded(&self.raw),
            "accessToken": self.access_token,
            "refreshToken": self.refresh_token,
            "expiry": self.expiry,
        })
    }

    /// Takes over what handlers have changed.
    pub fn assign(&mut self, changed: &Map<String, Value>) {
        let text = |name: &str, into: &mut String| {
            if let Some(text) = changed.get(name).and_then(Value::as_str) {
                text.clone_into(into);
            }
        };
        text("id", &mut self.profile.id);
        text("name", &mut self.profile.name);
        text("username", &mut self.profile.username);
        text("email", &mut self.profile.email);
        text("avatarURL", &mut self.profile.avatar_url);
        text("accessToken", &mut self.access_token);
        text("refreshToken", &mut self.refresh_token);
        if let Some(raw) = changed.get("rawUser") {
            self.raw = raw.clone();
        }
    }
}

/// A document with every number of double precision, as clients of PocketBase see it.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.iter().map(rounded).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| (name.clone(), rounded(value)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_go_shows_them() {
        let raw: Value =
            serde_json::from_str(r#"{"a":[9007199254740993,1.50],"b":1e21,"c":"<&>"}"#)
                .expect("JSON");
        assert_eq!(
            hangar_model::json::to_json(&rounded(&raw)),
            r#"{"a":[9007199254740992,1.5],"b":1e+21,"c":"<&>"}"#
        );
    }

    #[test]
    fn handlers_change_what_they_like() {
        let mut user = User::default();
        user.assign(
            json!({"email": "a@b.c", "name": 5})
                .as_object()
                .expect("an object"),
        );
        assert_eq!(user.profile.email, "a@b.c");
        assert_eq!(user.profile.name, "");
        assert_eq!(user.meta(true)["isNew"], true);
    }
}
