use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use hangar_core::{Error, Result};
use hangar_wit::errors::Error as WitError;
use serde_json::{Value, json};
use tempfile::TempDir;
use wasmtime::component::{HasData, Linker};

use crate::database::Database;
use crate::{archive, restore};

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

/// Folder of backups in the data directory.
const FOLDER: &str = "backups";
/// Folder for what is being made.
const WORK: &str = "tmp";
/// Longest name, bytes.
const MAX_NAME: usize = 255;

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

/// The long-lived state of this capability.
#[derive(Clone)]
pub struct Backup {
    dir: PathBuf,
    database: Database,
    /// The plugin whose command is running and what the operator named for it.
    named: Option<(String, PathBuf)>,
    busy: Arc<AtomicBool>,
}

/// Ends being busy when it goes.
struct Turn(Arc<AtomicBool>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Backup {
    /// Backs up the data directory `dir` and a database.
    pub fn new(dir: PathBuf, database: Database, named: Option<(String, PathBuf)>) -> Self {
        Self {
            dir,
            database,
            named,
            busy: Arc::default(),
        }
    }

    fn turn(&self) -> Result<Turn> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(Error::new(
                "busy",
                409,
                "a backup is being made or restored already",
            ));
        }
        Ok(Turn(self.busy.clone()))
    }

    fn place(&self, name: &str) -> Result<PathBuf> {
        let plain = Path::new(name).file_name().is_some_and(|file| file == name);
        if !plain || name.len() > MAX_NAME || name.contains('\0') {
            return Err(Error::bad_input(format!("{name:?} is no name of a backup")));
        }
        Ok(self.dir.join(FOLDER).join(name))
    }

    fn work(&self) -> Result<TempDir> {
        let folder = self.dir.join(WORK);
        std::fs::create_dir_all(&folder)
            .and_then(|()| {
                tempfile::Builder::new()
                    .prefix("backup-")
                    .tempdir_in(&folder)
            })
            .map_err(|error| {
                Error::internal(format!(
                    "{} cannot be written to: {error}",
                    folder.display()
                ))
            })
    }

    fn create(&self, name: &str) -> Result<()> {
        let _turn = self.turn()?;
        let target = self.place(name)?;
        let taken = || Error::new("exists", 409, format!("there is a backup {name} already"));
        if target.exists() {
            return Err(taken());
        }
        let work = self.work()?;
        let made = archive::make(&self.database, &self.dir, work.path())?;
        let kept = std::fs::create_dir_all(self.dir.join(FOLDER))
            // Unlike renaming, a link never replaces what another process has made meanwhile.
            .and_then(|()| {
                std::fs::hard_link(&made, &target).or_else(|error| match error.kind() {
                    std::io::ErrorKind::AlreadyExists => Err(error),
                    _ => std::fs::rename(&made, &target),
                })
            });
        kept.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => taken(),
            _ => Error::internal(format!("{}: {error}", target.display())),
        })
    }

    fn list(&self) -> Result<String> {
        let folder = self.dir.join(FOLDER);
        let mut all = Vec::new();
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok("[]".into()),
            Err(error) => return Err(Error::internal(format!("{}: {error}", folder.display()))),
        };
        for entry in entries.flatten() {
            let Some(metadata) = entry.metadata().ok().filter(|metadata| metadata.is_file()) else {
                continue;
            };
            let modified = metadata.modified().ok();
            let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            all.push((
                entry.file_name().to_string_lossy().into_owned(),
                metadata.len(),
                since.unwrap_or_default().as_millis() as u64,
            ));
        }
        all.sort();
        let all = all
            .iter()
            .map(|(key, size, modified)| json!({"key": key, "size": size, "modified": modified}));
        Ok(Value::from_iter(all).to_string())
    }

    fn delete(&self, name: &str) -> Result<()> {
        let place = self.place(name)?;
        std::fs::remove_file(&place).map_err(|error| {
            let code = if error.kind() == std::io::ErrorKind::NotFound {
                "not_found"
            } else {
                "internal"
            };
            Error::new(code, 400, format!("remove {}: {error}", place.display()))
        })
    }

    fn restore(&self, named: &Path) -> Result<String> {
        let _turn = self.turn()?;
        let inside = named
            .to_str()
            .and_then(|name| self.place(name).ok())
            .filter(|place| place.is_file());
        let file = match inside {
            Some(place) if !named.exists() => place,
            _ => named.to_owned(),
        };
        let work = self.work()?;
        restore::restore(&self.database, &self.dir, &file, work.path())
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
    /// Runs work off the async threads. It goes on to its end even if the caller is gone.
    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Backup) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        if self.grant.is_none() {
            let line = "grant.backup = true";
            return Err(Error::denied(self.plugin, "hangar:backup", line));
        }
        let backup = self.backup.clone();
        tokio::task::spawn_blocking(move || work(&backup))
            .await
            .map_err(|error| Error::internal(format!("the backup was cut off: {error}")))?
    }
}

impl backups::Host for View<'_> {
    async fn create(&mut self, name: String) -> Result<(), WitError> {
        Ok(self.run(move |backup| backup.create(&name)).await?)
    }

    async fn busy(&mut self) -> bool {
        self.backup.busy.load(Ordering::Acquire)
    }

    async fn list(&mut self) -> Result<String, WitError> {
        Ok(self.run(|backup| backup.list()).await?)
    }

    async fn delete(&mut self, name: String) -> Result<(), WitError> {
        Ok(self.run(move |backup| backup.delete(&name)).await?)
    }

    async fn restore(&mut self) -> Result<String, WitError> {
        let named = match &self.backup.named {
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
        Ok(self.run(move |backup| backup.restore(&named)).await?)
    }
}
