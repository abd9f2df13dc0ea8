//! The `collections` component: collections and their records over HTTP in PocketBase's format, and as a service to
//! other plugins.

pub mod body;
pub mod call;
pub mod catalog;
mod entry;
pub mod files;
mod multipart;
pub mod random;
pub mod realtime;
pub mod records;
pub mod schema;

use hangar_failure::Failure;
use hangar_sdk::Result;
use hangar_sdk::http::{Request, Response};

/// The component.
pub struct Plugin;

impl hangar_sdk::http::Guest for Plugin {
    fn handle(request: Request) -> Result<Response> {
        let answer = if request
            .route
            .starts_with("/api/collections/{collection}/records")
        {
            records::handle(request)
        } else if request.route.starts_with("/api/files/") {
            files::handle(request)
        } else if request.route == realtime::ROUTE {
            realtime::handle(&request)
        } else {
            return Ok(schema::handle(&request));
        };
        match answer {
            Ok(response) => Ok(response),
            // The host's own refusal: put into words where those of all other routes are.
            Err(Failure::Host(error)) if error.code == "rate_limited" => Err(error),
            Err(failure) => Ok(failure.respond()),
        }
    }
}

impl hangar_sdk::lifecycle::Guest for Plugin {
    fn activate() -> Result<()> {
        schema::activate()
    }

    fn start(_sources: String) -> Result<String> {
        Ok("{}".to_owned())
    }
}

impl hangar_sdk::afterwards::Guest for Plugin {
    fn ended(work: String, committed: bool) -> Result<()> {
        let done = schema::ended(&work, committed)
            .unwrap_or_else(|| records::ended::transaction_ended(&work, committed));
        done.map_err(Into::into)
    }
}

impl hangar_sdk::realtime::Guest for Plugin {
    fn match_changes(changes: String) -> Result<String> {
        realtime::matching::match_changes(&changes).map_err(Into::into)
    }

    fn screen_messages(messages: String) -> Result<String> {
        realtime::screen::screen(&messages)
    }
}

#[cfg(target_arch = "wasm32")]
mod exports {
    use super::Plugin;
    hangar_sdk::export_http!(Plugin);
    hangar_sdk::export_afterwards!(Plugin);
    hangar_sdk::export_lifecycle!(Plugin);
    hangar_sdk::export_matcher!(Plugin);
    hangar_sdk::export_limits!(Plugin);
    hangar_sdk::export_records!(Plugin);
}
hangar_sdk::manifest!("manifest.json");
