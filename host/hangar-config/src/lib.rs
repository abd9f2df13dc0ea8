//! `hangar:config/settings`: the plugin's own `config` table of hangar.toml, as JSON. Needs no grant.

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

/// What a call needs.
pub struct View<'a> {
    /// The `config` table of the calling plugin, a JSON object.
    pub settings: &'a str,
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
        self.settings.to_owned()
    }
}
