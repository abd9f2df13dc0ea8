use std::sync::Arc;

use hangar_core::{Error, Limits};
use hangar_uploads::Uploads;
use hangar_wit::Body;
use hangar_wit::errors::Error as WitError;
use serde_json::Value;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::place::check_key;
use crate::serve::Served;
use crate::store::{Entry, Store};
use crate::{Files, Folder};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:files-host;
            world imports {
                import hangar:files/folder@0.1.0;
                import hangar:files/store@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/http", "../../wit/files"],
        imports: { default: async },
        with: {
            "hangar:types/errors@0.1.0": hangar_wit::errors,
            "hangar:http/types@0.1.0": hangar_wit::http,
        },
    });
}

use generated::hangar::files::{folder, store};

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

/// The grant `storage = true`.
pub struct StorageGrant;

impl StorageGrant {
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
    /// Missing if hangar.toml does not grant `files`.
    pub grant: Option<&'a Grant>,
    /// Missing if hangar.toml does not grant `storage`.
    pub storage: Option<&'a StorageGrant>,
    /// The plugin's limits (`response_bytes`).
    pub limits: &'a Limits,
    /// The stores.
    pub files: &'a Arc<Files>,
    /// The form of the request.
    pub uploads: Option<&'a Arc<Uploads>>,
    /// The instance's resources.
    pub table: &'a mut ResourceTable,
}

struct Access;

impl HasData for Access {
    type Data<'a> = View<'a>;
}

/// Links `hangar:files/folder` and `hangar:files/store`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    folder::add_to_linker::<T, Access>(linker, get)?;
    store::add_to_linker::<T, Access>(linker, get)
}

impl<'a> View<'a> {
    fn folder(&self) -> Result<&'a Folder, Error> {
        let denied = || Error::denied(self.plugin, "hangar:files", "grant.files = \"./folder\"");
        Ok(&self.grant.ok_or_else(denied)?.0)
    }

    fn store(&self, place: &str) -> Result<Store, Error> {
        let denied = || Error::denied(self.plugin, "hangar:files/store", "grant.storage = true");
        self.storage.ok_or_else(denied)?;
        self.files.store(place)
    }

    fn push(&mut self, body: Body) -> Result<Resource<Body>, WitError> {
        let pushed = self.table.push(body);
        pushed.map_err(|error| Error::internal(format!("too many bodies: {error}")).into())
    }
}

impl folder::Host for View<'_> {
    async fn defer(&mut self, path: String) -> Result<Resource<Body>, WitError> {
        let file = self.folder()?.open(&path).await?;
        self.push(Body::new(async move { Ok(file.produce()) }))
    }

    async fn read(&mut self, path: String) -> Result<Vec<u8>, WitError> {
        let file = self.folder()?.open(&path).await?;
        Ok(file.read(self.limits.response_bytes).await?)
    }
}

impl store::Host for View<'_> {
    async fn put(&mut self, place: String, key: String, upload: u32) -> Result<(), WitError> {
        let store = self.store(&place)?;
        let none = || Error::new("not_found", 404, "this request has no form with files");
        let uploads = self.uploads.ok_or_else(none)?.clone();
        Ok(store.put(key, uploads, upload).await?)
    }

    async fn write(
        &mut self,
        place: String,
        key: String,
        content_type: String,
        content: Vec<u8>,
    ) -> Result<(), WitError> {
        Ok(self
            .store(&place)?
            .write(key, content_type, content)
            .await?)
    }

    async fn read(&mut self, place: String, key: String, limit: u32) -> Result<Vec<u8>, WitError> {
        let limit = (limit as usize).min(self.limits.memory);
        Ok(self.store(&place)?.read(&key, limit).await?)
    }

    async fn attributes(&mut self, place: String, key: String) -> Result<String, WitError> {
        let attributes = self.store(&place)?.attributes(&key).await?;
        Ok(attributes.to_json().to_string())
    }

    async fn list(&mut self, place: String, folder: String) -> Result<String, WitError> {
        let entries = self.store(&place)?.list(folder).await?;
        Ok(Value::from_iter(entries.iter().map(Entry::to_json)).to_string())
    }

    async fn copy(
        &mut self,
        place: String,
        source: String,
        target: String,
    ) -> Result<(), WitError> {
        Ok(self.store(&place)?.copy(source, target).await?)
    }

    async fn delete(&mut self, place: String, key: String) -> Result<(), WitError> {
        Ok(self.store(&place)?.delete(key).await?)
    }

    async fn delete_folder(&mut self, place: String, folder: String) -> Result<(), WitError> {
        Ok(self.store(&place)?.delete_folder(folder).await?)
    }

    async fn defer(
        &mut self,
        place: String,
        key: String,
        options: String,
    ) -> Result<Resource<Body>, WitError> {
        let store = self.store(&place)?;
        check_key(&key)?;
        let options = serde_json::from_str(&options)
            .map_err(|error| Error::bad_input(format!("options for a blob: {error}")))?;
        let served = Served {
            files: self.files.clone(),
            store,
            place,
            key,
            options,
        };
        self.push(Body::new(served.produce()))
    }
}
