//! Finding PostgreSQL's server programs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::install;

/// The oldest major version of PostgreSQL that Hangar works with.
pub const MINIMUM_MAJOR: u32 = 14;

/// Folders in which systems put the server's programs; one `*` per path component.
const USUAL_FOLDERS: [&str; 14] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/lib64/postgresql-*/bin",
    "/usr/libexec/postgresql*",
    "/usr/local/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/Library/PostgreSQL/*/bin",
    "/opt/local/lib/postgresql*/bin",
    "/usr/local/pgsql/bin",
    "/usr/local/bin",
    "/usr/bin",
];

/// A PostgreSQL version such as 15.8. Development versions (`18beta1`) have minor 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The part that decides which data directories the server can read.
    pub major: u32,
    /// The maintenance release.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Version {
    /// Reads the answer of `postgres --version`.
    fn parse(answer: &str) -> Option<Self> {
        let number = answer
            .split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let leading = |text: &str| {
            text.split(|c: char| !c.is_ascii_digit())
                .next()
                .and_then(|n| n.parse().ok())
        };
        let minor = number
            .split_once('.')
            .and_then(|(_, rest)| leading(rest))
            .unwrap_or(0);
        Some(Self {
            major: leading(number)?,
            minor,
        })
    }
}

/// A folder with the server's programs, all of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
    version: Version,
}

impl Programs {
    /// Finds programs of at least [`MINIMUM_MAJOR`]. `setting` is the folder an operator named (or its `postgres`
    /// program); with it no other folder is tried. Otherwise `PATH`, then the usual folders, newest version first.
    ///
    /// # Errors
    /// [`Error::Programs`] with what to install when there is none.
    pub fn find(setting: Option<&Path>) -> Result<Self> {
        Self::find_major(setting, None)
    }

    /// As [`Programs::find`], but only programs that can run an existing cluster of this major version.
    ///
    /// # Errors
    /// [`Error::Programs`] naming the versions that are there and the one that is needed.
    pub fn find_major(setting: Option<&Path>, major: Option<u32>) -> Result<Self> {
        let folders = match setting {
            Some(path) if path.is_dir() => vec![path.to_owned()],
            Some(path) => vec![path.parent().unwrap_or(path).to_owned()],
            None => search_path()
                .chain(USUAL_FOLDERS.iter().flat_map(|p| expand(p)))
                .collect(),
        };
        choose(&folders, setting, major)
    }

    /// The folder that holds the programs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The version of `postgres`.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The server.
    pub fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// The program that makes a cluster.
    pub fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    /// A client program such as `pg_dump` or `psql`, when it is installed beside the server.
    pub fn client(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.join(name)).filter(|path| path.is_file())
    }
}

/// The first of `folders` with fitting programs.
fn choose(folders: &[PathBuf], setting: Option<&Path>, major: Option<u32>) -> Result<Programs> {
    let mut unfit = Vec::new();
    for folder in folders {
        match look_in(folder) {
            Ok(Some(found)) => {
                let fits = found.version.major >= MINIMUM_MAJOR
                    && major.is_none_or(|m| m == found.version.major);
                if fits {
                    return Ok(found);
                }
                let line = format!("PostgreSQL {} in {}", found.version, found.folder.display());
                if !unfit.contains(&line) {
                    unfit.push(line);
                }
            }
            Ok(None) => {}
            Err(why) => unfit.push(why),
        }
    }
    Err(Error::Programs(explain(&unfit, setting, major)))
}

fn explain(unfit: &[String], setting: Option<&Path>, major: Option<u32>) -> String {
    let found = match unfit {
        [] => String::new(),
        lines => format!("Found, but not usable: {}.\n", lines.join("; ")),
    };
    match (setting, major) {
        (Some(path), _) if unfit.is_empty() => format!(
            "no PostgreSQL server programs in {}, the folder named by --postgres-bin, HANGAR_POSTGRES_BIN or `postgres.bin`: \
             it must hold `postgres` and `initdb`. Correct or remove the setting.\n{}",
            path.display(),
            install::instructions()
        ),
        (_, Some(major)) => format!(
            "the cluster in the data directory was made by PostgreSQL {major}, whose server programs are not here.\n\
             {found}Install PostgreSQL {major} beside the present one, or name its folder with HANGAR_POSTGRES_BIN; to \
             move to another version, dump the database with the old one and restore it into a new data directory, or \
             use pg_upgrade.\n{}",
            install::instructions()
        ),
        _ => format!(
            "no PostgreSQL server (version {MINIMUM_MAJOR} or newer) found on this machine.\n{found}{}",
            install::instructions()
        ),
    }
}

/// The programs in a folder: `None` if it has none, an explanation if they do not work.
fn look_in(folder: &Path) -> Result<Option<Programs>, String> {
    let postgres = folder.join("postgres");
    if !postgres.is_file() || !folder.join("initdb").is_file() {
        return Ok(None);
    }
    let answer = Command::new(&postgres)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{} does not run ({e})", postgres.display()))?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let version = Version::parse(&text)
        .ok_or_else(|| format!("{} --version answers {:?}", postgres.display(), text.trim()))?;
    Ok(Some(Programs {
        folder: real_folder(folder, &postgres),
        version,
    }))
}

/// The folder the programs really lie in, when the one found holds links to them: the client programs beside them are
/// of the same version. Absolute in any case, since the server's working directory is another one.
fn real_folder(folder: &Path, postgres: &Path) -> PathBuf {
    let real = std::fs::canonicalize(postgres).ok();
    let real = real.as_deref().and_then(Path::parent);
    match real.filter(|real| real.join("postgres").is_file() && real.join("initdb").is_file()) {
        Some(real) => real.to_owned(),
        None => std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
    }
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|p| p.is_absolute())
        .collect::<Vec<_>>()
        .into_iter()
}

/// The existing folders that match a pattern with at most one `*`, highest number first.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?;
            let order = number
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|n| n.parse().ok())
                .collect();
            Some((order, PathBuf::from(format!("{parent}/{name}{after}"))))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn fake(root: &Path, folder: &str, version: &str) -> PathBuf {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        for name in ["postgres", "initdb"] {
            let path = folder.join(name);
            std::fs::write(
                &path,
                format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"),
            )
            .expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
                .expect("mode set");
        }
        folder
    }

    #[test]
    fn versions_are_read() {
        let parse = |text| Version::parse(text).map(|v| (v.major, v.minor));
        assert_eq!(
            parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some((15, 18))
        );
        assert_eq!(parse("postgres (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(parse("postgres (PostgreSQL) 9.6.24"), Some((9, 6)));
        assert_eq!(parse("command not found"), None);
    }

    #[test]
    fn patterns_give_the_newest_first() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        for name in ["9.6", "10", "16", "other"] {
            std::fs::create_dir_all(temp.path().join("pg").join(name)).expect("made");
        }
        let found = expand(&format!("{}/pg/*/bin", temp.path().display()));
        let names: Vec<_> = found
            .iter()
            .filter_map(|p| p.parent()?.file_name()?.to_str())
            .collect();
        assert_eq!(names, ["16", "10", "9.6", "other"]);
    }

    #[test]
    fn old_versions_are_passed_over_and_named() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let old = fake(temp.path(), "old", "13.9");
        let new = fake(temp.path(), "new", "16.3");
        let chosen = choose(&[old.clone(), new.clone()], None, None).expect("16 fits");
        assert_eq!(
            (chosen.folder(), chosen.version().major),
            (new.as_path(), 16)
        );
        let error = choose(&[old], None, None)
            .expect_err("13 is too old")
            .to_string();
        assert!(
            error.contains("13.9") && error.contains("version 14 or newer"),
            "{error}"
        );
    }

    #[test]
    fn a_cluster_gets_programs_of_its_own_version() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let folders = [
            fake(temp.path(), "a", "17.1"),
            fake(temp.path(), "b", "15.2"),
        ];
        assert_eq!(
            choose(&folders, None, Some(15))
                .expect("15 is there")
                .folder(),
            folders[1]
        );
        let error = choose(&folders, None, Some(14))
            .expect_err("14 is not there")
            .to_string();
        assert!(
            error.contains("made by PostgreSQL 14") && error.contains("17.1"),
            "{error}"
        );
    }
}
