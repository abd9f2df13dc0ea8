use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Site;

/// PostgreSQL's programs, where Debian has them.
pub fn program(name: &str) -> PathBuf {
    let mut found: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    found.sort_by_key(|entry| entry.file_name());
    let newest = found
        .last()
        .map(|entry| entry.path().join("bin").join(name));
    newest
        .filter(|path| path.exists())
        .unwrap_or_else(|| name.into())
}

/// SQL as the superuser of a site's managed database server, whose socket asks for no password.
#[track_caller]
pub fn sql(site: &Site, database: &str, text: &str) {
    let output = Command::new(program("psql"))
        .args([
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-p",
            "5432",
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            text,
        ])
        .arg("-h")
        .arg(site.data().join("postgres/run"))
        .output();
    let output = output.expect("psql runs");
    assert!(
        output.status.success(),
        "{text}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
