//! `hangar:operator`: the person at the command line. A command of a plugin gets what was named there: a folder that it
//! may read and copy into the data directory, and a way to show how far it is.

mod archive;
mod content;
mod copy;
mod folder;
mod view;

pub use folder::Folder;
pub use view::{Grant, Operator, View, add_to_linker};
