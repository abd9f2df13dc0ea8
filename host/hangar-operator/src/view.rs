use std::collections::BTreeMap;
use std::path::PathBuf;

use hangar_core::{Error, Limits};
use hangar_wit::errors::Error as WitError;
use serde_json::Value;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::copy::Copied;
use crate::folder::Folder;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:operator-host;
            world imports {
                import hangar:operator/folder@0.1.0;
                import hangar:operator/console@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/operator"],
        world: "hangar:operator-host/imports",
        imports: { default: async },
        with: {
            "hangar:types/errors@0.1.0": hangar_wit::errors,
            "hangar:operator/folder.copied": crate::copy::Copied,
        },
    });
}

use generated::hangar::operator::{console, folder};

/// The grant `operator = true`.
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

/// The long-lived state of this capability: whose command is running, and what was named for it.
#[derive(Default)]
pub struct Operator {
    /// The plugin whose command is running; none while serving.
    pub plugin: Option<String>,
    /// The folder that was named.
    pub folder: Option<Folder>,
    /// Where files may be copied to, by name.
    pub places: BTreeMap<&'static str, PathBuf>,
}

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `operator`.
    pub grant: Option<&'a Grant>,
    /// The plugin's limits (`response_bytes`).
    pub limits: &'a Limits,
    /// What the operator named.
    pub operator: &'a Operator,
    /// The instance's resources.
    pub table: &'a mut ResourceTable,
}

struct Access;

impl HasData for Access {
    type Data<'a> = View<'a>;
}

/// Links `hangar:operator`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    folder::add_to_linker::<T, Access>(linker, get)?;
    console::add_to_linker::<T, Access>(linker, get)
}

impl<'a> View<'a> {
    fn running(&self) -> bool {
        self.grant.is_some() && self.operator.plugin.as_deref() == Some(self.plugin)
    }

    fn folder(&self) -> Result<&'a Folder, Error> {
        if self.grant.is_none() {
            let line = "grant.operator = true";
            return Err(Error::denied(self.plugin, "hangar:operator", line));
        }
        let named = self.operator.folder.as_ref().filter(|_| self.running());
        named.ok_or_else(|| {
            Error::new(
                "denied",
                403,
                "no folder was named: only a command that takes one has one",
            )
        })
    }
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, Error> + Send + 'static,
) -> Result<R, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal(format!("reading the folder failed: {error}")))?
}

impl folder::Host for View<'_> {
    async fn entries(&mut self, path: String) -> Result<String, WitError> {
        let folder = self.folder()?.clone();
        Ok(blocking(move || folder.entries(&path)).await?)
    }

    async fn read(&mut self, path: String) -> Result<Vec<u8>, WitError> {
        let (folder, limit) = (self.folder()?.clone(), self.limits.response_bytes);
        Ok(blocking(move || folder.read(&path, limit)).await?)
    }

    async fn copy(&mut self, path: String, place: String) -> Result<Resource<Copied>, WitError> {
        let from = self.folder()?.clone();
        let target = self.operator.places.get(place.as_str()).cloned();
        let target = target.ok_or_else(|| {
            let names: Vec<&str> = self.operator.places.keys().copied().collect();
            Error::bad_input(format!(
                "there is no place {place:?} to copy to, only {}",
                names.join(", ")
            ))
        })?;
        let copied =
            blocking(move || Copied::tree(&from.resolve(&path)?, &target)).await?;
        self.table
            .push(copied)
            .map_err(|error| Error::internal(format!("too many copies: {error}")).into())
    }
}

impl folder::HostCopied for View<'_> {
    async fn summary(&mut self, this: Resource<Copied>) -> String {
        self.table
            .get(&this)
            .map(Copied::summary)
            .unwrap_or_default()
    }

    async fn keep(&mut self, this: Resource<Copied>) {
        if let Ok(copied) = self.table.delete(this) {
            copied.keep();
        }
    }

    async fn drop(&mut self, this: Resource<Copied>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl console::Host for View<'_> {
    async fn say(&mut self, text: String) {
        if self.running() {
            // A line is a line, whatever is in it.
            let text: String = text.chars().filter(|c| !c.is_control()).collect();
            eprintln!("{text}");
        }
    }
}
