use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::locks::{StartLock, UsersLock};
use crate::options::{ConnectionConfig, Options};
use crate::place::Place;
use crate::programs::Programs;
use crate::run::Run;
use crate::server::Server;

/// How long another process may take to start or stop the server before we give up waiting for it.
const LOCK_WAIT: Duration = Duration::from_secs(120);

/// A server that ends this often within [`CRASH_WINDOW`] is not restarted any more.
const MOST_CRASHES: usize = 6;
const CRASH_WINDOW: Duration = Duration::from_secs(300);

/// The pause before the first and before the last restart; it doubles in between.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How a [`Cluster`] came to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This process started it.
    Started,
    /// It ran on its own, left behind by a Hangar that was killed.
    Adopted,
    /// It runs for another Hangar process, which uses it now.
    Attached,
}

/// What [`Cluster::stop`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The server stopped cleanly.
    Cleanly,
    /// The server did not stop in time and was stopped at once; it recovers at its next start, nothing is lost.
    AtOnce,
    /// Another Hangar process still uses the server; the last one stops it.
    LeftToOthers,
}

/// A use of the local cluster. Several processes may each have one; the last to leave stops the server.
#[derive(Debug)]
pub struct Cluster {
    run: Run,
    origin: Origin,
    connection: ConnectionConfig,
    server: Mutex<Server>,
    users: UsersLock,
    stopping: watch::Sender<bool>,
}

impl Cluster {
    /// Uses the cluster in `options.dir`: makes it if there is none, starts its server unless one runs, waits until it
    /// takes queries and makes the database. Takes a second or two the first time, a fraction of one afterwards, and
    /// longer after a crash. Dropping the future stops a server that it has started.
    ///
    /// # Errors
    /// No PostgreSQL ([`Error::Programs`]), a data directory that cannot hold a cluster ([`Error::Place`],
    /// [`Error::Io`]), a refused setting, a server that does not start ([`Error::Start`], with the end of its log).
    pub async fn attach_or_start(options: Options) -> Result<Self> {
        let dir = Place::data_directory(&options.dir)?;
        let known = Place::find(&dir)?;
        let _start = StartLock::take(&dir, LOCK_WAIT).await?;
        // Looked at again: another process may have made it meanwhile.
        let known = match known {
            Some(place) => Some(place),
            None => Place::find(&dir)?,
        };
        let major = known.as_ref().map(Place::major).transpose()?.flatten();
        let programs = Programs::find_major(options.postgres_bin.as_deref(), major)?;
        let place = match known {
            Some(place) => place,
            None => Place::make(&dir, &options.fallback_root, &programs).await?,
        };
        let (users, alone) = UsersLock::join(&dir)?;
        let run = Run::new(place, programs, options, dir);
        let (server, connection, started) = run.ensure(alone).await?;
        let origin = match (started, alone) {
            (true, _) => Origin::Started,
            (false, true) => Origin::Adopted,
            (false, false) => Origin::Attached,
        };
        let stopping = watch::Sender::new(false);
        Ok(Self {
            run,
            origin,
            connection,
            server: Mutex::new(server),
            users,
            stopping,
        })
    }

    /// How to connect.
    pub fn connection_config(&self) -> &ConnectionConfig {
        &self.connection
    }

    /// The same as a connection string for tokio-postgres, sqlx or libpq.
    pub fn connection_string(&self) -> String {
        self.connection.to_string()
    }

    /// How the server was found at the start.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The programs that run it, with their version.
    pub fn programs(&self) -> &Programs {
        &self.run.programs
    }

    /// The folder with the cluster's data, log and socket.
    pub fn folder(&self) -> &Path {
        self.run.place.root()
    }

    /// The process id of the server.
    pub fn pid(&self) -> i32 {
        self.server().pid()
    }

    /// Runs as long as the cluster is used: restarts the server whenever it ends by itself, with a growing pause.
    /// Resolves with `Ok` after [`Cluster::stop`]. The connection settings stay the same.
    ///
    /// # Errors
    /// [`Error::GaveUp`] when the server ended six times within five minutes.
    pub async fn supervise(&self) -> Result<()> {
        let mut crashes: VecDeque<Instant> = VecDeque::new();
        loop {
            let server = self.server().clone();
            let Some(how) = self.unless_stopping(server.ended()).await else {
                return Ok(());
            };
            crashes.push_back(Instant::now());
            crashes.retain(|at| at.elapsed() < CRASH_WINDOW);
            let log = server.log_tail(&self.run.place);
            if crashes.len() >= MOST_CRASHES {
                let (times, seconds) = (crashes.len(), CRASH_WINDOW.as_secs());
                return Err(Error::GaveUp {
                    path: self.run.place.data(),
                    times,
                    seconds,
                    log,
                });
            }
            let doublings = u32::try_from(crashes.len() - 1).unwrap_or(u32::MAX);
            let pause = FIRST_PAUSE
                .saturating_mul(2_u32.saturating_pow(doublings))
                .min(LONGEST_PAUSE);
            tracing::error!(pid = server.pid(), %how, log, "PostgreSQL ended unexpectedly; restarting it");
            let Some(()) = self.unless_stopping(tokio::time::sleep(pause)).await else {
                return Ok(());
            };
            match self.unless_stopping(self.restart()).await {
                None => return Ok(()),
                Some(Ok(())) => tracing::info!(pid = self.pid(), "PostgreSQL runs again"),
                // Counts as a crash in the next turn, because the server is still the one that ended.
                Some(Err(error)) => tracing::error!(%error, "PostgreSQL could not be restarted"),
            }
        }
    }

    /// Stops using the cluster, and stops the server unless another process still uses it: sessions are cut and
    /// everything is written. A server that takes longer than `timeout` is stopped at once. Close replication
    /// connections first: the server waits for their clients to take all changes. Calling it again does nothing more.
    ///
    /// # Errors
    /// [`Error::Stop`] if the process is still there at the end, [`Error::Busy`] if another Hangar process holds the
    /// start lock.
    pub async fn stop(&self, timeout: Duration) -> Result<Stopped> {
        self.stopping.send_replace(true);
        let _start = StartLock::take(&self.run.dir, LOCK_WAIT).await?;
        if !self.users.leave() {
            return Ok(Stopped::LeftToOthers);
        }
        let server = self.server().clone();
        let cleanly = server.stop(&self.run.place, timeout).await?;
        Ok(if cleanly {
            Stopped::Cleanly
        } else {
            Stopped::AtOnce
        })
    }

    async fn restart(&self) -> Result<()> {
        let _start = StartLock::take(&self.run.dir, LOCK_WAIT).await?;
        let alone = !self.users.shared_with_others()?;
        let (server, connection, _) = self.run.ensure(alone).await?;
        if connection != self.connection {
            return Err(Error::Place(format!(
                "the server came back on another socket ({connection}); restart Hangar to use it"
            )));
        }
        *self.server() = server;
        Ok(())
    }

    /// The future's value, or `None` as soon as the cluster is being stopped.
    async fn unless_stopping<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => None,
            value = future => Some(value),
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without [`Cluster::stop`], as after a panic: asks the server to stop if nobody else uses it, and does not wait.
impl Drop for Cluster {
    fn drop(&mut self) {
        if *self.stopping.borrow() {
            return;
        }
        if let Ok(Some(_start)) = StartLock::try_take(&self.run.dir)
            && self.users.leave()
        {
            let _ = self.server().ask_to_stop();
        }
    }
}
