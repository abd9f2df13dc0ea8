//! `hangar:fetch`: outgoing HTTP for plugins, granted by pattern.
//!
//! - [`Grant`]: which addresses a plugin may reach, from hangar.toml:
//!   `grant.fetch = ["https://api.example.com/*", "https://*.example.org", "private"]`.
//! - [`Fetch`] lives as long as the host: connections, and the turns of each plugin (`limits.fetch-concurrency`).
//! - Private, loopback, link-local and other special addresses are refused after the name has been resolved, and
//!   connections go only to addresses that were checked. Every redirect is checked like the first request.
//! - No proxy is taken from the environment and no cookie is kept.
//!
//! `limits.fetch-ms` bounds a request with all its redirects, `limits.fetch-bytes` the body in either direction.

mod address;
mod exchange;
mod grant;
mod request;
mod resolver;
mod turns;
mod view;

pub use exchange::Fetch;
pub use grant::Grant;
pub use view::{View, add_to_linker};
