use std::path::{Component, Path, PathBuf};

use hangar_core::{Error, Result};
use serde::Serialize;

/// Entries of one folder that are listed at most.
const ENTRIES: usize = 100_000;

/// A folder that is only read.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

#[derive(Serialize)]
struct Entry {
    name: String,
    kind: &'static str,
    size: u64,
}

impl Folder {
    /// The folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The place of something in it; links do not lead out of it.
    pub(crate) fn resolve(&self, path: &str) -> Result<PathBuf> {
        let plain = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || path.contains('\0') {
            return Err(Error::bad_input(format!(
                "{path:?} is not a path inside the folder"
            )));
        }
        let missing = |error: std::io::Error| {
            let shown = self.0.join(path);
            Error::new("not_found", 404, format!("{}: {error}", shown.display()))
        };
        let root = self.0.canonicalize().map_err(missing)?;
        let found = root.join(path).canonicalize().map_err(missing)?;
        if found.starts_with(&root) {
            Ok(found)
        } else {
            Err(Error::bad_input(format!(
                "{path:?} leads out of the folder"
            )))
        }
    }

    /// What is in one of its folders, as JSON.
    pub fn entries(&self, path: &str) -> Result<String> {
        let folder = self.resolve(path)?;
        let failed =
            |error: std::io::Error| Error::internal(format!("{}: {error}", folder.display()));
        let mut entries = Vec::new();
        for entry in folder.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let size = entry.metadata().map(|metadata| metadata.len());
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                kind: match () {
                    () if kind.is_dir() => "folder",
                    () if kind.is_file() => "file",
                    () => "other",
                },
                size: size.unwrap_or(0),
            });
            if entries.len() > ENTRIES {
                return Err(Error::new(
                    "limit",
                    413,
                    format!("{} has more than {ENTRIES} entries", folder.display()),
                ));
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        serde_json::to_string(&entries).map_err(|error| Error::internal(error.to_string()))
    }

    /// A small file.
    pub fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>> {
        let file = self.resolve(path)?;
        let failed =
            |error: std::io::Error| Error::internal(format!("{path} cannot be read: {error}"));
        let length = file.metadata().map_err(failed)?.len();
        if length > limit as u64 {
            return Err(Error::new(
                "limit",
                413,
                format!(
                    "{path} has {length} bytes (at most {limit}; setting limits.response-bytes)"
                ),
            ));
        }
        std::fs::read(&file).map_err(failed)
    }
}
