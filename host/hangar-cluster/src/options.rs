use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How to make and run a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hangar's data directory; the cluster lives in `postgres` below it. Made when absent.
    pub dir: PathBuf,
    /// The folder of the server's programs, when the operator named one (`postgres.bin`, `HANGAR_POSTGRES_BIN`).
    pub postgres_bin: Option<PathBuf>,
    /// Further PostgreSQL settings, such as `("shared_buffers", "1GB")`; they win over Hangar's own, except those that
    /// keep the server private and findable, which are refused.
    pub settings: Vec<(String, String)>,
    /// Roles without login that the login role may take and grant. Made with the database, since the login role may not
    /// make roles: before PostgreSQL 16 that right was as good as an administrator's.
    pub roles: Vec<String>,
    /// As root only: where a cluster goes when the server's user cannot enter `dir`. A folder per data directory is
    /// made in it.
    pub fallback_root: PathBuf,
    /// How long a server may take without saying anything before it counts as failed.
    pub start_timeout: Duration,
    /// How long a server that says it is recovering may take.
    pub recovery_timeout: Duration,
}

impl Options {
    /// The defaults for a data directory: 30 s to start, 10 minutes to recover after a crash.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            postgres_bin: None,
            settings: Vec::new(),
            roles: Vec::new(),
            fallback_root: PathBuf::from("/var/lib/hangar"),
            start_timeout: Duration::from_secs(30),
            recovery_timeout: Duration::from_secs(600),
        }
    }
}

/// How to connect to the cluster: a socket in a private folder, no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// The folder of the Unix socket: what `host` is in a connection string.
    pub socket_dir: PathBuf,
    /// The port, which is a part of the socket's name.
    pub port: u16,
    /// The role: owner of the database, and not the administrator, except in clusters of early versions.
    pub user: String,
    /// The database.
    pub database: String,
}

impl ConnectionConfig {
    pub(crate) fn new(socket_dir: &Path, port: u16) -> Self {
        let name = || "hangar".to_owned();
        Self {
            socket_dir: socket_dir.to_owned(),
            port,
            user: name(),
            database: name(),
        }
    }

    /// The same server's maintenance database, as another role.
    pub(crate) fn maintenance(&self, role: &str) -> Self {
        Self {
            database: "postgres".to_owned(),
            user: role.to_owned(),
            ..self.clone()
        }
    }
}

/// `host='…' port=… user='…' dbname='…'`, understood by tokio-postgres, sqlx and libpq.
impl fmt::Display for ConnectionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = |text: &str| text.replace('\\', r"\\").replace('\'', r"\'");
        let host = quote(&self.socket_dir.to_string_lossy());
        let (user, database) = (quote(&self.user), quote(&self.database));
        write!(
            f,
            "host='{host}' port={} user='{user}' dbname='{database}'",
            self.port
        )
    }
}
