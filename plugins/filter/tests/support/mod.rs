//! What the differential test needs: the shared data, a real PocketBase and a PostgreSQL.

// Each test uses a part of it.
#![allow(dead_code)]

pub mod http;
pub mod pocketbase;
pub mod postgres;
pub mod random;
pub mod seed;
pub mod sides;
