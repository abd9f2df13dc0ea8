use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use hangar_core::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// What every database file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// What may stand in a file URI as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// A database that can be opened any number of times: in its place, or a copy of it.
#[derive(Debug)]
pub struct Source {
    file: PathBuf,
    /// The folder of the copy; gone with this value.
    copy: Option<TempDir>,
}

impl Source {
    /// Finds out how the database at `path` of a folder is to be read, and copies it where it must not be read in its
    /// place. Blocks.
    ///
    /// # Errors
    /// `not_found`, `damaged` and `in_use` say what is wrong with it.
    pub fn find(folder: &Path, path: &str) -> Result<Self> {
        let plain = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || path.is_empty() || path.contains('\0') {
            return Err(Error::bad_input(format!(
                "{path:?} is not a path inside the folder"
            )));
        }
        let root = folder
            .canonicalize()
            .map_err(|error| missing(path, &error))?;
        let file = root
            .join(path)
            .canonicalize()
            .map_err(|error| missing(path, &error))?;
        if !file.starts_with(&root) {
            return Err(Error::bad_input(format!(
                "{path:?} leads out of the folder"
            )));
        }
        check_header(&file, path)?;
        let log = beside(&file, "-wal");
        let journal = beside(&file, "-journal");
        let index = beside(&file, "-shm");
        if !exists(&log) && exists(&index) {
            return Err(damaged(format!(
                "{path}-shm is there, but {path}-wal is not: the folder was copied in part, or while its program ran. Copy it again with all its files"
            )));
        }
        let beside: Vec<PathBuf> = [log, journal]
            .into_iter()
            .filter(|file| file.metadata().is_ok_and(|metadata| metadata.len() > 0))
            .collect();
        if beside.is_empty() {
            return Ok(Self { file, copy: None });
        }
        copied(&file, &beside, path)
    }

    /// Opens it for reading. Blocks.
    ///
    /// # Errors
    /// `damaged` for what SQLite cannot read.
    pub fn open(&self) -> Result<Connection> {
        let connection = match self.copy {
            // Ours: SQLite may put the log into the file.
            Some(_) => Connection::open_with_flags(
                &self.file,
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            ),
            None => {
                let path = self.file.to_string_lossy();
                let uri = format!(
                    "file:{}?mode=ro&immutable=1",
                    utf8_percent_encode(&path, PATH)
                );
                Connection::open_with_flags(
                    uri,
                    OpenFlags::SQLITE_OPEN_READ_ONLY
                        | OpenFlags::SQLITE_OPEN_URI
                        | OpenFlags::SQLITE_OPEN_NO_MUTEX,
                )
            }
        };
        let connection = connection.map_err(|error| refused(&error))?;
        // The file is not ours: its schema is not trusted, and a statement reaches no other file.
        connection
            .set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)
            .and_then(|_| {
                connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF")
            })
            .map_err(|error| refused(&error))?;
        Ok(connection)
    }
}

/// SQLite's error as ours.
pub fn refused(error: &rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    match code {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            damaged(format!("the database is damaged: {error}"))
        }
        _ => Error::new("sqlite", 400, format!("SQLite: {error}")),
    }
}

fn damaged(message: String) -> Error {
    Error::new("damaged", 400, message)
}

fn missing(path: &str, error: &std::io::Error) -> Error {
    Error::new(
        "not_found",
        404,
        format!("{path} cannot be opened: {error}"),
    )
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn exists(file: &Path) -> bool {
    file.symlink_metadata().is_ok()
}

/// A file that is cut short is told before SQLite stumbles over it.
fn check_header(file: &Path, path: &str) -> Result<()> {
    let mut header = [0; 32];
    let opened = File::open(file).map_err(|error| missing(path, &error))?;
    let length = opened
        .metadata()
        .map_err(|error| missing(path, &error))?
        .len();
    let read = opened
        .take(header.len() as u64)
        .read(&mut header)
        .map_err(|error| missing(path, &error))?;
    if read < header.len() || header[..16] != MAGIC[..] {
        return Err(damaged(format!("{path} is not an SQLite database")));
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes([
        header[28], header[29], header[30], header[31],
    ]));
    // Pages that are still in the log are missing at the end, so only files without one can be judged.
    let logged = beside(file, "-wal").metadata().is_ok_and(|m| m.len() > 0);
    if !logged && length < page * pages {
        return Err(damaged(format!(
            "{path} is cut short: it has {length} bytes of {}",
            page * pages
        )));
    }
    Ok(())
}

fn copied(file: &Path, beside: &[PathBuf], path: &str) -> Result<Source> {
    let failed = |error: std::io::Error| {
        Error::internal(format!(
            "{path} and its log could not be copied to a temporary folder (variable TMPDIR): {error}"
        ))
    };
    let folder = tempfile::tempdir().map_err(failed)?;
    let before = stamps(file, beside);
    for source in std::iter::once(file).chain(beside.iter().map(PathBuf::as_path)) {
        let suffix = source
            .as_os_str()
            .to_string_lossy()
            .strip_prefix(&*file.as_os_str().to_string_lossy())
            .unwrap_or_default()
            .to_owned();
        std::fs::copy(source, folder.path().join(format!("database{suffix}"))).map_err(failed)?;
    }
    if stamps(file, beside) != before {
        return Err(Error::new(
            "in_use",
            409,
            format!("{path} changed while it was read: stop the program that uses it first"),
        ));
    }
    // Read-only files are copied read-only.
    for entry in folder.path().read_dir().map_err(failed)?.flatten() {
        let mut rights = entry.metadata().map_err(failed)?.permissions();
        #[allow(
            clippy::permissions_set_readonly_false,
            reason = "only the owner may enter the folder"
        )]
        rights.set_readonly(false);
        std::fs::set_permissions(entry.path(), rights).map_err(failed)?;
    }
    Ok(Source {
        file: folder.path().join("database"),
        copy: Some(folder),
    })
}

/// Lengths and times by which a change shows.
fn stamps(file: &Path, beside: &[PathBuf]) -> Vec<Option<(u64, Option<SystemTime>)>> {
    let stamp = |metadata: Metadata| (metadata.len(), metadata.modified().ok());
    std::iter::once(file)
        .chain(beside.iter().map(PathBuf::as_path))
        .map(|file| file.metadata().ok().map(stamp))
        .collect()
}
