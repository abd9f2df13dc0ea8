//! What the tests of the running server share: a data directory of its own for every test ([`Site`]), the process
//! ([`Server`]), a small HTTP client that can also send what no sane client would ([`Client`]), and load in the
//! background ([`Load`]).
//!
//! The binary is `$HANGAR_BIN`, by default the release build in the cache folder; `scripts/build-plugins --tests` makes
//! the hostile component. Helpers panic with what they saw: they only run in tests.

mod api;
mod bucket;
mod http;
mod load;
mod psql;
mod server;
mod site;
mod upload;

pub use api::{Api, EMAIL, PASSWORD};
pub use bucket::Bucket;
pub use http::{Client, Response};
pub use load::{Failures, Load};
pub use psql::{program, sql};
pub use server::Server;
pub use site::{Output, Site, binary, hostile_component, in_repository};
pub use upload::Upload;

use std::time::{Duration, Instant};

/// Tries until `probe` answers something; panics after `limit` with what was waited for.
pub fn eventually<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
