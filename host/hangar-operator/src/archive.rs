use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use hangar_core::{Error, Result};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::copy::Copied;

/// A ZIP file at a place that the operator named.
#[derive(Clone)]
pub struct Archive(PathBuf);

/// A ZIP file being written, under a name of its own until it is whole.
pub struct Writer {
    zip: ZipWriter<BufWriter<NamedTempFile>>,
    target: PathBuf,
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |error| Error::bad_input(format!("{path}: {error}"))
}

impl Archive {
    /// The archive at a place.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Begins to write it. Blocks, as all of these do.
    pub fn create(&self) -> Result<Writer> {
        let failed = failed(&self.0);
        if self.0.symlink_metadata().is_ok() {
            return Err(failed(ErrorKind::AlreadyExists.into()));
        }
        let folder = match self.0.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let file = NamedTempFile::new_in(folder).map_err(failed)?;
        Ok(Writer {
            zip: ZipWriter::new(BufWriter::new(file)),
            target: self.0.clone(),
        })
    }

    /// Opens it for reading.
    pub fn read(&self) -> Result<ZipArchive<BufReader<File>>> {
        let failed = failed(&self.0);
        let file = File::open(&self.0).map_err(&failed)?;
        ZipArchive::new(BufReader::new(file)).map_err(|error| {
            Error::bad_input(format!(
                "{} is no ZIP file, or is damaged: {error}",
                self.0.display()
            ))
        })
    }

    /// Names of its entries, as JSON.
    pub fn entries(&self) -> Result<String> {
        let zip = self.read()?;
        let names: Vec<_> = zip
            .file_names()
            .collect::<Result<_, _>>()
            .map_err(|error| failed(&self.0)(error.into()))?;
        serde_json::to_string(&names).map_err(|error| Error::internal(error.to_string()))
    }

    /// Unpacks a folder of it.
    pub fn extract(&self, folder: &str, to: &Path) -> Result<Copied> {
        let mut zip = self.read()?;
        let mut copied = Copied::default();
        for at in 0..zip.len() {
            let mut entry = zip
                .by_index(at)
                .map_err(|error| failed(&self.0)(error.into()))?;
            // A name that leads out of the archive has no enclosed one.
            let Some(name) = entry.enclosed_name() else {
                return Err(Error::bad_input(format!(
                    "{} has an entry {:?}, which leads out of it",
                    self.0.display(),
                    entry.name().unwrap_or_default()
                )));
            };
            if let Ok(inner) = name.strip_prefix(folder)
                && entry.is_file()
            {
                let (length, target) = (entry.size(), to.join(inner));
                copied.file(&mut entry, length, &target)?;
            }
        }
        Ok(copied)
    }
}

impl Writer {
    /// Begins an entry.
    pub fn entry(&mut self, name: &str) -> Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(true);
        self.zip
            .start_file(name, options)
            .map_err(|error| failed(&self.target)(error.into()))
    }

    /// Goes on with it.
    pub fn write(&mut self, chunk: &[u8]) -> Result<()> {
        self.zip.write_all(chunk).map_err(failed(&self.target))
    }

    /// Adds the files of a folder under a name; answers how many there were.
    pub fn add(&mut self, from: &Path, name: &str) -> Result<u32> {
        let mut files = 0;
        let mut folders = vec![(from.to_owned(), name.to_owned())];
        while let Some((folder, name)) = folders.pop() {
            let entries = match folder.read_dir() {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(&folder)(error)),
            };
            for entry in entries {
                let entry = entry.map_err(failed(&folder))?;
                let name = format!("{name}/{}", entry.file_name().to_string_lossy());
                let kind = entry.file_type().map_err(failed(&folder))?;
                if kind.is_dir() {
                    folders.push((entry.path(), name));
                } else if kind.is_file() {
                    let opened = match File::open(entry.path()) {
                        // Deleted meanwhile.
                        Err(error) if error.kind() == ErrorKind::NotFound => continue,
                        other => other.map_err(failed(&folder))?,
                    };
                    self.entry(&name)?;
                    std::io::copy(&mut BufReader::new(opened), &mut self.zip)
                        .map_err(failed(&self.target))?;
                    files += 1;
                }
            }
        }
        Ok(files)
    }

    /// Ends the file and gives it its name.
    pub fn finish(self) -> Result<()> {
        let failed = failed(&self.target);
        let written = self.zip.finish().map_err(|error| failed(error.into()))?;
        let file = written
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(&failed)?;
        file.persist_noclobber(&self.target)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("storage");
        std::fs::create_dir_all(place.join("a")).expect("a folder");
        std::fs::write(place.join("a/b.txt"), "hello").expect("a file");
        let archive = Archive::new(&folder.path().join("x.zip"));
        drop(archive.create().expect("begun"));
        assert!(
            archive.read().is_err(),
            "nothing stays of an unfinished one"
        );
        let mut writer = archive.create().expect("begun");
        writer.entry("notes.txt").expect("an entry");
        writer.write(b"one ").expect("written");
        writer.write(b"two").expect("written");
        assert_eq!(writer.add(&place, "storage").expect("added"), 1);
        writer.finish().expect("finished");
        assert!(archive.create().is_err(), "it is there already");
        assert_eq!(
            archive.entries().expect("names"),
            r#"["notes.txt","storage/a/b.txt"]"#
        );
        let other = folder.path().join("other");
        archive.extract("storage", &other).expect("unpacked").keep();
        assert_eq!(
            std::fs::read(other.join("a/b.txt")).expect("there"),
            b"hello"
        );
        assert!(!other.join("notes.txt").exists());
    }

    #[test]
    fn entries_do_not_lead_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = Archive::new(&folder.path().join("x.zip"));
        let mut writer = archive.create().expect("begun");
        writer.entry("storage/../../evil").expect("an entry");
        writer.finish().expect("finished");
        let refused = archive.extract("storage", &folder.path().join("a/b"));
        assert!(refused.is_err());
        assert!(!folder.path().join("evil").exists());
    }
}
