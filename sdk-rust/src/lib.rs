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
pub mod event;
pub mod form;
pub mod http;
mod manifest;
pub mod migrations;
pub mod postgres;
pub mod reply;

pub use bindings::errors::Error;
pub use error::Answer;
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
/// Blobs in a folder of the data directory or on S3.
pub mod storage {
    /// Implemented by the plugin that makes blobs out of others.
    pub use crate::bindings::derive::exports::hangar::files::derive::Guest as DeriveGuest;
    pub use crate::bindings::imports::hangar::files::store::*;
}
/// The form of the current request, taken apart by the host.
pub mod uploads {
    pub use crate::bindings::imports::hangar::http::form::{add, files};
    /// Name and text of each plain field, in order; none if the request has no form that the host has taken apart.
    pub fn fields() -> crate::Result<Option<Vec<(String, String)>>> {
        let Some(turns) = crate::bindings::imports::hangar::http::form::fields()? else {
            return Ok(None);
        };
        let mut turns = turns.into_iter();
        let pairs = std::iter::from_fn(|| Some((turns.next()?, turns.next()?)));
        Ok(Some(pairs.collect()))
    }
    /// Implemented by a plugin that takes larger forms than its routes' `body-limit`.
    pub use crate::bindings::limits::exports::hangar::http::limits::Guest as LimitsGuest;
}
/// SQLite databases in the folder that the operator named.
pub mod sqlite {
    pub use crate::bindings::imports::hangar::sqlite::reader::{Database, Rows, open};
}
/// Backups of everything.
pub mod backup {
    pub use crate::bindings::imports::hangar::backup::backups::{busy, create, restore};
}
/// The operator's folder and console, for commands.
pub mod operator {
    pub use crate::bindings::imports::hangar::operator::archive;
    pub use crate::bindings::imports::hangar::operator::console::say;
    pub use crate::bindings::imports::hangar::operator::folder::{Copied, copy, entries, read};
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
    pub use crate::bindings::imports::hangar::log::logger::{Level, log, record};
    /// Sets what the log store keeps, and gives it entries of the past.
    pub use crate::bindings::imports::hangar::log::store::{add, configure};
    /// An error line without fields.
    pub fn error(message: &str) {
        log(Level::Error, message, "");
    }
    /// A warning without fields.
    pub fn warn(message: &str) {
        log(Level::Warn, message, "");
    }
}
/// Outgoing mail.
pub mod mail {
    pub use crate::bindings::imports::hangar::mail::sender::send;
}
/// The plugin's `config` table of hangar.toml, JSON.
pub mod config {
    pub use crate::bindings::imports::hangar::config::settings::get;
}
/// The current call: request id, identity.
pub mod context {
    pub use crate::bindings::imports::hangar::plugin::context::{
        after_transaction, forget_identity, identity, mark_transaction, request_id,
        transaction_marked,
    };
}
/// Work that goes on when the current call has been answered.
pub mod background {
    pub use crate::bindings::imports::hangar::plugin::background::start;
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
    pub use crate::bindings::imports::hangar::auth::tokens::{issue, verify};
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
/// Jobs: as the plugin that runs them, and those of all plugins.
pub mod crons {
    pub use crate::bindings::crons::exports::hangar::plugin::crons::Guest;
    pub use crate::bindings::imports::hangar::plugin::schedule::{jobs, run_now, set};
}
/// Requests through the server's own routes.
pub mod dispatch {
    pub use crate::bindings::imports::hangar::http::dispatch::{SubRequest, SubResponse, send};
}
/// Start and activation.
pub mod lifecycle {
    pub use crate::bindings::lifecycle::exports::hangar::plugin::lifecycle::Guest;
}

pub use bindings::afterwards::export_afterwards;
pub use bindings::commands::export_commands;
pub use bindings::crons::export_crons;
pub use bindings::derive::export_derive;
pub use bindings::handler::export_hooks;
pub use bindings::handler_http::export_http;
pub use bindings::identity::export_identity;
pub use bindings::lifecycle::export_lifecycle;
pub use bindings::limits::export_limits;
pub use bindings::matcher::export_matcher;
pub use bindings::records::export_records;
pub use bindings::tokens::export_tokens;
