//! The HTTP server: limits, CORS, bodies, static files, and the way of a request to the plugin that owns its route.
//! It knows no API: what is not a route is answered by the plugin that declares itself the fallback, errors of the host
//! included, so that they have the API's format.

mod bodies;
mod cors;
mod dispatch;
mod files;
mod journal;
mod listen;
mod paths;
mod respond;
mod server;

pub use server::{HttpOptions, Server};
