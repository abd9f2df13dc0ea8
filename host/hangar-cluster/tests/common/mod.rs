//! What the tests share. They work as root (the server drops to another user) and as an ordinary user.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hangar_cluster::{Cluster, Options, Stopped};
use tempfile::TempDir;

/// Names the data directory to the helper process.
const HELPER_DIR: &str = "HANGAR_CLUSTER_TEST_DIR";

/// How long a server may take to stop in a test.
pub const STOP: Duration = Duration::from_secs(20);

/// A folder that the server's user can enter, unlike a plain temporary one of root's.
pub fn folder() -> TempDir {
    let temp = tempfile::Builder::new()
        .prefix("hgr")
        .tempdir_in("/tmp")
        .expect("a temporary folder");
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o755))
        .expect("mode set");
    temp
}

/// Options whose fallback folder lies in the test's own folder.
pub fn options(temp: &TempDir) -> Options {
    let mut options = Options::new(temp.path().join("data"));
    options.fallback_root = temp.path().join("elsewhere");
    options
}

pub async fn start(temp: &TempDir) -> Cluster {
    Cluster::attach_or_start(options(temp))
        .await
        .expect("the cluster starts")
}

pub async fn stop(cluster: &Cluster) {
    assert_eq!(
        cluster.stop(STOP).await.expect("the cluster stops"),
        Stopped::Cleanly
    );
    assert!(!alive(cluster.pid()), "the server is gone");
}

/// Runs a statement with psql; its rows, one a line.
pub fn psql(cluster: &Cluster, statement: &str) -> String {
    psql_as(&cluster.connection_config().user, cluster, statement)
}

/// The same as another role; `postgres` is the administrator.
pub fn psql_as(role: &str, cluster: &Cluster, statement: &str) -> String {
    try_psql(role, cluster, statement).unwrap_or_else(|error| panic!("{statement}: {error}"))
}

/// The same where the statement may be refused.
pub fn try_psql(role: &str, cluster: &Cluster, statement: &str) -> Result<String, String> {
    let mut config = cluster.connection_config().clone();
    config.user = role.to_owned();
    let program = cluster
        .programs()
        .client("psql")
        .unwrap_or_else(|| "psql".into());
    let output = Command::new(program)
        .args([
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &config.to_string(),
            "-c",
            statement,
        ])
        .output()
        .expect("psql runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

pub fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// Whether a process is there and no zombie.
pub fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

pub fn kill_hard(pid: i32) {
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("killed");
}

pub async fn eventually(what: &str, limit: Duration, mut check: impl FnMut() -> bool) {
    let began = Instant::now();
    while !check() {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Another process that uses the cluster until its standard input is closed: this test program again, told to run
/// only its `helper` test.
pub struct Helper {
    pub process: Child,
    /// The server's process id.
    pub server: i32,
    /// How it came to its server, as Rust prints [`hangar_cluster::Origin`].
    pub origin: String,
}

impl Helper {
    pub fn spawn(temp: &TempDir) -> Child {
        Command::new(std::env::current_exe().expect("our own path"))
            .args([
                "helper",
                "--exact",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(HELPER_DIR, temp.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the helper runs")
    }

    /// Waits until the helper has its server.
    pub fn ready(mut process: Child) -> Self {
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let line = lines.find_map(|line| {
            line.ok()?
                .split_once("READY ")
                .map(|(_, rest)| rest.to_owned())
        });
        let line = line.expect("the helper got its server");
        let (pid, origin) = line.split_once(' ').expect("a process id and an origin");
        // The rest is read, so that the helper never writes into a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            server: pid.parse().expect("a number"),
            origin: origin.to_owned(),
        }
    }

    /// Lets it stop in its own time.
    pub fn finish(mut self) {
        drop(self.process.stdin.take());
        assert!(
            self.process.wait().expect("waited").success(),
            "the helper stopped well"
        );
    }

    /// Kills it as a machine out of memory would; the server's process id.
    pub fn kill(mut self) -> i32 {
        self.process.kill().expect("killed");
        self.process.wait().expect("reaped");
        self.server
    }
}

/// The body of each test file's `helper` test.
pub async fn helper_main() {
    let Some(dir) = std::env::var_os(HELPER_DIR).map(PathBuf::from) else {
        return;
    };
    let mut options = Options::new(dir.join("data"));
    options.fallback_root = dir.join("elsewhere");
    let cluster = Cluster::attach_or_start(options)
        .await
        .expect("the helper's cluster");
    println!("\nREADY {} {:?}", cluster.pid(), cluster.origin());
    tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop))
        .await
        .expect("read to the end");
    cluster
        .stop(STOP)
        .await
        .expect("the helper's cluster stops");
}

/// The user and group that own a file or process folder.
pub fn owner(path: &Path) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).expect("there");
    (found.uid(), found.gid())
}
