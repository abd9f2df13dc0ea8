use hangar_core::{Error, Result};
use hangar_wit::errors::Error as WitError;
use serde_json::Value;
use wasmtime::component::{HasData, Linker};

use crate::Backup;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:backup-host;
            world imports { import hangar:backup/backups@0.1.0; }
        ",
        path: ["../../wit/types", "../../wit/backup"],
        world: "hangar:backup-host/imports",
        imports: { default: async },
        with: { "hangar:types/errors@0.1.0": hangar_wit::errors },
    });
}

use generated::hangar::backup::backups;

/// The grant `backup = true`.
pub struct Grant;

impl Grant {
    /// Reads the value of hangar.toml.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Self),
            _ => Err("write true or false".into()),
        }
    }
}

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `backup`.
    pub grant: Option<&'a Grant>,
    /// The service.
    pub backup: &'a Backup,
}

struct Access;

impl HasData for Access {
    type Data<'a> = View<'a>;
}

/// Links `hangar:backup/backups`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    backups::add_to_linker::<T, Access>(linker, get)
}

impl View<'_> {
    fn granted(&self) -> Result<Backup> {
        let denied = || Error::denied(self.plugin, "hangar:backup", "grant.backup = true");
        self.grant.ok_or_else(denied)?;
        Ok(self.backup.clone())
    }
}

/// Waits for work that goes on to its end even if the caller is gone.
async fn on_its_own<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T, WitError> {
    let done = tokio::spawn(work).await;
    let cut = |error| Error::internal(format!("the backup was cut off: {error}"));
    Ok(done.map_err(cut)??)
}

impl backups::Host for View<'_> {
    async fn create(&mut self, place: String, name: String) -> Result<(), WitError> {
        let backup = self.granted()?;
        on_its_own(async move { backup.create(&place, &name).await }).await
    }

    async fn busy(&mut self) -> Option<String> {
        self.backup.turns.taken().await
    }

    async fn restore(&mut self, place: String) -> Result<String, WitError> {
        let backup = self.granted()?;
        let named = match &backup.named {
            Some((plugin, named)) if plugin == self.plugin => named.clone(),
            _ => {
                return Err(Error::new(
                    "denied",
                    403,
                    "backups are restored from the command line only",
                )
                .into());
            }
        };
        on_its_own(async move { backup.restore(&place, &named).await }).await
    }
}
