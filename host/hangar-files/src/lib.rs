//! `hangar:files`: the folder granted to a plugin. Files are sent by the host from the disk; a path never leads out of
//! the folder, not by `..` and not by a link.

mod folder;

use hangar_core::{Error, Limits};
use hangar_wit::Body;
use hangar_wit::errors::Error as WitError;
use serde_json::Value;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

pub use folder::Folder;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:files-host;
            world imports { import hangar:files/folder@0.1.0; }
        ",
        path: ["../../wit/types", "../../wit/http", "../../wit/files"],
        imports: { default: async },
        with: {
            "hangar:types/errors@0.1.0": hangar_wit::errors,
            "hangar:http/types@0.1.0": hangar_wit::http,
        },
    });
}

use generated::hangar::files::folder as contract;

/// The grant `files = "./folder"`.
pub struct Grant(Folder);

impl Grant {
    /// Reads the value of hangar.toml. The folder need not exist yet.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(path) if !path.is_empty() => Ok(Self(Folder::new(path))),
            _ => Err("write the path of a folder, such as \"./reports\"".into()),
        }
    }
}

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `files`.
    pub grant: Option<&'a Grant>,
    /// The plugin's limits (`response_bytes`).
    pub limits: &'a Limits,
    /// The instance's resources.
    pub table: &'a mut ResourceTable,
}

struct Access;

impl HasData for Access {
    type Data<'a> = View<'a>;
}

/// Links `hangar:files/folder`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    contract::add_to_linker::<T, Access>(linker, get)
}

impl<'a> View<'a> {
    fn folder(&self) -> Result<&'a Folder, Error> {
        let denied = || Error::denied(self.plugin, "hangar:files", "grant.files = \"./folder\"");
        Ok(&self.grant.ok_or_else(denied)?.0)
    }
}

impl contract::Host for View<'_> {
    async fn defer(&mut self, path: String) -> Result<Resource<Body>, WitError> {
        let file = self.folder()?.open(&path).await?;
        let body = Body::new(async move { Ok(file.produce()) });
        self.table
            .push(body)
            .map_err(|error| Error::internal(format!("too many bodies: {error}")).into())
    }

    async fn read(&mut self, path: String) -> Result<Vec<u8>, WitError> {
        let file = self.folder()?.open(&path).await?;
        Ok(file.read(self.limits.response_bytes).await?)
    }
}
