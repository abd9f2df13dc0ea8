//! From whatever is found to a server that takes queries.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::options::{ConnectionConfig, Options};
use crate::pidfile::{self, Found, Running};
use crate::place::{PORT, Place};
use crate::probe::{self, Answer};
use crate::programs::Programs;
use crate::server::{Server, StopUnlessKept};
use crate::{files, initdb, settings};

/// How often a server that starts is asked, at first and at most.
const FIRST_QUESTION: Duration = Duration::from_millis(10);
const LONGEST_QUESTION: Duration = Duration::from_millis(250);

/// How long a server has to stop that must not stay as it is.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a start is tried while processes of a killed server still use its shared memory.
const MEMORY_TRIES: usize = 40;
const MEMORY_PAUSE: Duration = Duration::from_millis(250);

/// How often the pid file is looked at afresh, after the server it names went away.
const LOOKS: usize = 5;

/// All that is needed to run the server, again if need be.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) place: Place,
    pub(crate) programs: Programs,
    pub(crate) dir: PathBuf,
    options: Options,
}

impl Run {
    pub(crate) fn new(place: Place, programs: Programs, options: Options, dir: PathBuf) -> Self {
        Self {
            place,
            programs,
            dir,
            options,
        }
    }

    /// A server that takes queries, how to connect to it, and whether it was started here. To be called under the
    /// start lock; `alone` says that no other process uses the cluster.
    pub(crate) async fn ensure(&self, alone: bool) -> Result<(Server, ConnectionConfig, bool)> {
        let text = settings::render(&self.place, &self.options.settings)?;
        for _ in 0..LOOKS {
            match pidfile::inspect(&self.place)? {
                Found::Running(running) => {
                    if let Some(found) = self.take_over(&running, alone, &text).await? {
                        return Ok(found);
                    }
                    continue;
                }
                Found::Nothing => {}
                Found::Stale => self.refuse_unseen_server().await?,
                Found::Useless => {
                    self.refuse_unseen_server().await?;
                    pidfile::disarm(&self.place)?;
                }
            }
            let (server, config) = self.start(&text).await?;
            return Ok((server, config, true));
        }
        Err(self.failed(
            "another program keeps starting and stopping it",
            String::new(),
        ))
    }

    /// Uses a server that runs already. `None` if it went away, or was stopped so that it can be started anew.
    async fn take_over(
        &self,
        running: &Running,
        alone: bool,
        text: &str,
    ) -> Result<Option<(Server, ConnectionConfig, bool)>> {
        let server = Server::follow(running.pid, &self.place);
        let config = ConnectionConfig::new(&running.socket_dir, running.port);
        let current = self.has_settings(text)?;
        let reason = match self.wait_ready(&server, &config).await {
            Ok(()) if current || !alone => return Ok(Some((server, config, false))),
            Ok(()) => "its settings have changed".to_owned(),
            Err(_) if server.how_ended().is_some() => return Ok(None),
            Err(error) if alone => error.to_string(),
            Err(error) => return Err(error),
        };
        tracing::info!(
            pid = running.pid,
            reason,
            "restarting the PostgreSQL server that was found running"
        );
        server.stop(&self.place, STOP_TIMEOUT).await?;
        Ok(None)
    }

    /// A server may run on the same files where its process cannot be seen, in another container for instance; a
    /// second one would destroy the data.
    async fn refuse_unseen_server(&self) -> Result<()> {
        let socket_dir = self.place.socket_dir();
        match probe::ask(&ConnectionConfig::new(&socket_dir, PORT)).await {
            Answer::Silent(_) => Ok(()),
            _ => Err(Error::Place(format!(
                "a PostgreSQL server answers in {}, but its process cannot be seen from here (does it run in another \
                 container?); stop it, or use it with --database-url",
                socket_dir.display()
            ))),
        }
    }

    async fn start(&self, text: &str) -> Result<(Server, ConnectionConfig)> {
        self.place.prepare(&self.programs).await?;
        initdb::ensure(&self.place, &self.programs).await?;
        // Written only when it differs: a full disk must not keep a server from starting that could free space.
        if !self.has_settings(text)? {
            files::replace(&self.conf(), text, self.place.account())?;
        }
        let socket_dir = self.place.socket_dir();
        let config = ConnectionConfig::new(&socket_dir, PORT);
        let mut attempt = 0;
        loop {
            attempt += 1;
            clear_socket(&socket_dir)?;
            let server = Server::spawn(&self.place, &self.programs)?;
            let guard = StopUnlessKept::new(&server);
            match self.wait_ready(&server, &config).await {
                Ok(()) => {
                    guard.keep();
                    return Ok((server, config));
                }
                // Processes of a server that was killed go by themselves once they notice.
                Err(Error::Start { log, .. })
                    if attempt < MEMORY_TRIES && log.contains("shared memory block") =>
                {
                    tokio::time::sleep(MEMORY_PAUSE).await;
                }
                Err(error) => {
                    server.stop(&self.place, STOP_TIMEOUT).await?;
                    guard.keep();
                    return Err(error);
                }
            }
        }
    }

    /// Waits until the server takes queries, and makes the database if it is not there.
    async fn wait_ready(&self, server: &Server, config: &ConnectionConfig) -> Result<()> {
        let (began, mut last_word) = (Instant::now(), Instant::now());
        let mut pause = FIRST_QUESTION;
        let mut noted = false;
        loop {
            if let Some(how) = server.how_ended() {
                return Err(self.failed(&format!("it ended ({how})"), server.log_tail(&self.place)));
            }
            let (word, refused) = match probe::ask(config).await {
                Answer::Ready {
                    data,
                    has_database,
                    administrator,
                } => {
                    self.check_data(&data, config)?;
                    if !has_database {
                        probe::create_database(config, &administrator, &self.options.roles).await?;
                    }
                    return Ok(());
                }
                Answer::Busy(word) => {
                    last_word = Instant::now();
                    (word, false)
                }
                Answer::Silent(word) => (word, false),
                Answer::Refused(word) => (word, true),
            };
            let silent = last_word.elapsed() > self.options.start_timeout;
            if refused || silent || began.elapsed() > self.options.recovery_timeout {
                let reason = format!(
                    "it is not ready after {} s: {word}",
                    began.elapsed().as_secs()
                );
                return Err(self.failed(&reason, server.log_tail(&self.place)));
            }
            if !noted && began.elapsed() > Duration::from_secs(5) {
                noted = true;
                tracing::info!(
                    answer = word,
                    "waiting for PostgreSQL, which may be recovering"
                );
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_QUESTION);
        }
    }

    fn check_data(&self, data: &Path, config: &ConnectionConfig) -> Result<()> {
        let ours = self.place.data();
        if data == ours || std::fs::canonicalize(data).is_ok_and(|data| data == ours) {
            return Ok(());
        }
        Err(Error::Database {
            socket_dir: config.socket_dir.clone(),
            message: format!("it serves {}, not {}", data.display(), ours.display()),
        })
    }

    /// Whether `hangar.conf` holds exactly this text.
    fn has_settings(&self, text: &str) -> Result<bool> {
        Ok(files::read_tail(&self.conf(), 65536)?.is_some_and(|old| old == text))
    }

    fn conf(&self) -> PathBuf {
        self.place.data().join(settings::FILE)
    }

    fn failed(&self, reason: &str, log: String) -> Error {
        Error::Start {
            path: self.place.data(),
            reason: reason.to_owned(),
            log,
        }
    }
}

/// Removes what a killed server left in the socket's folder. Its lock file names a process id that may be another
/// program's by now, and then PostgreSQL would refuse to start. Called only when no server of this cluster runs.
fn clear_socket(folder: &Path) -> Result<()> {
    files::remove(&folder.join(format!(".s.PGSQL.{PORT}")))?;
    files::remove(&folder.join(format!(".s.PGSQL.{PORT}.lock")))
}
