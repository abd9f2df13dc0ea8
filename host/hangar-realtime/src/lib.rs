//! `hangar:realtime`: event streams to clients. Source, matching and delivery are apart: a plugin posts a change, the
//! plugin that exports the matcher says who is told what, the broker delivers. None of them knows the others.
//!
//! - [`Realtime`] holds the clients of this node and lives as long as the host.
//! - One worker takes changes in the order they were posted, asks the [`Matcher`] and delivers, so a client sees them in
//!   that order. Each client has a bounded queue; one that does not keep up is disconnected and reads anew.

mod broker;
mod changes;
mod client;
mod deliver;
mod grant;
mod queue;
mod registry;
mod screen;
mod stream;
mod view;
mod worker;

pub use broker::Realtime;
pub use changes::Matcher;
pub use grant::Grant;
pub use screen::Screen;
pub use view::{View, add_to_linker};
