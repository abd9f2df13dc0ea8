use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// A `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the cluster could not be found, made, started or stopped. The text is for the operator's console: it says what
/// happened and what to do, and carries the last lines of the server's log where there are any.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable PostgreSQL on this machine. The text lists what to install.
    #[error("{0}")]
    Programs(String),

    /// An operation of the file system or on a process failed.
    #[error("cannot {action} {path}: {source}{}", io_hint(source))]
    Io {
        /// What was tried, such as "create".
        action: &'static str,
        /// On which file, folder or program.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },

    /// The data directory cannot hold a cluster: a bad path, another owner, a lost or foreign cluster.
    #[error("{0}")]
    Place(String),

    /// An extra setting that is malformed or that Hangar keeps for itself.
    #[error("{0}")]
    Setting(String),

    /// `initdb` failed.
    #[error(
        "initdb could not make the cluster in {path} ({status}){}",
        quoted(output)
    )]
    Initdb {
        /// The folder that was to hold the cluster.
        path: PathBuf,
        /// How the program ended.
        status: ExitStatus,
        /// Its last lines.
        output: String,
    },

    /// The server did not become ready.
    #[error("PostgreSQL did not start on {path}: {reason}{}", quoted(log))]
    Start {
        /// The cluster's data folder.
        path: PathBuf,
        /// What was observed.
        reason: String,
        /// The last lines of the server's log.
        log: String,
    },

    /// The server did not end within the time allowed.
    #[error(
        "PostgreSQL (process {pid}) on {path} did not stop within {seconds} s; look at what it waits for, or end it by hand"
    )]
    Stop {
        /// The server's process id.
        pid: i32,
        /// The cluster's data folder.
        path: PathBuf,
        /// How long was waited, in seconds.
        seconds: u64,
    },

    /// Another process held the start lock for too long.
    #[error(
        "another Hangar process has been starting or stopping PostgreSQL on {path} for {seconds} s; wait for it or end it"
    )]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long was waited, in seconds.
        seconds: u64,
    },

    /// The server answers but not as expected.
    #[error("PostgreSQL on {socket_dir} answered: {message}")]
    Database {
        /// The socket's folder.
        socket_dir: PathBuf,
        /// The server's message.
        message: String,
    },

    /// The server kept ending and is no longer restarted.
    #[error(
        "PostgreSQL on {path} ended {times} times within {seconds} s and is not restarted any more{}",
        quoted(log)
    )]
    GaveUp {
        /// The cluster's data folder.
        path: PathBuf,
        /// How many times it ended.
        times: usize,
        /// Within how many seconds.
        seconds: u64,
        /// The last lines of the server's log.
        log: String,
    },
}

impl Error {
    /// For `map_err`: an I/O error with its action and path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io {
            action,
            path,
            source,
        }
    }
}

/// What to do about the errors that operators can mend.
fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space on that disk"
        }
        io::ErrorKind::ReadOnlyFilesystem => "; choose a writable folder with --dir",
        io::ErrorKind::PermissionDenied => {
            "; run Hangar as the user who owns the data directory, or choose another one with --dir"
        }
        _ => "",
    }
}

/// The lines of a log below a message, indented; nothing for an empty log.
fn quoted(log: &str) -> String {
    if log.trim().is_empty() {
        return String::new();
    }
    let mut text = String::from("; its last lines:");
    for line in log.lines() {
        text.push_str("\n  | ");
        text.push_str(line);
    }
    text
}
