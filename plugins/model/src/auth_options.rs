//! Options of auth collections, in PocketBase's key order.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{Random, secret};

/// What an auth collection has beyond a base one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthOptions {
    /// Rule a record must meet to authenticate; null refuses everyone, empty allows everyone.
    pub auth_rule: Option<String>,
    /// Rule that gives full control over other auth records.
    pub manage_rule: Option<String>,
    /// Mail about a login from a new place.
    pub auth_alert: AuthAlert,
    /// Login through other services.
    pub oauth2: OAuth2,
    /// Login with a password.
    pub password_auth: PasswordAuth,
    /// Second factor.
    pub mfa: Mfa,
    /// Login with a mailed one-time password.
    pub otp: Otp,
    /// Auth tokens.
    pub auth_token: Token,
    /// Password reset tokens.
    pub password_reset_token: Token,
    /// Email change tokens.
    pub email_change_token: Token,
    /// Verification tokens.
    pub verification_token: Token,
    /// Tokens for protected files.
    pub file_token: Token,
    /// Verification mail.
    pub verification_template: Template,
    /// Password reset mail.
    pub reset_password_template: Template,
    /// Email change mail.
    pub confirm_email_change_template: Template,
}

/// A mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Template {
    /// Subject with placeholders.
    pub subject: String,
    /// HTML with placeholders.
    pub body: String,
}

/// Mail about a login from a new place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthAlert {
    /// Whether mails are sent.
    pub enabled: bool,
    /// The mail.
    pub email_template: Template,
}

/// Login through other services.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OAuth2 {
    /// The services.
    pub providers: Vec<Provider>,
    /// Where data of the service goes in a new record.
    pub mapped_fields: MappedFields,
    /// Whether it is on.
    pub enabled: bool,
}

/// Field names, or empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MappedFields {
    /// For the service's user id.
    pub id: String,
    /// For the name.
    pub name: String,
    /// For the user name.
    pub username: String,
    /// For the picture.
    #[serde(rename = "avatarURL")]
    pub avatar_url: String,
}

/// One OAuth2 service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Provider {
    /// Proof key use; null means the provider's default.
    pub pkce: Option<bool>,
    /// Which service.
    pub name: String,
    /// Client id at the service.
    pub client_id: String,
    /// Client secret; never shown by the API.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_secret: String,
    /// Overrides the authorisation URL.
    #[serde(rename = "authURL")]
    pub auth_url: String,
    /// Overrides the token URL.
    #[serde(rename = "tokenURL")]
    pub token_url: String,
    /// Overrides the user info URL.
    #[serde(rename = "userInfoURL")]
    pub user_info_url: String,
    /// Shown to users.
    pub display_name: String,
    /// Particular to the service.
    pub extra: Map<String, Value>,
}

/// Login with a password.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PasswordAuth {
    /// Whether it is on.
    pub enabled: bool,
    /// Fields an identity is looked up in; each needs a unique index.
    pub identity_fields: Vec<String>,
}

/// Second factor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mfa {
    /// Whether it is on.
    pub enabled: bool,
    /// Seconds between the factors.
    pub duration: i64,
    /// For whom; empty means everyone.
    pub rule: String,
}

/// Login with a mailed one-time password.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Otp {
    /// Whether it is on.
    pub enabled: bool,
    /// Seconds a password lives.
    pub duration: i64,
    /// Digits.
    pub length: i64,
    /// The mail.
    pub email_template: Template,
}

/// How tokens of one kind are signed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Token {
    /// Signing secret; never shown by the API.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secret: String,
    /// Seconds a token lives.
    pub duration: i64,
}

impl AuthOptions {
    /// The five kinds of tokens with their JSON keys.
    pub fn tokens_mut(&mut self) -> [(&'static str, &mut Token); 5] {
        [
            ("authToken", &mut self.auth_token),
            ("passwordResetToken", &mut self.password_reset_token),
            ("emailChangeToken", &mut self.email_change_token),
            ("verificationToken", &mut self.verification_token),
            ("fileToken", &mut self.file_token),
        ]
    }

    /// The five kinds of tokens with their JSON keys.
    pub fn tokens(&self) -> [(&'static str, &Token); 5] {
        [
            ("authToken", &self.auth_token),
            ("passwordResetToken", &self.password_reset_token),
            ("emailChangeToken", &self.email_change_token),
            ("verificationToken", &self.verification_token),
            ("fileToken", &self.file_token),
        ]
    }

    /// Gives every kind of token without a secret a new one.
    pub fn fill_secrets(&mut self, random: &mut dyn Random) {
        for (_, token) in self.tokens_mut() {
            if token.secret.is_empty() {
                token.secret = secret(random);
            }
        }
    }

    /// A copy without secrets, as the API shows it.
    pub fn without_secrets(&self) -> Self {
        let mut copy = self.clone();
        for (_, token) in copy.tokens_mut() {
            token.secret.clear();
        }
        for provider in &mut copy.oauth2.providers {
            provider.client_secret.clear();
        }
        copy
    }
}
