//! A backup put back.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use hangar_core::{Error, Result};
use serde_json::json;
use zip::ZipArchive;

use crate::archive::{ABOUT, About, DUMP, STORAGE};
use crate::database::Database;

/// Most bytes of what an archive says of itself.
const MAX_ABOUT: u64 = 64 << 10;

/// Replaces database and files by those of an archive; answers what was restored, as JSON. Everything is unpacked first;
/// then the database changes in one transaction, then the files by renaming. Blocks.
///
/// # Errors
/// What is wrong with the archive, and what the programs and the disk say.
pub fn restore(database: &Database, dir: &Path, archive: &Path, work: &Path) -> Result<String> {
    let shown = archive.display();
    let opened = File::open(archive)
        .map_err(|error| Error::new("not_found", 404, format!("{shown}: {error}")))?;
    let mut zip = ZipArchive::new(BufReader::new(opened))
        .map_err(|error| Error::bad_input(format!("{shown} is no ZIP, or is damaged: {error}")))?;
    let mut text = String::new();
    zip.by_name(ABOUT)
        .map_err(|_| {
            Error::bad_input(format!(
                "{shown} is no backup of Hangar ({ABOUT} is not in it)"
            ))
        })?
        .take(MAX_ABOUT)
        .read_to_string(&mut text)
        .map_err(|error| Error::bad_input(format!("{shown} is damaged: {error}")))?;
    let about = About::read(&text)?;
    let files = unpack(&mut zip, work)?;
    database.load(&work.join(DUMP))?;
    swap(dir, work)?;
    Ok(json!({"files": files, "created": about.created}).to_string())
}

/// Unpacks the dump and the files; answers the number of the latter.
fn unpack(zip: &mut ZipArchive<BufReader<File>>, work: &Path) -> Result<u64> {
    let failed = |error: std::io::Error| {
        Error::bad_input(format!(
            "the backup cannot be unpacked, it may be damaged: {error}"
        ))
    };
    let mut files = 0;
    std::fs::create_dir_all(work.join(STORAGE)).map_err(failed)?;
    for at in 0..zip.len() {
        let mut entry = zip
            .by_index(at)
            .map_err(|error| failed(std::io::Error::from(error)))?;
        // Names that lead out of the folder have no enclosed one.
        let Some(name) = entry.enclosed_name() else {
            return Err(Error::bad_input(format!(
                "the backup has an entry {:?}, which leads out of it",
                entry.name().unwrap_or_default()
            )));
        };
        let wanted = name == Path::new(DUMP) || name.starts_with(STORAGE);
        if !wanted || entry.is_dir() {
            continue;
        }
        let target = work.join(&name);
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = File::create(&target).map_err(failed)?;
        std::io::copy(&mut entry, &mut file).map_err(failed)?;
        files += u64::from(name != Path::new(DUMP));
    }
    if work.join(DUMP).is_file() {
        Ok(files)
    } else {
        Err(Error::bad_input(format!("the backup has no {DUMP} in it")))
    }
}

fn swap(dir: &Path, work: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::internal(format!(
            "the database was restored, but the files were not: {error}. Unpack the folder {STORAGE} of the backup into the data directory"
        ))
    };
    let current = dir.join(STORAGE);
    if current.exists() {
        std::fs::rename(&current, work.join("before")).map_err(failed)?;
    }
    std::fs::rename(work.join(STORAGE), &current).map_err(failed)
}
