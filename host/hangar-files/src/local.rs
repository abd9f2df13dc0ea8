//! Blobs as files of a folder. Beside each lies a file with its attributes, in the format of Go's `fileblob`, so that
//! folders of other programs can be taken over as they are.

use std::io::{Error as IoError, ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hangar_core::{Error, Result};
use hangar_uploads::Upload;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::place::ATTRIBUTES;
use crate::store::{Attributes, Entry, MAX_LISTED};

/// A folder of blobs. Keys have been checked.
#[derive(Clone)]
pub struct Local(PathBuf);

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Sidecar {
    #[serde(rename = "user.cache_control")]
    cache_control: String,
    #[serde(rename = "user.content_disposition")]
    content_disposition: String,
    #[serde(rename = "user.content_encoding")]
    content_encoding: String,
    #[serde(rename = "user.content_language")]
    content_language: String,
    #[serde(rename = "user.content_type")]
    content_type: String,
    #[serde(rename = "user.metadata")]
    metadata: serde_json::Value,
    md5: String,
}

impl Local {
    /// The folder at a path. It need not exist yet.
    pub fn new(root: PathBuf) -> Self {
        Self(root)
    }

    /// Where a blob lies.
    pub fn path(&self, key: &str) -> PathBuf {
        self.0.join(key)
    }

    /// Stores an upload: a second name for its file where that is possible, else a copy.
    pub fn put(&self, key: &str, upload: &Upload) -> Result<()> {
        let metadata = json!({"original-filename": upload.name});
        let place = |path: &Path| {
            let _ = std::fs::remove_file(path);
            std::fs::hard_link(upload.path(), path)
                .or_else(|_| std::fs::copy(upload.path(), path).map(drop))
        };
        self.store(key, &upload.kind, metadata, upload.md5(), place)
    }

    /// Keeps a file that is nobody else's, unless the key is taken.
    pub fn keep(&self, key: &str, content_type: &str, file: &Path) -> Result<()> {
        let taken = || Error::new("exists", 409, format!("there is a blob {key:?} already"));
        let path = self.path(key);
        if path.exists() {
            return Err(taken());
        }
        // Unlike renaming, a link never replaces what another process has made meanwhile.
        let place = |path: &Path| match std::fs::hard_link(file, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => std::fs::rename(file, path),
            other => other,
        };
        let stored = self.store(key, content_type, json!({}), &[], |path| {
            place(path).or_else(|error| match error.kind() {
                ErrorKind::CrossesDevices => std::fs::copy(file, path).map(drop),
                _ => Err(error),
            })
        });
        stored.map_err(|error| match path.exists() {
            true => taken(),
            false => error,
        })
    }

    /// Stores bytes.
    pub fn write(&self, key: &str, content_type: &str, content: &[u8]) -> Result<()> {
        let digest = Md5::digest(content);
        self.store(key, content_type, json!({}), &digest, |path| {
            place_bytes(path, content)
        })
    }

    fn store(
        &self,
        key: &str,
        content_type: &str,
        metadata: serde_json::Value,
        md5: &[u8],
        place: impl Fn(&Path) -> IoResult<()>,
    ) -> Result<()> {
        let path = self.path(key);
        let sidecar = Sidecar {
            content_type: content_type.to_owned(),
            metadata,
            md5: STANDARD.encode(md5),
            ..Sidecar::default()
        };
        let text = serde_json::to_vec(&sidecar)
            .map_err(|error| Error::internal(format!("attributes of a blob: {error}")))?;
        let all = || -> IoResult<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            // The blob comes last: it is never seen without its attributes.
            place_bytes(&beside(&path), &text)?;
            place(&path)
        };
        match all() {
            // Somebody has removed the empty folder in between.
            Err(error) if error.kind() == ErrorKind::NotFound => all(),
            other => other,
        }
        .map_err(|error| failed("stored", key, &error))
    }

    /// What is known about a blob.
    pub fn attributes(&self, key: &str) -> Result<Attributes> {
        let path = self.path(key);
        let metadata = std::fs::metadata(&path).map_err(|error| failed("read", key, &error))?;
        if !metadata.is_file() {
            return Err(missing(key));
        }
        let sidecar = std::fs::read(beside(&path))
            .ok()
            .and_then(|text| serde_json::from_slice::<Sidecar>(&text).ok())
            .unwrap_or_default();
        let content_type = match sidecar.content_type {
            kind if kind.is_empty() => "application/octet-stream".to_owned(),
            kind => kind,
        };
        Ok(Attributes {
            size: metadata.len(),
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            content_type,
        })
    }

    /// Opens a blob.
    pub fn open(&self, key: &str) -> Result<std::fs::File> {
        std::fs::File::open(self.path(key)).map_err(|error| failed("read", key, &error))
    }

    /// Copies a blob with its attributes.
    pub fn copy(&self, source: &str, target: &str) -> Result<()> {
        let (from, to) = (self.path(source), self.path(target));
        let copy = || -> IoResult<()> {
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder)?;
            }
            match std::fs::read(beside(&from)) {
                Ok(text) => place_bytes(&beside(&to), &text)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            // Under a name of its own first: readers see the old blob or the new one.
            let folder = to.parent().ok_or(ErrorKind::InvalidInput)?;
            let mut new = tempfile::NamedTempFile::new_in(folder)?;
            std::io::copy(&mut std::fs::File::open(&from)?, &mut new)?;
            new.persist(&to).map_err(|error| error.error)?;
            Ok(())
        };
        copy().map_err(|error| failed("copied", source, &error))
    }

    /// Deletes a blob, if it is there.
    pub fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key);
        gone(std::fs::remove_file(&path))
            .and_then(|()| gone(std::fs::remove_file(beside(&path))))
            .map_err(|error| failed("deleted", key, &error))
    }

    /// Deletes all blobs under a folder.
    pub fn delete_folder(&self, folder: &str) -> Result<()> {
        let path = self.path(folder.trim_end_matches('/'));
        gone(std::fs::remove_dir_all(path)).map_err(|error| failed("deleted", folder, &error))
    }

    /// The blobs under a folder.
    pub fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut folders = vec![self.path(folder.trim_end_matches('/'))];
        while let Some(path) = folders.pop() {
            let found = match std::fs::read_dir(&path) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed("listed", folder, &error)),
            };
            for entry in found {
                let entry = entry.map_err(|error| failed("listed", folder, &error))?;
                let Ok(metadata) = entry.metadata() else {
                    continue;
                };
                if metadata.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let path = entry.path();
                let key = path.strip_prefix(&self.0).ok().and_then(Path::to_str);
                let Some(key) = key.filter(|key| !key.ends_with(ATTRIBUTES)) else {
                    continue;
                };
                entries.push(Entry {
                    key: key.to_owned(),
                    size: metadata.len(),
                    modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                });
                if entries.len() >= MAX_LISTED {
                    return Ok(entries);
                }
            }
        }
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ATTRIBUTES);
    name.into()
}

/// Writes a file so that it is seen whole or not at all.
fn place_bytes(path: &Path, content: &[u8]) -> IoResult<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, content)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn gone(result: IoResult<()>) -> IoResult<()> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(())
        }
        other => other,
    }
}

pub fn missing(key: &str) -> Error {
    Error::new("not_found", 404, format!("there is no blob {key:?}"))
}

fn failed(what: &str, key: &str, error: &IoError) -> Error {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => missing(key),
        _ => Error::internal(format!("the blob {key:?} could not be {what}: {error}")),
    }
}
