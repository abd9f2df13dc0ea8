//! The plugin `auth`: tokens, who is asking, logging in, and superusers on the command line.

mod access;
mod accounts;
mod apple;
mod body;
mod claims;
mod commands;
mod counters;
mod email_change;
mod events;
mod file_token;
mod forms;
mod identity;
mod impersonate;
mod installer;
mod limits;
mod mail;
mod methods;
mod mfa;
mod oauth2;
mod origins;
mod otp;
mod password;
mod password_reset;
mod providers;
mod record;
mod refresh;
mod respond;
mod settings;
mod test_mail;
mod token;
mod verification;

use hangar_failure::{Answer, Failure};
use hangar_model::ApiError;
use hangar_sdk::Result;
use hangar_sdk::http::{Request, Response};

use crate::accounts::{Accounts, Kind};

const NO_COLLECTION: &str = "Missing or invalid collection context.";
const NO_AUTH_COLLECTION: &str = "Missing or invalid auth collection context.";

struct Plugin;

impl hangar_sdk::http::Guest for Plugin {
    fn handle(request: Request) -> Result<Response> {
        match route(&request) {
            Ok(mut response) => {
                if request.route.ends_with("/oauth2-redirect") {
                    // Its query holds a code, which does not belong in the log of requests.
                    let quiet = ("x-hangar-log".to_owned(), "off".to_owned());
                    response.headers.push(quiet);
                }
                Ok(response)
            }
            // The host's own refusal: put into words where those of all other routes are.
            Err(Failure::Host(error)) if error.code == "rate_limited" => Err(error),
            Err(failure) => Ok(failure.respond()),
        }
    }
}

fn route(request: &Request) -> Answer {
    let collection = request
        .params
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    limits::count(request, collection)?;
    match request.route.rsplit('/').next().unwrap_or_default() {
        "token" => file_token::issue(request),
        "auth-with-password" => password::login(request, &*auth_collection(collection)?),
        "request-otp" => otp::request(request, &*auth_collection(collection)?),
        "auth-with-otp" => otp::login(request, &*auth_collection(collection)?),
        "request-verification" => verification::request(request, &*auth_collection(collection)?),
        "confirm-verification" => verification::confirm(request, &*auth_collection(collection)?),
        "request-password-reset" => {
            password_reset::request(request, &*auth_collection(collection)?)
        }
        "confirm-password-reset" => {
            password_reset::confirm(request, &*auth_collection(collection)?)
        }
        "request-email-change" => email_change::request(request, collection),
        "confirm-email-change" => email_change::confirm(request, &*auth_collection(collection)?),
        "email" => test_mail::send(request),
        "generate-client-secret" => apple::generate(request),
        "auth-with-oauth2" => oauth2::login(request, &*auth_collection(collection)?),
        "oauth2-redirect" => oauth2::redirect(request),
        "auth-refresh" => refresh::refresh(request, collection),
        "auth-methods" => methods::methods(request, &*auth_collection(collection)?),
        "{id}" => impersonate::impersonate(
            request,
            collection,
            request.params.get(1).map_or("", String::as_str),
        ),
        _ => Err(ApiError::not_found("").into()),
    }
}

fn auth_collection(name_or_id: &str) -> Result<std::rc::Rc<Accounts>, Failure> {
    match accounts::get(name_or_id)? {
        Kind::Auth(accounts) => Ok(accounts),
        Kind::Other => Err(ApiError::not_found(NO_AUTH_COLLECTION).into()),
        Kind::Missing => Err(ApiError::not_found(NO_COLLECTION).into()),
    }
}

impl hangar_sdk::auth::IdentityGuest for Plugin {
    fn authenticate(token: String) -> Result<Option<String>> {
        identity::authenticate(&token)
    }
}

impl hangar_sdk::auth::TokensGuest for Plugin {
    fn issue(kind: String, collection: String, id: String, options: String) -> Result<String> {
        token::issue_for(&kind, &collection, &id, &options)
    }

    fn verify(kind: String, token: String) -> Result<Option<String>> {
        identity::admitted(token::kind(&kind)?, &token)
    }
}

impl hangar_sdk::lifecycle::Guest for Plugin {
    fn activate() -> Result<()> {
        let mut migrations = vec![counters::MIGRATION];
        migrations.extend(oauth2::MIGRATIONS);
        hangar_sdk::migrations::apply("auth", &migrations)
    }

    fn start(_sources: String) -> Result<String> {
        Ok("{}".to_owned())
    }
}

impl hangar_sdk::commands::Guest for Plugin {
    fn run(name: String, arguments: Vec<String>) -> Result<String> {
        commands::run(&name, &arguments)
    }
}

impl hangar_sdk::hooks::Guest for Plugin {
    fn handle(
        handler: String,
        _event: String,
        document: String,
        _request: String,
        _patches: String,
    ) -> Result<String> {
        hangar_sdk::hooks::next("")?;
        match handler.as_str() {
            "alert" => mail::alert::send(&document)?,
            _ => installer::superuser_created(&document)?,
        }
        Ok(String::new())
    }
}

hangar_sdk::export_http!(Plugin);
hangar_sdk::export_identity!(Plugin);
hangar_sdk::export_tokens!(Plugin);
hangar_sdk::export_commands!(Plugin);
hangar_sdk::export_lifecycle!(Plugin);
hangar_sdk::export_hooks!(Plugin);
hangar_sdk::manifest!("manifest.json");
