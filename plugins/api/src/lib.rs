//! The plugin `api`: health, settings, batches, logs, jobs, everything that no other plugin's route takes, and PocketBase's words for the
//! host's errors.

mod answer;
mod batch;
mod commands;
mod crons;
mod events;
mod fallback;
mod health;
mod identity;
mod logs;
mod page;
mod settings;

use hangar_failure::Failure;
use hangar_sdk::Result;
use hangar_sdk::http::{Request, Response};

struct Plugin;

impl hangar_sdk::http::Guest for Plugin {
    fn handle(request: Request) -> Result<Response> {
        let answer = match (request.method.as_str(), request.route.as_str()) {
            ("GET", "/api/health") => health::health(&request),
            ("GET", "/api/settings") => settings::show(&request),
            ("PATCH", "/api/settings") => settings::update(&request),
            ("POST", "/api/settings/test/s3") => settings::test_s3(&request),
            ("POST", "/api/batch") => batch::batch(&request),
            ("GET", "/api/logs") => logs::list(&request),
            ("DELETE", "/api/logs") => logs::clear(&request),
            ("GET", "/api/logs/stats") => logs::stats(&request),
            ("GET", "/api/logs/{id}") => logs::show(&request),
            ("GET", "/api/crons") => crons::list(&request),
            ("POST", "/api/crons/{id}") => crons::start(&request),
            ("GET", "/_") => Ok(page::redirect()),
            ("GET", "/_/") => Ok(page::page()),
            ("GET", "/_/install.css") => Ok(page::style()),
            ("GET", "/_/install.js") => Ok(page::script()),
            _ => Ok(fallback::answer(&request)),
        };
        Ok(answer.unwrap_or_else(Failure::respond))
    }
}

impl hangar_sdk::commands::Guest for Plugin {
    fn run(name: String, arguments: Vec<String>) -> Result<String> {
        commands::run(&name, &arguments)
    }
}

impl hangar_sdk::lifecycle::Guest for Plugin {
    fn activate() -> Result<()> {
        hangar_sdk::migrations::apply("api", &[settings::MIGRATION])?;
        settings::initialise()?;
        settings::reload(&settings::load()?)
    }

    fn start(_sources: String) -> Result<String> {
        Ok("{}".into())
    }
}

impl hangar_sdk::hooks::Guest for Plugin {
    fn handle(
        _handler: String,
        _event: String,
        document: String,
        _request: String,
        _patches: String,
    ) -> Result<String> {
        settings::follow(&document)?;
        Ok(String::new())
    }
}

impl hangar_sdk::crons::Guest for Plugin {
    fn run(id: String) -> Result<()> {
        crons::run(&id)
    }
}

hangar_sdk::export_crons!(Plugin);
hangar_sdk::export_hooks!(Plugin);
hangar_sdk::export_http!(Plugin);
hangar_sdk::export_lifecycle!(Plugin);
hangar_sdk::export_commands!(Plugin);
hangar_sdk::manifest!("manifest.json");
