//! The `transfer` component: moving whole applications in and out, and keeping backups of them.

mod archive;
mod arguments;
mod backups;
mod coerce;
mod copy;
mod indexes;
mod moving;
mod pocketbase;
mod records;
mod report;
mod settings;
mod target;
mod views;

use hangar_sdk::http::{Request, Response};
use hangar_sdk::{Error, Result};

/// The component.
pub struct Plugin;

impl hangar_sdk::commands::Guest for Plugin {
    fn run(name: String, arguments: Vec<String>) -> Result<String> {
        let arguments = arguments::read(&arguments);
        match name.as_str() {
            "import pocketbase" => pocketbase::import(&arguments),
            "import" => archive::import(&arguments),
            "export" => archive::export(&arguments),
            "backup create" => backups::create(&arguments),
            "backup list" => backups::list(),
            "backup restore" => backups::restore(),
            _ => Err(Error::new(
                "bad_input",
                400,
                format!("there is no command {name:?}"),
            )),
        }
    }
}

impl hangar_sdk::http::Guest for Plugin {
    fn handle(request: Request) -> Result<Response> {
        Ok(backups::handle(&request))
    }
}

impl hangar_sdk::crons::Guest for Plugin {
    fn run(id: String) -> Result<()> {
        match id.as_str() {
            "__pbAutoBackup__" => backups::automatic(),
            _ => Err(Error::internal(format!("there is no job {id}"))),
        }
    }
}

impl hangar_sdk::uploads::LimitsGuest for Plugin {
    /// Backups are as large as they are; what all uploads may take together is bounded by `limits.uploads-bytes`.
    fn form_limit(_method: String, _route: String, _params: Vec<String>) -> Result<f64> {
        Ok(f64::MAX)
    }
}

#[cfg(target_arch = "wasm32")]
mod exports {
    use super::Plugin;
    hangar_sdk::export_commands!(Plugin);
    hangar_sdk::export_crons!(Plugin);
    hangar_sdk::export_http!(Plugin);
    hangar_sdk::export_limits!(Plugin);
}
hangar_sdk::manifest!("manifest.json");
