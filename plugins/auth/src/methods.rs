//! `GET /api/collections/{collection}/auth-methods`.

use hangar_failure::Answer;
use hangar_model::picker::Picker;
use hangar_model::{ApiError, json};
use hangar_sdk::http::{Request, Response};
use serde::Serialize;

use crate::accounts::Accounts;
use crate::oauth2::methods::{Choice, choices};
use crate::respond::parameter;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Methods<'a> {
    password: Password<'a>,
    oauth2: OAuth2,
    mfa: Switch,
    otp: Switch,
    auth_providers: Vec<Choice>,
    username_password: bool,
    email_password: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Password<'a> {
    identity_fields: &'a [String],
    enabled: bool,
}

#[derive(Serialize)]
struct OAuth2 {
    providers: Vec<Choice>,
    enabled: bool,
}

#[derive(Serialize)]
struct Switch {
    enabled: bool,
    duration: i64,
}

impl Switch {
    fn new(enabled: bool, duration: i64) -> Self {
        Self {
            enabled,
            duration: if enabled { duration } else { 0 },
        }
    }
}

/// Serves the route.
pub fn methods(request: &Request, accounts: &Accounts) -> Answer {
    let options = &accounts.options;
    let password = options.password_auth.enabled;
    let identity_fields = if password {
        options.password_auth.identity_fields.as_slice()
    } else {
        &[]
    };
    let choices = choices(&options.oauth2)?;
    let auth_providers = choices.iter().map(Choice::legacy).collect();
    let has = |name: &str| identity_fields.iter().any(|field| field == name);
    let methods = Methods {
        password: Password {
            identity_fields,
            enabled: password,
        },
        oauth2: OAuth2 {
            providers: choices,
            enabled: options.oauth2.enabled,
        },
        mfa: Switch::new(options.mfa.enabled, options.mfa.duration),
        otp: Switch::new(options.otp.enabled, options.otp.duration),
        auth_providers,
        username_password: has("username"),
        email_password: has("email"),
    };
    let fields = parameter(request, "fields");
    let picker = Picker::parse(&fields).map_err(|_| ApiError::bad_request(""))?;
    let text = match picker {
        None => json::to_json(&methods),
        Some(picker) => {
            let mut value = serde_json::to_value(&methods).map_err(hangar_sdk::Error::from)?;
            picker.pick(&mut value);
            json::to_json(&value)
        }
    };
    Ok(Response::json(200, text))
}
