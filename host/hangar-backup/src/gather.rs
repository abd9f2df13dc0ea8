//! A tree of second names for files, which stay when the first names go.

use std::io::{ErrorKind, Result};
use std::path::Path;

/// How deep folders may lie in each other.
const DEPTH: usize = 32;

/// Adds what is in `from` and not yet in `to`: by hard link, or as a copy where the file system has none. A folder that
/// is not there is empty; a file that goes away meanwhile is not an error.
pub fn gather(from: &Path, to: &Path) -> Result<()> {
    folder(from, to, 0)
}

fn folder(from: &Path, to: &Path, depth: usize) -> Result<()> {
    let entries = match from.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    std::fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if kind.is_dir() && depth < DEPTH {
            folder(&source, &target, depth + 1)?;
        } else if kind.is_file() {
            let linked = match std::fs::hard_link(&source, &target) {
                Err(error)
                    if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) =>
                {
                    std::fs::copy(&source, &target).map(drop)
                }
                other => other,
            };
            match linked {
                Err(error)
                    if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) =>
                {
                    return Err(error);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_when_their_first_name_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        gather(&from, &to).expect("nothing is there yet");
        std::fs::create_dir_all(from.join("a")).expect("a folder");
        std::fs::write(from.join("a/one"), "1").expect("a file");
        gather(&from, &to).expect("gathered");
        std::fs::remove_file(from.join("a/one")).expect("removed");
        std::fs::write(from.join("two"), "2").expect("a file");
        gather(&from, &to).expect("gathered again");
        assert_eq!(std::fs::read(to.join("a/one")).expect("there"), b"1");
        assert_eq!(std::fs::read(to.join("two")).expect("there"), b"2");
    }
}
