//! Login through other services.

mod apple;
mod avatar;
mod exchange;
mod fetch;
mod form;
mod id_token;
mod link;
pub mod methods;
mod redirect;
mod text;
mod user;

use hangar_failure::{Answer, Failure};
use hangar_model::ApiError;
use hangar_model::auth_options::Provider as Settings;
use hangar_sdk::http::Request;
use hangar_sdk::{Result, collections, log};
use serde_json::{Map, Value, json};

use crate::accounts::Accounts;
use crate::body::{self, Body};
use crate::claims::{Kind, Options};
use crate::events::{self, Patch};
use crate::identity::Identity;
use crate::providers::{self, Provider};
use crate::record::Record;
use crate::respond::{Login, tags};
use crate::token;

use form::Form;
use user::User;

pub use apple::MIGRATIONS;
pub use redirect::redirect;

const OFF: &str = "The collection is not configured to allow OAuth2 authentication.";
const NO_TOKEN: &str = "Failed to fetch OAuth2 token.";
const NO_USER: &str = "Failed to fetch OAuth2 user.";
/// `@request.context` of a login through another service.
const CONTEXT: &str = "oauth2";
const EVENT: &str = "onRecordAuthWithOAuth2Request";

/// A service as a collection uses it.
pub struct Client<'a> {
    /// What is known of the service.
    pub provider: &'static Provider,
    /// What the collection says about it.
    pub settings: &'a Settings,
}

impl<'a> Client<'a> {
    /// The service of these settings; none if there is no such service.
    pub fn new(settings: &'a Settings) -> Option<Self> {
        Some(Self {
            provider: providers::get(&settings.name)?,
            settings,
        })
    }

    fn auth_url(&self) -> &str {
        or(&self.settings.auth_url, self.provider.auth_url)
    }

    fn token_url(&self) -> &str {
        or(&self.settings.token_url, self.provider.token_url)
    }

    fn user_url(&self) -> &str {
        or(&self.settings.user_info_url, self.provider.user_url)
    }

    fn pkce(&self) -> bool {
        self.settings.pkce.unwrap_or(self.provider.pkce)
    }

    /// One of the settings only this service has.
    fn extra(&self, name: &str) -> Option<&Value> {
        self.settings.extra.get(name)
    }
}

fn or<'a>(own: &'a str, default: &'a str) -> &'a str {
    if own.is_empty() { default } else { own }
}

/// `POST /api/collections/{collection}/auth-with-oauth2`.
pub fn login(request: &Request, accounts: &Accounts) -> Answer {
    let options = &accounts.options.oauth2;
    if !options.enabled || accounts.collection.is_superusers() {
        return Err(ApiError::forbidden(OFF).into());
    }
    let body = body::of(request)?;
    let form = Form::read(&body)?;
    let client = form.validate(&options.providers)?;
    let user = fetch_user(&client, &form)?;
    let identity = Identity::of(request)?;
    let record = link::find(accounts, &client, &user, identity.as_ref())?;
    let document = || document(request, accounts, &body, &form, &user, record.as_ref());
    events::around(EVENT, &tags(accounts), document, |patches| {
        let mut attempt = Attempt {
            user: user.clone(),
            create: form.create.clone(),
            record: record.clone(),
        };
        attempt.apply(patches);
        let linking = link::Linking {
            request,
            accounts,
            client: &client,
            identity: identity.as_ref(),
            user: &attempt.user,
            create: &attempt.create,
        };
        let (record, is_new) = linking.finish(attempt.record)?;
        let token = token::issue(Kind::Auth, accounts, &record, &Options::default())?;
        Login {
            request,
            identity: identity.as_ref(),
            body: &body,
            context: CONTEXT,
            method: CONTEXT,
            accounts,
            record,
            token,
        }
        .respond_with(attempt.user.meta(is_new))
    })
}

fn fetch_user(client: &Client, form: &Form) -> Result<User, Failure> {
    let token = exchange::exchange(client, form).map_err(|why| refused(client, NO_TOKEN, &why))?;
    let user = user::fetch(client, form, token).map_err(|why| refused(client, NO_USER, &why))?;
    Ok(user)
}

/// What clients are told is one sentence; operators need the reason.
fn refused(client: &Client, sentence: &str, why: &str) -> ApiError {
    let fields = json!({"provider": client.settings.name, "reason": why}).to_string();
    log::log(
        log::Level::Warn,
        "a login through another service failed",
        &fields,
    );
    ApiError::bad_request(sentence)
}

/// What handlers may change before the login goes on.
struct Attempt {
    user: User,
    create: Map<String, Value>,
    record: Option<Record>,
}

impl Attempt {
    fn apply(&mut self, patches: &[Patch]) {
        for patch in patches {
            if let Some(Value::Object(user)) = patch.event.get("oAuth2User") {
                self.user.assign(user);
            }
            match patch.event.get("createData") {
                Some(Value::Object(create)) => self.create = create.clone(),
                Some(Value::Null) => self.create = Map::new(),
                _ => {}
            }
            if let (None, Some(fields)) = (&self.record, &patch.record) {
                self.record = Some(Record {
                    fields: fields.clone(),
                });
            }
        }
        if let Some(record) = &mut self.record {
            record.apply(patches);
        }
    }
}

fn document(
    request: &Request,
    accounts: &Accounts,
    body: &Body,
    form: &Form,
    user: &User,
    record: Option<&Record>,
) -> Result<Value> {
    // Without a record handlers could not tell which collection it is.
    let collection: Value =
        serde_json::from_str(&collections::collection(&accounts.collection.id)?)?;
    Ok(json!({
        "collection": collection,
        "record": record.map(|record| record.document(&accounts.collection)),
        "isNew": false,
        "original": {},
        "request": events::request_document(request, CONTEXT, &body.values)?,
        "providerName": form.provider,
        "oAuth2User": user.document(),
        "createData": if form.create.is_empty() { Value::Null } else { form.create.clone().into() },
        "isNewRecord": record.is_none(),
    }))
}
