//! The WebAssembly engine: configuration, compiled-code cache, CPU and memory limits, pools of warm instances.
//! Knows no SQL, no HTTP and no plugin: an instance is whatever type its user pools.

mod cache;
mod engine;
mod fault;
mod meter;
mod pool;

pub use cache::digest;
pub use engine::{Runtime, TICK};
pub use fault::describe;
pub use meter::{Meter, Metered};
pub use pool::{Lease, Pool, Refused};
