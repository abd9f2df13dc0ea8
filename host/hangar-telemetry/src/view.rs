use hangar_core::Error;
use hangar_wit::errors;
use serde_json::Value;
use wasmtime::component::{HasData, Linker};

use crate::Telemetry;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:telemetry-host;
            world imports { import hangar:log/store@0.1.0; }
        ",
        path: ["../../wit/types", "../../wit/log"],
        imports: { default: async },
        with: { "hangar:types/errors@0.1.0": hangar_wit::errors },
    });
}

use generated::hangar::log::store;

/// The right to set what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant;

impl Grant {
    /// The line that grants it, for errors.
    pub const LINE: &str = "grant.logs = true";

    /// From `grant.logs` of hangar.toml: only `true` grants.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Self),
            other => Err(format!(
                "grant.logs must be true (leave it out to withhold it), not {other}"
            )),
        }
    }
}

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `logs`.
    pub grant: Option<&'a Grant>,
    /// The host's state.
    pub telemetry: &'a Telemetry,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links `hangar:log/store`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    store::add_to_linker::<T, Has>(linker, get)
}

impl View<'_> {
    fn granted(&self) -> Result<&Telemetry, Error> {
        match self.grant {
            Some(Grant) => Ok(self.telemetry),
            None => Err(Error::denied(self.plugin, "hangar:log/store", Grant::LINE)),
        }
    }
}

impl store::Host for View<'_> {
    async fn configure(&mut self, settings: String) -> Result<(), errors::Error> {
        Ok(self.granted()?.configure(&settings)?)
    }

    async fn add(&mut self, entries: String) -> Result<u32, errors::Error> {
        Ok(self.granted()?.add(&entries).await?)
    }
}
