//! What a Hangar plugin in Rust uses: typed access to the host's capabilities, and one `export_*!` macro per interface
//! a plugin may serve.
//!
//! ```ignore
//! struct Plugin;
//! impl hangar_sdk::http::Guest for Plugin {
//!     fn handle(request: hangar_sdk::http::Request) -> hangar_sdk::Result<hangar_sdk::http::Response> {
//!         Ok(hangar_sdk::http::Response::json(200, "{\"hello\":\"world\"}"))
//!     }
//! }
//! hangar_sdk::export_http!(Plugin);
//! hangar_sdk::manifest!("manifest.json");
//! ```

#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub use wit_bindgen;
extern crate self as hangar_sdk;

mod error;
pub mod form;
pub mod http;
mod manifest;
pub mod migrations;
pub mod postgres;

pub use bindings::errors::Error;
/// The result of every call to and from the host.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Outgoing HTTP.
pub mod fetch {
    pub use crate::bindings::imports::hangar::fetch::client::{Request, Response, send};
}
/// Files of the folder granted to this plugin.
pub mod files {
    pub use crate::bindings::imports::hangar::files::folder::{defer, read};
}
/// Values shared by the instances of this plugin, and counters shared by all plugins.
pub mod kv {
    pub use crate::bindings::imports::hangar::kv::{revisions, store};
}
/// Random values, digests, passwords, tokens.
pub mod crypto {
    pub use crate::bindings::imports::hangar::crypto::{digest, jwt, password, random};
}
/// Structured log lines.
pub mod log {
    pub use crate::bindings::imports::hangar::log::logger::{Level, log};
    /// An error line without fields.
    pub fn error(message: &str) {
        log(Level::Error, message, "");
    }
    /// A warning without fields.
    pub fn warn(message: &str) {
        log(Level::Warn, message, "");
    }
}
/// The plugin's `config` table of hangar.toml, JSON.
pub mod config {
    pub use crate::bindings::imports::hangar::config::settings::get;
}
/// The current call: request id, identity.
pub mod context {
    pub use crate::bindings::imports::hangar::plugin::context::{
        after_transaction, forget_identity, identity, request_id,
    };
}
/// Hook chains.
pub mod hooks {
    pub use crate::bindings::handler::exports::hangar::hooks::handler::Guest;
    pub use crate::bindings::imports::hangar::hooks::chain::{Raised, Turn, raise, subscribed};
    pub use crate::bindings::imports::hangar::hooks::next::call as next;
}
/// Where clients are, and how often they may ask.
pub mod guard {
    pub use crate::bindings::imports::hangar::http::guard::{
        check, client_address, configure, privileged_may_come,
    };
}
/// Collections and records: as a client, and (`Guest`) as the plugin that serves them.
pub mod collections {
    pub use crate::bindings::imports::hangar::collections::records::*;
    /// Implemented by the plugin that serves collections.
    pub use crate::bindings::records::exports::hangar::collections::records::Guest;
}
/// Identities and tokens: as a client, and as the plugin that serves them.
pub mod auth {
    pub use crate::bindings::identity::exports::hangar::auth::identity::Guest as IdentityGuest;
    pub use crate::bindings::imports::hangar::auth::tokens::issue;
    pub use crate::bindings::tokens::exports::hangar::auth::tokens::Guest as TokensGuest;
}
/// Work left for after a transaction (`context::after_transaction`).
pub mod afterwards {
    pub use crate::bindings::afterwards::exports::hangar::plugin::afterwards::Guest;
}
/// Event streams to clients, and (`Guest`) the plugin that decides which of them are told of a change.
pub mod realtime {
    pub use crate::bindings::imports::hangar::realtime::broker::*;
    pub use crate::bindings::matcher::exports::hangar::realtime::matcher::Guest;
}
/// Commands a plugin adds to the command line.
pub mod commands {
    pub use crate::bindings::commands::exports::hangar::plugin::commands::Guest;
}
/// Start and activation.
pub mod lifecycle {
    pub use crate::bindings::lifecycle::exports::hangar::plugin::lifecycle::Guest;
}

pub use bindings::afterwards::export_afterwards;
pub use bindings::commands::export_commands;
pub use bindings::handler::export_hooks;
pub use bindings::handler_http::export_http;
pub use bindings::identity::export_identity;
pub use bindings::lifecycle::export_lifecycle;
pub use bindings::matcher::export_matcher;
pub use bindings::records::export_records;
pub use bindings::tokens::export_tokens;
