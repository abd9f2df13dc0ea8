use hangar_core::Error;
use hangar_wit::errors;
use wasmtime::component::{HasData, Linker};

use crate::{Asked, Grant, Guard};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:guard-host;
            world imports { import hangar:http/guard@0.1.0; }
        ",
        path: ["../../wit/types", "../../wit/http"],
        with: { "hangar:types/errors@0.1.0": hangar_wit::errors },
    });
}

use generated::hangar::http::guard;

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `guard`.
    pub grant: Option<&'a Grant>,
    /// The host's state.
    pub guard: &'a Guard,
    /// The request behind the call, if there is one.
    pub asked: Option<Asked<'a>>,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links `hangar:http/guard`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    guard::add_to_linker::<T, Has>(linker, get)
}

impl guard::Host for View<'_> {
    fn configure(&mut self, policy: String) -> Result<(), errors::Error> {
        match self.grant {
            Some(Grant) => Ok(self.guard.configure(&policy)?),
            None => Err(Error::denied(self.plugin, "hangar:http/guard", Grant::LINE).into()),
        }
    }

    fn check(&mut self, labels: Vec<String>) -> Result<(), errors::Error> {
        match self.asked {
            Some(asked) => Ok(self.guard.count(asked, &labels)?),
            None => Ok(()),
        }
    }

    fn privileged_may_come(&mut self) -> bool {
        self.asked
            .is_none_or(|asked| self.guard.welcomes_privileged(asked.client))
    }

    fn client_address(&mut self) -> String {
        self.asked
            .map(|asked| asked.client.to_owned())
            .unwrap_or_default()
    }
}
