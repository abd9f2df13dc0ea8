use std::collections::BTreeMap;
use std::path::PathBuf;

use hangar_core::{Error, Limits};
use hangar_wit::errors::Error as WitError;
use serde_json::Value;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::archive::{Archive, Writer};
use crate::content::Content;
use crate::copy::Copied;
use crate::folder::Folder;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:operator-host;
            world imports {
                import hangar:operator/folder@0.1.0;
                import hangar:operator/archive@0.1.0;
                import hangar:operator/console@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/operator"],
        world: "hangar:operator-host/imports",
        imports: { default: async },
        with: {
            "hangar:types/errors@0.1.0": hangar_wit::errors,
            "hangar:operator/folder.copied": crate::copy::Copied,
            "hangar:operator/archive.writer": super::Writing,
            "hangar:operator/archive.content": crate::content::Content,
        },
    });
}

use generated::hangar::operator::{archive, console, folder};

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

/// The host's side of the resource `writer`; empty while it is being worked on, and after an error.
pub struct Writing(Option<Writer>);

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
    archive::add_to_linker::<T, Access>(linker, get)?;
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

impl View<'_> {
    fn place(&self, place: &str) -> Result<PathBuf, Error> {
        let known = self.operator.places.get(place).cloned();
        known.ok_or_else(|| {
            let names: Vec<&str> = self.operator.places.keys().copied().collect();
            Error::bad_input(format!(
                "there is no place {place:?}, only {}",
                names.join(", ")
            ))
        })
    }

    fn archive(&self) -> Result<Archive, Error> {
        Ok(Archive::new(self.folder()?.path()))
    }

    fn push<R: Send + 'static>(&mut self, value: R) -> Result<Resource<R>, Error> {
        self.table
            .push(value)
            .map_err(|error| Error::internal(format!("too many copies and archives: {error}")))
    }

    /// Works on a writer off the async threads. After an error it is gone.
    async fn work<R: Send + 'static>(
        &mut self,
        this: &Resource<Writing>,
        work: impl FnOnce(&mut Writer) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let ended = || Error::internal("this archive is not being written any more");
        let writing = self.table.get_mut(this).map_err(|_| ended())?;
        let mut writer = writing.0.take().ok_or_else(ended)?;
        let (writer, done) = blocking(move || {
            let done = work(&mut writer)?;
            Ok((writer, done))
        })
        .await?;
        self.table.get_mut(this).map_err(|_| ended())?.0 = Some(writer);
        Ok(done)
    }
}

impl archive::Host for View<'_> {
    async fn create(&mut self) -> Result<Resource<Writing>, WitError> {
        let archive = self.archive()?;
        let writer = blocking(move || archive.create()).await?;
        Ok(self.push(Writing(Some(writer)))?)
    }

    async fn entries(&mut self) -> Result<String, WitError> {
        let archive = self.archive()?;
        Ok(blocking(move || archive.entries()).await?)
    }

    async fn open(&mut self, entry: String) -> Result<Resource<Content>, WitError> {
        let content = Content::open(self.archive()?, entry).await?;
        Ok(self.push(content)?)
    }

    async fn extract(&mut self, place: String) -> Result<Resource<Copied>, WitError> {
        let (archive, target) = (self.archive()?, self.place(&place)?);
        let copied = blocking(move || archive.extract(&place, &target)).await?;
        Ok(self.push(copied)?)
    }
}

impl archive::HostWriter for View<'_> {
    async fn entry(&mut self, this: Resource<Writing>, name: String) -> Result<(), WitError> {
        Ok(self.work(&this, move |writer| writer.entry(&name)).await?)
    }

    async fn write(&mut self, this: Resource<Writing>, chunk: Vec<u8>) -> Result<(), WitError> {
        Ok(self.work(&this, move |writer| writer.write(&chunk)).await?)
    }

    async fn add_place(&mut self, this: Resource<Writing>, place: String) -> Result<u32, WitError> {
        let from = self.place(&place)?;
        Ok(self
            .work(&this, move |writer| writer.add(&from, &place))
            .await?)
    }

    async fn finish(&mut self, this: Resource<Writing>) -> Result<(), WitError> {
        let ended = |_| Error::internal("this archive is not being written any more");
        let writer = self.table.delete(this).map_err(ended)?.0;
        match writer {
            Some(writer) => Ok(blocking(move || writer.finish()).await?),
            None => Err(Error::internal("this archive could not be written").into()),
        }
    }

    async fn drop(&mut self, this: Resource<Writing>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl archive::HostContent for View<'_> {
    async fn next(&mut self, this: Resource<Content>) -> Result<Option<Vec<u8>>, WitError> {
        let ended = |_| Error::internal("this entry is not open");
        Ok(self.table.get_mut(&this).map_err(ended)?.next().await?)
    }

    async fn drop(&mut self, this: Resource<Content>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
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
        let target = self.place(&place)?;
        let copied = blocking(move || Copied::tree(&from.resolve(&path)?, &target)).await?;
        Ok(self.push(copied)?)
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
