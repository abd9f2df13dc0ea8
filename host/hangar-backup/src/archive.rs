//! The ZIP of a backup.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hangar_core::{Error, Result};
use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::database::Database;
use crate::gather::gather;

/// Name of the dump in the archive.
pub const DUMP: &str = "database.dump";
/// Name of what the archive says of itself.
pub const ABOUT: &str = "backup.json";
/// Folder of the files in the archive and in the data directory.
pub const STORAGE: &str = "storage";
/// The form of archives that this version writes and reads.
const FORMAT: u32 = 1;

/// What an archive says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct About {
    /// The form of the archive.
    pub format: u32,
    /// The version that made it.
    pub hangar: String,
    /// When, milliseconds since 1970.
    pub created: u64,
}

impl About {
    fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            format: FORMAT,
            hangar: env!("CARGO_PKG_VERSION").to_owned(),
            created: since.unwrap_or_default().as_millis() as u64,
        }
    }

    /// Reads what an archive says; refuses one that is none, or of a later form.
    pub fn read(text: &str) -> Result<Self> {
        let about: Self = serde_json::from_str(text)
            .map_err(|error| Error::bad_input(format!("{ABOUT} cannot be read: {error}")))?;
        if about.format > FORMAT {
            return Err(Error::bad_input(format!(
                "the backup was made by Hangar {}, which is newer than this one",
                about.hangar
            )));
        }
        Ok(about)
    }
}

/// Makes an archive of the database and of the data directory `dir`, in a temporary folder that `work` is; answers the
/// archive's place. Blocks.
///
/// # Errors
/// What the programs and the disk say.
pub fn make(database: &Database, dir: &Path, work: &Path) -> Result<PathBuf> {
    let failed =
        |error: std::io::Error| Error::internal(format!("the backup cannot be written: {error}"));
    let gathered = work.join("gathered");
    gather(&dir.join(STORAGE), &gathered).map_err(failed)?;
    let path = work.join("backup.zip");
    let mut zip = ZipWriter::new(BufWriter::new(File::create(&path).map_err(failed)?));
    let entry = |zip: &mut ZipWriter<_>, name: &str, method| {
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .large_file(true);
        zip.start_file(name, options).map_err(std::io::Error::from)
    };
    entry(&mut zip, ABOUT, CompressionMethod::Stored).map_err(failed)?;
    serde_json::to_writer(&mut zip, &About::now())
        .map_err(|error| Error::internal(error.to_string()))?;
    // The dump is compressed already.
    entry(&mut zip, DUMP, CompressionMethod::Stored).map_err(failed)?;
    database.dump(&mut zip)?;
    gather(&dir.join(STORAGE), &gathered).map_err(failed)?;
    let mut folders = vec![(gathered, STORAGE.to_owned())];
    while let Some((folder, name)) = folders.pop() {
        let Ok(entries) = folder.read_dir() else {
            continue;
        };
        for file in entries {
            let file = file.map_err(failed)?;
            let name = format!("{name}/{}", file.file_name().to_string_lossy());
            if file.file_type().map_err(failed)?.is_dir() {
                folders.push((file.path(), name));
                continue;
            }
            entry(&mut zip, &name, CompressionMethod::Deflated).map_err(failed)?;
            let mut content = BufReader::new(File::open(file.path()).map_err(failed)?);
            std::io::copy(&mut content, &mut zip).map_err(failed)?;
        }
    }
    let mut written = zip
        .finish()
        .map_err(|error| failed(std::io::Error::from(error)))?;
    std::io::Write::flush(&mut written).map_err(failed)?;
    written.get_ref().sync_all().map_err(failed)?;
    Ok(path)
}
