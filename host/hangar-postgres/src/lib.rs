//! PostgreSQL for plugins: `hangar:postgres`.
//!
//! Statements outside a transaction share a few connections on which they are pipelined, which is faster than a pool
//! of exclusive ones; transactions take an exclusive connection. Rows become JSON here, straight from the binary
//! protocol, so that they need not enter a guest.

mod capability;
mod connect;
mod connection;
mod encode;
mod error;
mod numeric;
mod ordered;
mod plan;
mod pool;
mod template;
mod transaction;
mod value;

pub use capability::{Grant, Service, View, add_to_linker};
pub use connect::{ConnectOptions, Server};
pub use pool::{Postgres, PostgresOptions};
