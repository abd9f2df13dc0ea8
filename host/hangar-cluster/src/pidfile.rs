//! `postmaster.pid`: who runs, or ran, on a cluster.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::error::Result;
use crate::files;
use crate::place::{PORT, Place};

/// What `postmaster.pid` and the process it names tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No file: the server was stopped cleanly or never ran.
    Nothing,
    /// A server of this cluster is alive.
    Running(Running),
    /// The file was left behind: its process is gone. PostgreSQL deals with that itself.
    Stale,
    /// The file was left behind and PostgreSQL would not start on it: its process id now belongs to some other program,
    /// or it is empty, as after a crash on a full disk.
    Useless,
}

/// A live server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) pid: i32,
    pub(crate) socket_dir: PathBuf,
    pub(crate) port: u16,
}

/// Reads a cluster's pid file and looks at the process.
pub(crate) fn inspect(place: &Place) -> Result<Found> {
    let Some(text) = files::read_tail(&file(place), 4096)? else {
        return Ok(Found::Nothing);
    };
    let line = |number: usize| {
        text.lines()
            .nth(number)
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    let Some(pid) = line(0)
        .and_then(|line| line.parse::<i32>().ok())
        .filter(|pid| *pid > 0)
    else {
        return Ok(Found::Useless);
    };
    if is_server(pid, &place.data()) {
        // A server that has only just begun has not written the later lines yet.
        let socket_dir = line(4).map_or_else(|| place.socket_dir(), PathBuf::from);
        let port = line(3).and_then(|line| line.parse().ok()).unwrap_or(PORT);
        return Ok(Found::Running(Running {
            pid,
            socket_dir,
            port,
        }));
    }
    Ok(if exists(pid) {
        Found::Useless
    } else {
        Found::Stale
    })
}

/// Makes a useless pid file acceptable to PostgreSQL. It is not removed, because the server also
/// finds in it the shared memory of its predecessor, and refuses to start while processes of that one still write.
/// PostgreSQL knows that its parent is no server, so ours is the id to put there.
pub(crate) fn disarm(place: &Place) -> Result<()> {
    let path = file(place);
    let Some(text) = files::read_tail(&path, 4096)? else {
        return Ok(());
    };
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    files::replace(
        &path,
        &format!("{}\n{rest}", std::process::id()),
        place.account(),
    )
}

fn file(place: &Place) -> PathBuf {
    place.data().join("postmaster.pid")
}

fn exists(pid: i32) -> bool {
    matches!(kill(Pid::from_raw(pid), None), Ok(()) | Err(Errno::EPERM))
}

/// Whether the process is a live PostgreSQL server of this cluster: the server's working directory is its data
/// directory. A zombie has none and so does not count.
#[cfg(target_os = "linux")]
pub(crate) fn is_server(pid: i32, data: &Path) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let folder = std::fs::read_link(format!("/proc/{pid}/cwd"));
    // "postmaster" is the name of the same program on some systems.
    name.starts_with("post") && folder.is_ok_and(|folder| folder == data)
}

/// Whether the process is a PostgreSQL server that was started with this data directory.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_server(pid: i32, data: &Path) -> bool {
    let asked = std::process::Command::new("ps")
        .args(["-ww", "-o", "stat=,command=", "-p", &pid.to_string()])
        .output();
    let answer = asked
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let answer = answer.trim();
    !answer.starts_with('Z')
        && answer.contains("postgres")
        && answer.contains(&*data.to_string_lossy())
}
