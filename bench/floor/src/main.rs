//! The floor of the benchmark: the least a server can do for the measured requests and still do the same work.
//!
//! axum and tokio-postgres without anything between them: fixed statements prepared once, binary rows turned into JSON,
//! reads pipelined on a few shared connections. No plugins, no rules, no filter language: what Hangar adds shows as the
//! distance from here. Use: `bench-floor POSTGRES_URL ADDRESS [READERS] [WRITERS]`.

mod database;
mod json;
mod requests;
mod token;

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use axum::serve::ListenerExt;

use database::Database;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reads that share a connection are pipelined. On two cores 2 to 4 are equally fast, more cost CPU time.
const READERS: usize = 3;
/// Commits on one connection wait for each other's flush to the disk; over many connections PostgreSQL flushes many
/// commits at once.
const WRITERS: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, address, counts @ ..] = arguments.as_slice() else {
        return Err("use: bench-floor POSTGRES_URL ADDRESS [READERS] [WRITERS]".into());
    };
    let count = |at: usize, default: usize| counts.get(at).map_or(Ok(default), |text| text.parse());
    let database = Database::open(url, count(0, READERS)?, count(1, WRITERS)?).await?;
    // The driver reads this line: the token of the one user there is.
    println!("token {}", database.seed_user().await?);

    let routes = Router::new()
        .route("/api/health", get(requests::health))
        .route(
            "/api/collections/{collection}/records",
            get(requests::list).post(requests::create),
        )
        .route(
            "/api/collections/{collection}/records/{id}",
            get(requests::view),
        )
        .route(
            "/api/collections/users/auth-refresh",
            post(requests::refresh),
        )
        .route("/bench/hello/{name}", get(requests::hello))
        .with_state(Arc::new(database));
    let listener = tokio::net::TcpListener::bind(address)
        .await?
        .tap_io(|stream| {
            // Best effort: without it a request is slower, not wrong.
            let _ = stream.set_nodelay(true);
        });
    axum::serve(listener, routes).await?;
    Ok(())
}
