//! The `hangar` command: the command line and the wiring of the host's crates, nothing else.

mod backup;
mod cli;
mod commands;
mod compiled;
mod database;
mod doctor;
mod news;
mod nodes;
mod output;
mod plugins;
mod scheduler;
mod serve;
mod settings;
mod sources;
mod wiring;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: the runtime could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(cli::run());
    // Work still going on in the background (a compilation, a password hash) must not hold up the exit.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {}", error.message);
            ExitCode::FAILURE
        }
    }
}
