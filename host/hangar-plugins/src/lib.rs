//! Plugins: manifests, grants, generations and their swap, calls between plugins, hook chains, identities.
//!
//! A plugin is a component with a manifest. The [`Host`] holds one [`Generation`] of each in a graph that is replaced as
//! a whole, so that a swap is one step; a call between plugins goes to whoever serves when it is made. Each instance has
//! a store of its own: it is the trust boundary and the failure boundary at once.

mod background;
mod capability;
mod chain;
mod crons;
mod dispatch;
mod exports;
mod generation;
mod graph;
mod host;
mod identity;
mod links;
mod manifest;
mod matching;
mod requests;
mod settings;
mod settle;
mod staging;
mod state;
mod stderr;
mod streaming;

pub use capability::{Capability, Locals, ParsedGrant, TypeMap};
pub use crons::Job;
pub use exports::{HttpRequest, HttpResponse, Payload};
pub use generation::{Generation, SourceFile, Sources};
pub use graph::{Matched, PluginSummary};
pub use hangar_uploads::Uploads;
pub use hangar_wit::Content;
pub use host::Host;
pub use identity::Identity;
pub use manifest::{Command, Cron, Manifest, Registrations, Route, Subscription};
pub use matching::CurrentCall;
pub use requests::{Answer, AnswerBody, Caller, Incoming, error_lines};
pub use settings::PluginSettings;
pub use staging::read_component;
pub use state::{CallContext, Parts, RequestHead, State};
