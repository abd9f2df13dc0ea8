//! The server's log files: reading their end and keeping them few.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::files;

/// What the server says before its own log begins; made anew at each start.
pub(crate) const STARTUP: &str = "startup.log";

/// How many log files stay; each is closed at 10 MB or after a day.
const KEPT_FILES: usize = 5;

/// How much of a log an error carries.
const TAIL_LINES: usize = 15;

/// How much of a log file is read to find its last lines, in bytes.
const TAIL_BYTES: u64 = 32 * 1024;

/// The last lines that the server wrote since a moment.
pub(crate) fn tail(folder: &Path, since: SystemTime) -> String {
    let mut text = read(&folder.join(STARTUP));
    let is_new = |path: &Path| {
        fs::metadata(path)
            .and_then(|m| m.modified())
            .is_ok_and(|time| time >= since)
    };
    if let Some(newest) = log_files(folder).last().filter(|path| is_new(path)) {
        text.push_str(&read(newest));
    }
    last_lines(&text)
}

/// The last lines of a text, without the notes that the log continues in another file.
pub(crate) fn last_lines(text: &str) -> String {
    let noise = ["redirecting log output", "Future log output will appear"];
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !noise.iter().any(|n| line.contains(n)))
        .collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Removes the oldest log files. PostgreSQL rotates its log but never removes any.
pub(crate) fn prune(folder: &Path) {
    let files = log_files(folder);
    for old in &files[..files.len().saturating_sub(KEPT_FILES)] {
        if let Err(error) = files::remove(old) {
            tracing::warn!(%error, "an old PostgreSQL log stays");
        }
    }
}

/// The log files, oldest first.
fn log_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_log = |name: &str| name.starts_with("server-") && name.ends_with(".log");
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_log))
        .map(|e| e.path())
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> String {
    files::read_tail(path, TAIL_BYTES)
        .ok()
        .flatten()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_files_stay() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        for day in 1..=9 {
            fs::write(
                temp.path()
                    .join(format!("server-2026-01-0{day}_000000.log")),
                "x",
            )
            .expect("written");
        }
        fs::write(temp.path().join(STARTUP), "x").expect("written");
        prune(temp.path());
        let left = log_files(temp.path());
        assert_eq!(left.len(), KEPT_FILES);
        assert!(left[0].ends_with("server-2026-01-05_000000.log"));
        assert!(temp.path().join(STARTUP).exists());
    }
}
