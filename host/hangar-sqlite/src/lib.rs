//! `hangar:sqlite`: reading SQLite databases in the folder that the operator named on the command line.
//!
//! A database is never opened where it lies if SQLite would write beside it: with a write-ahead log or a rollback
//! journal it is copied to a temporary folder first, else it is opened as immutable.

mod encode;
mod reader;
mod source;
mod view;

pub use source::Source;
pub use view::{Grant, Sqlite, View, add_to_linker};
