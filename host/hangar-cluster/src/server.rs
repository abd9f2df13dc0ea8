//! A running server process, ours or found.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::place::Place;
use crate::programs::Programs;
use crate::{files, log, pidfile, settings};

/// How often a server that is not our child is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How often old log files are removed.
const PRUNE: Duration = Duration::from_secs(600);

/// A handle on a server process. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pid: i32,
    since: SystemTime,
    /// How the process ended, once it has.
    ended: watch::Receiver<Option<String>>,
}

impl Server {
    /// Starts the server. It is in a process group of its own, so that a Ctrl-C meant for Hangar leaves it time to
    /// drain; and it is not tied to our life, since ending with us would be by an unclean signal.
    pub(crate) fn spawn(place: &Place, programs: &Programs) -> Result<Self> {
        let since = SystemTime::now() - Duration::from_secs(1);
        let startup_log = files::create(&place.log().join(log::STARTUP), place.account())?;
        let second = startup_log
            .try_clone()
            .map_err(Error::io("open", &place.log()))?;
        let program = programs.postgres();
        let mut command = place.account().command(&program, &place.data());
        command
            .arg("-D")
            .arg(place.data())
            .args(settings::arguments(place));
        command
            .process_group(0)
            .stdout(Stdio::from(startup_log))
            .stderr(Stdio::from(second));
        let child = command.spawn().map_err(Error::io("run", &program))?;
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .unwrap_or_default();
        let (sender, ended) = watch::channel(None);
        tokio::spawn(wait_for_child(child, place.clone(), sender));
        Ok(Self { pid, since, ended })
    }

    /// Follows a server that this process did not start.
    pub(crate) fn follow(pid: i32, place: &Place) -> Self {
        let (sender, ended) = watch::channel(None);
        tokio::spawn(wait_for_stranger(pid, place.clone(), sender));
        Self {
            pid,
            since: SystemTime::now(),
            ended,
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// The last lines it logged.
    pub(crate) fn log_tail(&self, place: &Place) -> String {
        log::tail(&place.log(), self.since)
    }

    /// How it ended, `None` while it runs.
    pub(crate) fn how_ended(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    /// Resolves when it has ended, with how.
    pub(crate) async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or_default(),
            Err(_) => "it is not watched any more".into(),
        }
    }

    /// Asks it to end: sessions are cut, their transactions rolled back, everything is written.
    pub(crate) fn ask_to_stop(&self) -> Result<()> {
        self.signal(Signal::SIGINT)
    }

    /// Stops it: fast, and if that takes longer than `timeout` at once (then it recovers at its next start; nothing
    /// committed is lost). Says whether the fast way sufficed.
    pub(crate) async fn stop(&self, place: &Place, timeout: Duration) -> Result<bool> {
        self.ask_to_stop()?;
        if self.ends_within(timeout).await {
            return Ok(true);
        }
        // The server itself kills processes that have not gone 5 s after this.
        let last = Duration::from_secs(10);
        tracing::warn!(
            pid = self.pid,
            "PostgreSQL did not stop within {} s; stopping it at once",
            timeout.as_secs()
        );
        self.signal(Signal::SIGQUIT)?;
        if self.ends_within(last).await {
            return Ok(false);
        }
        Err(Error::Stop {
            pid: self.pid,
            path: place.data(),
            seconds: (timeout + last).as_secs(),
        })
    }

    async fn ends_within(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.ended()).await.is_ok()
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        if self.how_ended().is_some() || self.pid <= 0 {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Error::io(
                "signal the PostgreSQL process",
                Path::new(&self.pid.to_string()),
            )(errno.into())),
        }
    }
}

/// Stops a server if it is dropped before [`StopUnlessKept::keep`], as when a start is cancelled half-way.
pub(crate) struct StopUnlessKept(Option<Server>);

impl StopUnlessKept {
    pub(crate) fn new(server: &Server) -> Self {
        Self(Some(server.clone()))
    }

    pub(crate) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for StopUnlessKept {
    fn drop(&mut self) {
        if let Some(server) = self.0.take() {
            let _ = server.ask_to_stop();
        }
    }
}

async fn wait_for_child(mut child: Child, place: Place, ended: watch::Sender<Option<String>>) {
    let mut prune = tokio::time::interval(PRUNE);
    loop {
        tokio::select! {
            status = child.wait() => {
                let how = status.map_or_else(|error| format!("unknown status: {error}"), |status| status.to_string());
                ended.send_replace(Some(how));
                return;
            }
            _ = prune.tick() => log::prune(&place.log()),
        }
    }
}

async fn wait_for_stranger(pid: i32, place: Place, ended: watch::Sender<Option<String>>) {
    let mut prune = tokio::time::interval(PRUNE);
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = look.tick() => if !pidfile::is_server(pid, &place.data()) {
                ended.send_replace(Some("its status is unknown, as another process started it".into()));
                return;
            },
            _ = prune.tick() => log::prune(&place.log()),
        }
    }
}
