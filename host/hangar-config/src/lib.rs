//! `hangar:config/settings`: the plugin's own `config` table of hangar.toml, as JSON. Needs no grant.

use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::{HasData, Linker};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:config-host;
            world imports { import hangar:config/settings@0.1.0; }
        ",
        path: ["../../wit/config"],
    });
}

use generated::hangar::config::settings;

/// A plugin's settings, turned into text once and cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings(Arc<str>);

impl Settings {
    /// From the `config` table; `Null` stands for a missing one. Anything but a table is an error.
    pub fn new(table: &Value) -> Result<Self, String> {
        match table {
            Value::Null => Ok(Self::default()),
            Value::Object(_) => Ok(Self(table.to_string().into())),
            _ => Err("config must be a table".into()),
        }
    }

    /// A JSON object.
    pub fn json(&self) -> &str {
        &self.0
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self("{}".into())
    }
}

/// What a call needs.
pub struct View<'a> {
    /// The settings of the calling plugin.
    pub settings: &'a Settings,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links `hangar:config/settings`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    settings::add_to_linker::<T, Has>(linker, get)
}

impl settings::Host for View<'_> {
    fn get(&mut self) -> String {
        self.settings.json().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::settings::Host as _;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_comes_back_as_json() {
        let settings = Settings::new(&json!({"url": "http://x", "depth": 3})).expect("a table");
        let text = View {
            settings: &settings,
        }
        .get();
        let back: Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(back, json!({"url": "http://x", "depth": 3}));
    }

    #[test]
    fn no_table_is_an_empty_object_and_another_type_is_refused() {
        assert_eq!(Settings::new(&Value::Null).expect("fine").json(), "{}");
        assert!(Settings::new(&json!([1])).is_err());
    }
}
