//! The local PostgreSQL cluster that Hangar manages when it is given no database URL.
//!
//! [`Cluster::attach_or_start`] finds the server's programs, makes the cluster in `<dir>/postgres` when there is none,
//! starts the server as a child process on a private Unix socket (no TCP), and creates the database. When a server
//! already runs on that directory it is used as it is. The last Hangar process to leave stops the server, whoever
//! started it: a server orphaned by a kill -9 of Hangar is thus found again and stopped cleanly.
//!
//! What lies in the directory:
//!
//! ```text
//! <dir>/postgres/data     PGDATA, with our settings in hangar.conf
//! <dir>/postgres/log      the server's log: at most a few files of 10 MB
//! <dir>/postgres/run      the socket (or /tmp/hangar-<hash> when the path is too long for a socket)
//! <dir>/postgres.lock     held by the process that is starting or stopping the server
//! <dir>/postgres.users    held (shared) by every process that uses the server
//! <dir>/postgres.path     only when started as root in a place the server's user cannot reach: where the cluster is
//! ```
//!
//! Nothing here knows of plugins or of WebAssembly.

mod account;
mod cluster;
mod error;
mod files;
mod initdb;
mod install;
mod locks;
mod log;
mod options;
mod pidfile;
mod place;
mod probe;
mod programs;
mod run;
mod server;
mod settings;

pub use cluster::{Cluster, Origin, Stopped};
pub use error::{Error, Result};
pub use options::{ConnectionConfig, Options};
pub use programs::{MINIMUM_MAJOR, Programs, Version};
