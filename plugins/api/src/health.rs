//! `GET /api/health`.

use hangar_failure::Answer;
use hangar_sdk::http::Request;
use serde::Serialize;

use crate::answer;
use crate::{identity, settings};

/// Headers by which proxies tell the client's address, best known first; those the settings name go before them.
const PROXY_HEADERS: [&str; 3] = ["CF-Connecting-IP", "Fly-Client-IP", "X-Forwarded-For"];

#[derive(Serialize)]
struct Health {
    message: &'static str,
    code: u16,
    data: Data,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    Guest {},
    #[serde(rename_all = "camelCase")]
    Superuser {
        can_backup: bool,
        #[serde(rename = "realIP")]
        real_ip: String,
        possible_proxy_header: String,
    },
}

/// That the server works; superusers also learn how it sees them.
pub fn health(request: &Request) -> Answer {
    let data = if identity::is_superuser(request) {
        Data::Superuser {
            // Whether a backup could start now, that is: none is running.
            can_backup: hangar_sdk::backup::busy().is_none(),
            real_ip: hangar_sdk::guard::client_address(),
            possible_proxy_header: proxy_header(request, &settings::load()?.trusted_proxy.headers),
        }
    } else {
        Data::Guest {}
    };
    let health = Health {
        message: "API is healthy.",
        code: 200,
        data,
    };
    Ok(answer::json(request, hangar_model::json::to_json(&health))?)
}

/// The first header that is there; empty for none.
fn proxy_header(request: &Request, trusted: &[String]) -> String {
    let names = trusted.iter().map(String::as_str).chain(PROXY_HEADERS);
    let there = |name: &str| {
        let value = request.header(&name.to_ascii_lowercase());
        value.is_some_and(|value| !value.is_empty())
    };
    names
        .into_iter()
        .find(|name| there(name))
        .unwrap_or_default()
        .to_owned()
}
