//! `hangar:crypto`: random values, digests, password hashes and tokens, done by the host. Needs the grant
//! `crypto = true`.
//!
//! [`Crypto`] lives as long as the host: it bounds how many password hashes are computed at once, so that a burst of
//! logins takes the machine's cores in turn and never the threads that serve requests.

mod digest;
mod grant;
mod jwk;
mod jwt;
mod password;
mod random;
mod view;

pub use grant::Grant;
pub use password::Crypto;
pub use view::{View, add_to_linker};
