//! What stands in a token.

use std::time::{SystemTime, UNIX_EPOCH};

use hangar_model::AuthOptions;
use hangar_model::auth_options::Token;
use hangar_model::value::to_text;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Requests in the name of the record.
    Auth,
    /// Protected files.
    File,
    /// Proof that an email is the record's.
    Verification,
    /// A new password.
    PasswordReset,
    /// A new email.
    EmailChange,
}

impl Kind {
    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }

    /// How the collection signs tokens of this kind.
    pub fn rules(self, options: &AuthOptions) -> &Token {
        match self {
            Self::Auth => &options.auth_token,
            Self::File => &options.file_token,
            Self::Verification => &options.verification_token,
            Self::PasswordReset => &options.password_reset_token,
            Self::EmailChange => &options.email_change_token,
        }
    }
}

/// The claims of a token, in PocketBase's (alphabetical) order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Collection of the record.
    pub collection_id: String,
    /// Email at the time; of verification, password reset and email change tokens.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "any_text"
    )]
    pub email: Option<String>,
    /// End, in seconds since 1970; none: whoever signed it by hand wants it to hold until the key changes.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "end"
    )]
    pub exp: Option<i64>,
    /// Id of the record.
    pub id: String,
    /// The email to change to.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "any_text"
    )]
    pub new_email: Option<String>,
    /// Whether a new token may be had for this one; of auth tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshable: Option<bool>,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: Kind,
}

/// Scalars count as their texts.
fn any_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(deserializer).map(|value| Some(to_text(&value)))
}

/// A number of seconds; 0 is none.
fn end<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Ok((seconds != 0.0).then_some(seconds as i64))
}

/// What a token may say beyond its record.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Seconds it lives; none or 0: as long as the collection says.
    pub duration: Option<i64>,
    /// Whether a new token may be had for it; none: yes.
    pub refreshable: Option<bool>,
    /// The email to change to.
    pub new_email: Option<String>,
}

impl Claims {
    /// Claims for a token of `kind` issued at `now` (seconds since 1970).
    pub fn new(
        kind: Kind,
        collection_id: &str,
        id: &str,
        email: &str,
        standard: i64,
        options: &Options,
        now: i64,
    ) -> Self {
        let duration = options
            .duration
            .filter(|seconds| *seconds > 0)
            .unwrap_or(standard);
        let with_email = matches!(
            kind,
            Kind::Verification | Kind::PasswordReset | Kind::EmailChange
        );
        Self {
            collection_id: collection_id.to_owned(),
            email: with_email.then(|| email.to_owned()),
            exp: Some(now.saturating_add(duration)),
            id: id.to_owned(),
            new_email: if kind == Kind::EmailChange {
                options.new_email.clone()
            } else {
                None
            },
            refreshable: (kind == Kind::Auth).then(|| options.refreshable.unwrap_or(true)),
            kind,
        }
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The token in an `Authorization` header: as it is, or after `Bearer` in any case.
pub fn from_header(header: &str) -> &str {
    match header.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer ") => token.trim(),
        _ => header.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Kind, options: &Options) -> String {
        let claims = Claims::new(
            kind,
            "_pb_users_auth_",
            "gx7j6p29tw4oqy4",
            "a@b.co",
            100,
            options,
            1000,
        );
        serde_json::to_string(&claims).expect("JSON")
    }

    #[test]
    fn auth_tokens_look_like_pocketbase() {
        assert_eq!(
            text(Kind::Auth, &Options::default()),
            r#"{"collectionId":"_pb_users_auth_","exp":1100,"id":"gx7j6p29tw4oqy4","refreshable":true,"type":"auth"}"#
        );
        let options = Options {
            duration: Some(5),
            refreshable: Some(false),
            new_email: Some("x".into()),
        };
        assert_eq!(
            text(Kind::Auth, &options),
            r#"{"collectionId":"_pb_users_auth_","exp":1005,"id":"gx7j6p29tw4oqy4","refreshable":false,"type":"auth"}"#
        );
        let options = Options {
            duration: Some(0),
            ..Options::default()
        };
        assert!(text(Kind::Auth, &options).contains("\"exp\":1100"));
    }

    #[test]
    fn other_tokens_carry_what_they_prove() {
        assert_eq!(
            text(Kind::File, &Options::default()),
            r#"{"collectionId":"_pb_users_auth_","exp":1100,"id":"gx7j6p29tw4oqy4","type":"file"}"#
        );
        let options = Options {
            new_email: Some("n@b.co".into()),
            ..Options::default()
        };
        assert_eq!(
            text(Kind::EmailChange, &options),
            r#"{"collectionId":"_pb_users_auth_","email":"a@b.co","exp":1100,"id":"gx7j6p29tw4oqy4","newEmail":"n@b.co","type":"emailChange"}"#
        );
        assert_eq!(Kind::parse("passwordReset"), Some(Kind::PasswordReset));
        assert_eq!(Kind::parse("nope"), None);
    }

    #[test]
    fn claims_of_pocketbase_are_read() {
        let claims: Claims = serde_json::from_str(
            r#"{"collectionId":"pbc_3142635823","exp":1795557707,"id":"00s8ckkbnaflw8m","refreshable":true,"type":"auth"}"#,
        )
        .expect("claims");
        assert_eq!((claims.kind, claims.refreshable), (Kind::Auth, Some(true)));
        let read = |rest: &str| {
            let text = format!(r#"{{"collectionId":"c","id":"x","type":"file"{rest}}}"#);
            serde_json::from_str::<Claims>(&text).map_err(drop)
        };
        let end = |rest: &str| read(rest).map(|claims| claims.exp);
        assert_eq!(end(""), Ok(None));
        assert_eq!(end(r#","exp":0"#), Ok(None));
        assert_eq!(end(r#","exp":9.5"#), Ok(Some(9)));
        assert!(end(r#","exp":null"#).is_err() && end(r#","exp":"9""#).is_err());
        let email = |rest: &str| read(rest).map(|claims| claims.email);
        assert_eq!(email(r#","email":5"#), Ok(Some("5".to_owned())));
        assert_eq!(email(r#","email":[]"#), Ok(Some(String::new())));
        let other = r#"{"id":"x","exp":1,"collectionId":"c","type":"other"}"#;
        assert!(serde_json::from_str::<Claims>(other).is_err());
    }

    #[test]
    fn tokens_with_and_without_a_scheme() {
        for header in [
            "abc.def",
            "Bearer abc.def",
            "bearer abc.def",
            "BEARER abc.def",
        ] {
            assert_eq!(from_header(header), "abc.def");
        }
        assert_eq!(from_header("é"), "é");
    }
}
