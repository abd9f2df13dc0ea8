//! Plugins: manifests, grants, generations and their swap, calls between plugins, hook chains, identities.
//!
//! A plugin is a component with a manifest. The [`Host`] holds one [`Generation`] of each in a graph that is replaced as
//! a whole, so that every request sees one consistent set. Each instance has a store of its own: it is the trust
//! boundary and the failure boundary at once.

mod capability;
mod chain;
mod exports;
mod generation;
mod graph;
mod host;
mod identity;
mod links;
mod manifest;
mod settings;
mod state;
mod stderr;
mod streaming;

pub use capability::{Capability, Locals, ParsedGrant, TypeMap};
pub use exports::{HttpRequest, HttpResponse, Payload};
pub use generation::{Generation, SourceFile, Sources};
pub use graph::{Matched, PluginSummary};
pub use hangar_wit::Content;
pub use host::{Answer, AnswerBody, Host, Incoming, read_component};
pub use manifest::{Command, Manifest, Registrations, Route, Subscription};
pub use settings::PluginSettings;
pub use state::{CallContext, Parts, State};
