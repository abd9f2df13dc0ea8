//! What the differential test needs: the shared data, a real PocketBase and a PostgreSQL.

pub mod http;
pub mod pocketbase;
pub mod postgres;
pub mod seed;
