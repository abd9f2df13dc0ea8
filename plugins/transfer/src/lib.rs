//! The `transfer` component: moving whole applications in and out. For now it takes over PocketBase's data directories.

mod arguments;
mod copy;
mod pocketbase;
mod report;

use hangar_sdk::{Error, Result};

/// The component.
pub struct Plugin;

impl hangar_sdk::commands::Guest for Plugin {
    fn run(name: String, arguments: Vec<String>) -> Result<String> {
        match name.as_str() {
            "import pocketbase" => pocketbase::import(&arguments::read(&arguments)),
            _ => Err(Error::new(
                "bad_input",
                400,
                format!("there is no command {name:?}"),
            )),
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod exports {
    use super::Plugin;
    hangar_sdk::export_commands!(Plugin);
}
hangar_sdk::manifest!("manifest.json");
