//! The `collections` component: collections and their records over HTTP in PocketBase's format, and as a service to
//! other plugins.

pub mod answer;
pub mod body;
pub mod call;
pub mod catalog;
mod multipart;
pub mod random;
pub mod records;

use hangar_sdk::Result;
use hangar_sdk::http::{Request, Response};

/// The component.
pub struct Plugin;

impl hangar_sdk::http::Guest for Plugin {
    fn handle(request: Request) -> Result<Response> {
        Ok(records::handle(request).unwrap_or_else(answer::respond))
    }
}

#[cfg(target_arch = "wasm32")]
mod exports {
    use super::Plugin;
    hangar_sdk::export_http!(Plugin);
    hangar_sdk::export_records!(Plugin);
}
hangar_sdk::manifest!("manifest.json");
