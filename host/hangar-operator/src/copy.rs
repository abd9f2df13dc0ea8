use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use hangar_core::{Error, Result};
use serde::Serialize;

/// Skipped paths that are remembered.
const SKIPPED: usize = 100;
/// How deep folders may lie in each other.
const DEPTH: usize = 32;

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |error| Error::internal(format!("{path} could not be copied: {error}"))
}

/// What a copy did.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    files: u64,
    bytes: u64,
    skipped: Vec<String>,
}

/// Files that were copied; removed again unless they are to stay.
#[derive(Debug, Default)]
pub struct Copied {
    summary: Summary,
    /// What was made, files after the folders they are in.
    made: Vec<PathBuf>,
    keep: bool,
}

impl Copied {
    /// Copies a tree. Blocks. On an error nothing of it stays.
    pub fn tree(from: &Path, to: &Path) -> Result<Self> {
        let mut copied = Self::default();
        copied.folder(from, to, 0)?;
        Ok(copied)
    }

    /// As JSON.
    pub fn summary(&self) -> String {
        serde_json::to_string(&self.summary).unwrap_or_default()
    }

    /// Lets the files stay.
    pub fn keep(mut self) {
        self.keep = true;
    }

    fn folder(&mut self, from: &Path, to: &Path, depth: usize) -> Result<()> {
        if depth > DEPTH {
            self.skip(from);
            return Ok(());
        }
        self.make(to)?;
        for entry in from.read_dir().map_err(failed(from))? {
            let entry = entry.map_err(failed(from))?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type().map_err(failed(&source))?;
            if kind.is_dir() {
                self.folder(&source, &target, depth + 1)?;
            } else if kind.is_file() {
                let mut content = File::open(&source).map_err(failed(&source))?;
                let length = content.metadata().map_err(failed(&source))?.len();
                self.file(&mut content, length, &target)?;
            } else {
                self.skip(&source);
            }
        }
        Ok(())
    }

    /// Copies one file, with the folders it is to lie in.
    pub fn file(&mut self, content: &mut impl Read, length: u64, target: &Path) -> Result<()> {
        let there = target.symlink_metadata().ok();
        self.summary.files += 1;
        self.summary.bytes += length;
        if there.as_ref().is_some_and(|there| there.len() == length) {
            return Ok(());
        }
        if let Some(folder) = target.parent() {
            self.make(folder)?;
        }
        // Renamed at the end: nobody sees half a file.
        let mut part = target.to_owned().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let written = File::create(&part).and_then(|mut file| std::io::copy(content, &mut file));
        let done = written
            .and_then(|_| std::fs::rename(&part, target))
            .inspect_err(|_| {
                let _ = std::fs::remove_file(&part);
            });
        done.map_err(failed(target))?;
        if there.is_none() {
            self.made.push(target.to_owned());
        }
        Ok(())
    }

    /// Makes a folder, with those it lies in.
    fn make(&mut self, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(outer) = folder.parent() {
            self.make(outer)?;
        }
        std::fs::create_dir(folder).map_err(failed(folder))?;
        self.made.push(folder.to_owned());
        Ok(())
    }

    fn skip(&mut self, path: &Path) {
        if self.summary.skipped.len() < SKIPPED {
            self.summary.skipped.push(path.display().to_string());
        }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        for path in self.made.iter().rev() {
            let gone = if path.is_dir() {
                // Only while it is empty: others may have put something there.
                std::fs::remove_dir(path)
            } else {
                std::fs::remove_file(path)
            };
            if let Err(error) = gone {
                tracing::debug!(path = %path.display(), %error, "a copied file was not removed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_copied_and_removed_unless_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::create_dir_all(from.join("a/b")).expect("folders");
        std::fs::write(from.join("a/b/c.txt"), "hello").expect("a file");
        std::fs::write(from.join("d"), "").expect("a file");
        std::os::unix::fs::symlink("/etc/passwd", from.join("link")).expect("a link");
        let copied = Copied::tree(&from, &to).expect("copied");
        assert!(
            copied
                .summary()
                .starts_with(r#"{"files":2,"bytes":5,"skipped":["#)
        );
        assert_eq!(
            std::fs::read(to.join("a/b/c.txt")).expect("there"),
            b"hello"
        );
        assert!(!to.join("link").exists());
        drop(copied);
        assert!(!to.exists());
        std::fs::create_dir_all(&to).expect("a folder");
        std::fs::write(to.join("d"), "other").expect("a file");
        Copied::tree(&from, &to).expect("copied").keep();
        assert_eq!(std::fs::read(to.join("d")).expect("there"), b"");
        drop(Copied::tree(&from, &to).expect("copied"));
        assert!(to.join("a/b/c.txt").exists(), "what was there before stays");
    }
}
