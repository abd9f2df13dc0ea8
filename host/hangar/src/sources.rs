use std::path::Path;

use hangar_core::{Error, Result};
use hangar_plugins::{SourceFile, Sources};

/// Bounds of a folder of sources.
const FILES: usize = 2_000;
const FILE_BYTES: u64 = 2 << 20;
const DEPTH: usize = 16;

/// Reads the files of a folder that hold text; a missing folder has none. Hidden files and `node_modules` are left out.
pub fn read(folder: &Path, dev: bool) -> Result<Sources> {
    let mut files = Vec::new();
    if folder.is_dir() {
        collect(folder, "", 0, &mut files)?;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Sources {
        files,
        dev,
        command: false,
    })
}

fn collect(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<SourceFile>) -> Result<()> {
    let unreadable = |error: std::io::Error| {
        Error::bad_input(format!(
            "the folder {} cannot be read: {error}",
            folder.display()
        ))
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') || name == "node_modules" {
            continue;
        }
        let path = format!("{prefix}{name}");
        // Follows links: hooks are often linked into place.
        let Ok(metadata) = std::fs::metadata(entry.path()) else {
            continue;
        };
        if metadata.is_dir() {
            if depth < DEPTH {
                collect(&entry.path(), &format!("{path}/"), depth + 1, files)?;
            }
        } else if metadata.len() <= FILE_BYTES
            && let Ok(text) = std::fs::read_to_string(entry.path())
        {
            files.push(SourceFile { path, text });
        }
        if files.len() > FILES {
            return Err(Error::bad_input(format!(
                "the folder {} holds more than {FILES} files; keep hooks in a folder of their own",
                folder.display()
            )));
        }
    }
    Ok(())
}
