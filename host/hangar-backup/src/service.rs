//! What a backup is made of and where it goes.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use hangar_core::{Error, Result};
use tempfile::TempDir;

use crate::database::Database;
use crate::turn::{Lock, Turns};
use crate::{archive, restore};

/// Folder for what is being made.
const WORK: &str = "tmp";

/// What a shelf answers, later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Where backups are kept. A place is what the caller gave, which only the shelf understands.
pub trait Shelf: Send + Sync {
    /// Whether a name is taken.
    fn has<'a>(&'a self, place: &'a str, name: &'a str) -> Later<'a, bool>;

    /// Keeps a finished file under a name; `exists` if it is taken.
    fn keep<'a>(&'a self, place: &'a str, name: &'a str, file: PathBuf) -> Later<'a, ()>;

    /// The file of a name: its own, or a copy in the folder `work`.
    fn fetch<'a>(&'a self, place: &'a str, name: &'a str, work: &'a Path) -> Later<'a, PathBuf>;
}

/// The long-lived state of this capability.
#[derive(Clone)]
pub struct Backup {
    dir: PathBuf,
    database: Database,
    shelf: Arc<dyn Shelf>,
    pub(crate) turns: Turns,
    replaced: Arc<dyn Fn() + Send + Sync>,
    /// The plugin whose command is running and what the operator named for it.
    pub(crate) named: Option<(String, PathBuf)>,
}

impl Backup {
    /// Backs up the data directory `dir` and a database. `replaced` is called when a restore has replaced them.
    pub fn new(
        dir: PathBuf,
        database: Database,
        lock: Arc<dyn Lock>,
        shelf: Arc<dyn Shelf>,
        replaced: Arc<dyn Fn() + Send + Sync>,
        named: Option<(String, PathBuf)>,
    ) -> Self {
        Self {
            dir,
            database,
            shelf,
            turns: Turns::new(lock),
            replaced,
            named,
        }
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

    pub(crate) async fn create(&self, place: &str, name: &str) -> Result<()> {
        let _turn = self.turns.take(name).await?;
        if self.shelf.has(place, name).await? {
            return Err(taken(name));
        }
        let work = self.work()?;
        let (database, dir, folder) = (
            self.database.clone(),
            self.dir.clone(),
            work.path().to_owned(),
        );
        let made = blocking(move || archive::make(&database, &dir, &folder)).await?;
        self.shelf.keep(place, name, made).await
    }

    pub(crate) async fn restore(&self, place: &str, named: &Path) -> Result<String> {
        let name = named.to_string_lossy();
        let _turn = self.turns.take(&name).await?;
        let work = self.work()?;
        let plain = named.file_name().is_some_and(|file| file == named);
        let file = if named.exists() || !plain {
            named.to_owned()
        } else {
            self.shelf.fetch(place, &name, work.path()).await?
        };
        let (database, dir, folder) = (
            self.database.clone(),
            self.dir.clone(),
            work.path().to_owned(),
        );
        let done = blocking(move || restore::restore(&database, &dir, &file, &folder)).await;
        // Also after an error: the database may have been replaced before.
        (self.replaced)();
        done
    }
}

/// The name of a backup is taken.
fn taken(name: &str) -> Error {
    Error::new("exists", 409, format!("there is a backup {name} already"))
}

/// Runs work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::internal(format!("the backup was cut off: {error}")))?
}
