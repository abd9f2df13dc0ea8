//! What every host crate shares: the error that crosses component boundaries and the limits that bound everything.
//! No wasmtime, no tokio, no SQL.

mod afterwards;
mod error;
mod limits;

pub use afterwards::{Afterwards, Ambient, Marks, Settle, Then, Work};
pub use error::{Error, Result};
pub use limits::Limits;
