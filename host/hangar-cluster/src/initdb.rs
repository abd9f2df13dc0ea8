//! Making a cluster.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::error::{Error, Result};
use crate::log;
use crate::place::Place;
use crate::probe::ADMINISTRATOR;
use crate::programs::Programs;
use crate::settings;

/// The first version with locales of its own, the same on every system.
const BUILTIN_LOCALES: u32 = 17;

/// Makes the cluster if there is none. It is made beside its final folder and then renamed, so one that was
/// interrupted is never taken for a whole one.
pub(crate) async fn ensure(place: &Place, programs: &Programs) -> Result<()> {
    let (data, new) = (place.data(), place.root().join("data.new"));
    if place.major()?.is_some() {
        return Ok(());
    }
    if data.exists() {
        return Err(Error::Place(format!(
            "{} exists but is no PostgreSQL cluster (it has no PG_VERSION file); restore it from a backup, or move it \
             away to start with an empty database",
            data.display()
        )));
    }
    let mut last = None;
    for locale in locales(programs.version().major) {
        remove_folder(&new)?;
        let output = run(place, programs, &new, locale).await?;
        if output.status.success() {
            return finish(&new, &data);
        }
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let bad_locale = String::from_utf8_lossy(&output.stderr).contains("locale");
        last = Some(Error::Initdb {
            path: data.clone(),
            status: output.status,
            output: log::last_lines(&text),
        });
        if !bad_locale {
            break;
        }
    }
    remove_folder(&new)?;
    Err(last.expect("at least one locale is tried"))
}

/// Locale options to try in turn: text sorts by code point, and the case of all letters is known where the system
/// has such a locale.
fn locales(major: u32) -> &'static [&'static [&'static str]] {
    match major {
        BUILTIN_LOCALES.. => &[&[
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]],
        _ => &[&["--locale=C.UTF-8"], &["--locale=C"]],
    }
}

async fn run(place: &Place, programs: &Programs, new: &Path, locale: &[&str]) -> Result<Output> {
    let program = programs.initdb();
    let mut command = place.account().command(&program, place.root());
    // No password: the socket lies in a folder that only the server's user (and root) can enter. No TCP at all.
    command
        .args([
            "-U",
            ADMINISTRATOR,
            "-E",
            "UTF8",
            "--auth-local=trust",
            "--auth-host=reject",
        ])
        .args(locale);
    command.arg("-D").arg(new).kill_on_drop(true);
    command.output().await.map_err(Error::io("run", &program))
}

fn finish(new: &Path, data: &Path) -> Result<()> {
    let path = new.join("postgresql.conf");
    let mut text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    text.push_str(&format!("\ninclude_if_exists = '{}'\n", settings::FILE));
    fs::write(&path, text).map_err(Error::io("write", &path))?;
    fs::rename(new, data).map_err(Error::io("rename", new))
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}
