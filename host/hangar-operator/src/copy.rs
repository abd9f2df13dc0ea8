use std::path::{Path, PathBuf};

use hangar_core::{Error, Result};
use serde::Serialize;

/// Skipped paths that are remembered.
const SKIPPED: usize = 100;
/// How deep folders may lie in each other.
const DEPTH: usize = 32;

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
        let failed = |path: &Path| {
            let path = path.display().to_string();
            move |error: std::io::Error| {
                Error::internal(format!("{path} could not be copied: {error}"))
            }
        };
        if depth > DEPTH {
            self.skip(from);
            return Ok(());
        }
        if !to.is_dir() {
            std::fs::create_dir_all(to).map_err(failed(to))?;
            self.made.push(to.to_owned());
        }
        for entry in from.read_dir().map_err(failed(from))? {
            let entry = entry.map_err(failed(from))?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type().map_err(failed(&source))?;
            if kind.is_dir() {
                self.folder(&source, &target, depth + 1)?;
            } else if kind.is_file() {
                let length = entry.metadata().map_err(failed(&source))?.len();
                let there = target.symlink_metadata().ok();
                self.summary.files += 1;
                self.summary.bytes += length;
                if there.as_ref().is_some_and(|there| there.len() == length) {
                    continue;
                }
                // Renamed at the end: nobody sees half a file.
                let mut part = target.clone().into_os_string();
                part.push(".part");
                let part = PathBuf::from(part);
                let done = std::fs::copy(&source, &part)
                    .and_then(|_| std::fs::rename(&part, &target))
                    .inspect_err(|_| {
                        let _ = std::fs::remove_file(&part);
                    });
                done.map_err(failed(&source))?;
                if there.is_none() {
                    self.made.push(target);
                }
            } else {
                self.skip(&source);
            }
        }
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
        assert!(copied.summary().starts_with(r#"{"files":2,"bytes":5,"skipped":["#));
        assert_eq!(std::fs::read(to.join("a/b/c.txt")).expect("there"), b"hello");
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
