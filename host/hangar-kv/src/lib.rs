//! `hangar:kv`: small values shared by all instances of a plugin on this node, and revision counters shared by all.
//!
//! - [`Kv`] lives as long as the host; every plugin has a namespace of its own in it.
//! - `store` needs the grant `kv = true`. It is a cache: `limits.kv-keys` entries, the least used go first.
//! - `revisions` needs no grant: topics are names, not data.

mod grant;
mod namespace;
mod revisions;
mod view;

pub use grant::Grant;
pub use namespace::Kv;
pub use revisions::Revisions;
pub use view::{View, add_to_linker};
