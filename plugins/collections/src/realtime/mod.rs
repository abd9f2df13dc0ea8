//! Realtime: clients that hold a stream of events and are told of changes they may see.
//!
//! - [`subscribe`]: the endpoint, `GET` to connect and `POST` to say what to hear of.
//! - [`announce`]: the source. Changes made through this server are posted to the host after their commit.
//! - [`matching`]: the host asks, off the path of requests, which groups of clients are told what.

pub mod announce;
pub mod matching;
pub mod screen;
mod subscribe;
mod topic;

pub use subscribe::{ROUTE, handle};
