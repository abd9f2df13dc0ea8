//! What a client sends to log in.

use hangar_model::auth_options::Provider as Settings;
use hangar_model::{ApiError, FieldError, ValidationErrors};
use serde_json::{Map, Value, json};

use super::Client;
use crate::body::{BadBody, Body};

const INVALID: &str = "An error occurred while loading the submitted data.";
/// Most bytes of a provider's name.
const MOST: usize = 100;

/// What was sent.
#[derive(Debug)]
pub struct Form<'a> {
    /// Which service.
    pub provider: &'a str,
    /// What the service has given the user.
    pub code: &'a str,
    /// Proof that the login was begun here.
    pub verifier: &'a str,
    /// Where the service has sent the user.
    pub redirect: &'a str,
    /// Values of a new record.
    pub create: Map<String, Value>,
}

/// Its name was another once, and clients may send both.
fn redirect(body: &Body) -> Result<&str, BadBody> {
    let names = ["redirectURL", "redirectUrl"];
    if !names.iter().any(|name| body.values.contains_key(*name)) {
        return body.text(names[0]);
    }
    let texts = [body.spelled(names[0])?, body.spelled(names[1])?];
    Ok(texts
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default())
}

impl<'a> Form<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A value of the wrong type.
    pub fn read(body: &'a Body) -> Result<Self, BadBody> {
        Ok(Self {
            provider: body.text("provider")?,
            code: body.text("code")?,
            verifier: body.text("codeVerifier")?,
            redirect: redirect(body)?,
            create: match body.values.get("createData") {
                None | Some(Value::Null) => Map::new(),
                Some(Value::Object(values)) => values.clone(),
                Some(_) => return Err(BadBody::Unreadable),
            },
        })
    }

    /// The service that is meant.
    ///
    /// # Errors
    /// 400 with an error for each field.
    pub fn validate<'s>(&self, providers: &'s [Settings]) -> Result<Client<'s>, ApiError> {
        let mut errors = ValidationErrors::new();
        let required = || FieldError::new("validation_required", "cannot be blank");
        let settings = providers.iter().find(|one| one.name == self.provider);
        let client = settings.and_then(Client::new);
        if self.provider.is_empty() {
            errors.add("provider", required());
        } else if self.provider.len() > MOST {
            let error = FieldError::new(
                "validation_length_too_long",
                format!("the length must be no more than {MOST}"),
            );
            errors.add("provider", error.with(json!({"min": 0, "max": MOST})));
        } else if client.is_none() {
            let name = self.provider;
            let error = FieldError::new(
                "validation_invalid_provider",
                format!("Provider with name {name} is missing or is not enabled."),
            );
            errors.add("provider", error.with(json!({"name": name})));
        }
        if self.code.is_empty() {
            errors.add("code", required());
        }
        match client {
            Some(client) if errors.is_empty() => Ok(client),
            _ => Err(ApiError::invalid(INVALID, errors)),
        }
    }
}
