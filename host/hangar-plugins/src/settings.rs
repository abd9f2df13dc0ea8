use std::collections::BTreeMap;
use std::path::PathBuf;

use hangar_core::{Error, Limits};
use serde::Deserialize;
use serde_json::Value;

/// `[plugins.NAME]` of hangar.toml.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PluginSettings {
    /// The component to use instead of the embedded one.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// False leaves the plugin out.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The folder whose files are its sources.
    #[serde(default)]
    pub watch: Option<PathBuf>,
    /// Capability name → grant. What is not here is denied.
    #[serde(default)]
    pub grant: BTreeMap<String, Value>,
    /// Overrides of `[limits]`, by the same names.
    #[serde(default)]
    pub limits: serde_json::Map<String, Value>,
    /// Handed to the plugin as it is.
    #[serde(default)]
    pub config: serde_json::Map<String, Value>,
    /// `"warm"` (default) reuses instances; `"request"` makes a new one for every call.
    #[serde(default)]
    pub isolation: Option<Isolation>,
}

/// Whether instances are reused.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Reused for some hundreds of calls.
    Warm,
    /// A new one for each call: slower, and nothing is carried from one call to the next.
    Request,
}

impl PluginSettings {
    /// The limits of this plugin: the general ones with its own over them.
    pub fn limits(&self, name: &str, general: &Limits) -> Result<Limits, Error> {
        let refuse = |error: serde_json::Error| {
            Error::bad_input(format!("hangar.toml, [plugins.{name}.limits]: {error}"))
        };
        let mut merged = serde_json::to_value(general).map_err(refuse)?;
        if let Value::Object(map) = &mut merged {
            map.extend(self.limits.clone());
        }
        serde_json::from_value(merged).map_err(refuse)
    }
}
