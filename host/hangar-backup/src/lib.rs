//! `hangar:backup`: everything in one ZIP, and back.
//!
//! A backup holds a dump of the database, made by PostgreSQL's own `pg_dump`, and the files of the data directory. The
//! files are gathered by second names (hard links) before the dump and again after it, so that every file a record of
//! the dump refers to is there, although the server goes on working.

mod archive;
mod database;
mod gather;
mod restore;
mod service;
mod turn;
mod view;

pub use database::Database;
pub use service::{Backup, Later, Shelf};
pub use turn::Lock;
pub use view::{Grant, View, add_to_linker};
