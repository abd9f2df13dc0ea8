use hangar_core::Error;
use hangar_wit::Body;
use hangar_wit::errors::Error as WitError;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::{Grant, Matcher, Realtime};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:realtime-host;
            world imports { import hangar:realtime/broker@0.1.0; }
        ",
        path: ["../../wit/types", "../../wit/http", "../../wit/realtime"],
        imports: { default: async },
        with: {
            "hangar:types/errors@0.1.0": hangar_wit::errors,
            "hangar:http/types@0.1.0": hangar_wit::http,
        },
    });
}

use generated::hangar::realtime::broker as contract;

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `realtime`.
    pub grant: Option<&'a Grant>,
    /// The clients.
    pub realtime: &'a Realtime,
    /// Asks the matcher on behalf of this call, outside of its transaction.
    pub matcher: Box<dyn Matcher>,
    /// The instance's resources.
    pub table: &'a mut ResourceTable,
}

struct Access;

impl HasData for Access {
    type Data<'a> = View<'a>;
}

/// Links `hangar:realtime/broker`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    contract::add_to_linker::<T, Access>(linker, get)
}

impl<'a> View<'a> {
    fn realtime(&self) -> Result<&'a Realtime, Error> {
        match self.grant {
            Some(Grant) => Ok(self.realtime),
            None => Err(Error::denied(self.plugin, "hangar:realtime", Grant::LINE)),
        }
    }
}

impl contract::Host for View<'_> {
    async fn connect(&mut self, options: String) -> Result<(String, Resource<Body>), WitError> {
        let (id, body) = self.realtime()?.connect(self.plugin, &options)?;
        let body = self
            .table
            .push(body)
            .map_err(|error| Error::internal(format!("too many bodies: {error}")))?;
        Ok((id, body))
    }

    async fn client(&mut self, id: String) -> Result<Option<String>, WitError> {
        Ok(self.realtime()?.describe(&id)?)
    }

    async fn set(&mut self, id: String, state: String) -> Result<(), WitError> {
        Ok(self.realtime()?.set(self.plugin, &id, &state)?)
    }

    async fn listening(&mut self, channels: Vec<String>) -> Result<bool, WitError> {
        Ok(self.realtime()?.listening(&channels))
    }

    async fn identified(&mut self, subject: String) -> Result<u32, WitError> {
        Ok(count(self.realtime()?.identified(&subject)))
    }

    async fn renew(&mut self, subject: String, identity: Option<String>) -> Result<u32, WitError> {
        let renewed = self.realtime()?.renew(&subject, identity.as_deref())?;
        Ok(count(renewed))
    }

    async fn post(&mut self, channels: Vec<String>, change: String) -> Result<(), WitError> {
        Ok(self.realtime()?.post(self.plugin, &channels, &change)?)
    }

    async fn prepare(&mut self, channels: Vec<String>, change: String) -> Result<String, WitError> {
        let realtime = self.realtime()?;
        Ok(realtime.prepare(&channels, &change, &*self.matcher).await?)
    }

    async fn send(&mut self, messages: String) -> Result<u32, WitError> {
        Ok(count(self.realtime()?.send(self.plugin, &messages)?))
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
