use std::path::PathBuf;
use std::sync::Arc;

use hangar_core::{Error, Limits};
use hangar_wit::errors::Error as WitError;
use serde_json::Value;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::reader::Rows;
use crate::source::Source;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:sqlite-host;
            world imports { import hangar:sqlite/reader@0.1.0; }
        ",
        path: ["../../wit/types", "../../wit/sqlite"],
        world: "hangar:sqlite-host/imports",
        imports: { default: async },
        with: {
            "hangar:types/errors@0.1.0": hangar_wit::errors,
            "hangar:sqlite/reader.database": super::Database,
            "hangar:sqlite/reader.rows": crate::reader::Rows,
        },
    });
}

use generated::hangar::sqlite::reader as contract;

/// The grant `sqlite = true`.
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

/// The long-lived state of this capability: the folder that the operator named, and for which plugin.
#[derive(Default)]
pub struct Sqlite {
    handed: Option<(String, PathBuf)>,
}

impl Sqlite {
    /// Reads in a folder, for one plugin.
    pub fn new(plugin: String, folder: PathBuf) -> Self {
        Self {
            handed: Some((plugin, folder)),
        }
    }
}

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `sqlite`.
    pub grant: Option<&'a Grant>,
    /// The plugin's limits (`rows_bytes`).
    pub limits: &'a Limits,
    /// The folder.
    pub sqlite: &'a Sqlite,
    /// The instance's resources.
    pub table: &'a mut ResourceTable,
}

/// The host's side of the resource `database`.
pub struct Database(Arc<Source>);

struct Access;

impl HasData for Access {
    type Data<'a> = View<'a>;
}

/// Links `hangar:sqlite/reader`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    contract::add_to_linker::<T, Access>(linker, get)
}

impl contract::Host for View<'_> {
    async fn open(&mut self, path: String) -> Result<Resource<Database>, WitError> {
        if self.grant.is_none() {
            return Err(Error::denied(self.plugin, "hangar:sqlite", "grant.sqlite = true").into());
        }
        let folder = match &self.sqlite.handed {
            Some((plugin, folder)) if plugin == self.plugin => folder.clone(),
            _ => {
                return Err(Error::new(
                    "denied",
                    403,
                    "no folder was named: databases are read by commands that take one",
                )
                .into());
            }
        };
        let source = tokio::task::spawn_blocking(move || Source::find(&folder, &path))
            .await
            .map_err(|error| {
                Error::internal(format!("a database could not be opened: {error}"))
            })??;
        Ok(push(self.table, Database(Arc::new(source)))?)
    }
}

fn push<R: Send + 'static>(table: &mut ResourceTable, value: R) -> Result<Resource<R>, Error> {
    table
        .push(value)
        .map_err(|error| Error::internal(format!("too many databases and rows: {error}")))
}

fn gone(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("this database is not open: {error}"))
}

impl contract::HostDatabase for View<'_> {
    async fn query(
        &mut self,
        this: Resource<Database>,
        sql: String,
    ) -> Result<Resource<Rows>, WitError> {
        let source = self.table.get(&this).map_err(gone)?.0.clone();
        let rows = Rows::begin(source, sql, self.limits.rows_bytes).await?;
        Ok(push(self.table, rows)?)
    }

    async fn drop(&mut self, this: Resource<Database>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl contract::HostRows for View<'_> {
    async fn next(&mut self, this: Resource<Rows>) -> Result<Option<String>, WitError> {
        Ok(self.table.get_mut(&this).map_err(gone)?.next().await?)
    }

    async fn drop(&mut self, this: Resource<Rows>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
