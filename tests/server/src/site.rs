use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::api::{EMAIL, PASSWORD};
use crate::eventually;
use crate::server::Server;

/// The built `hangar`.
pub fn binary() -> PathBuf {
    let given = std::env::var_os("HANGAR_BIN").map(PathBuf::from);
    let binary = given.unwrap_or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        cache
            .expect("HOME is set")
            .join("hangar/target/release/hangar")
    });
    assert!(
        binary.is_file(),
        "{} is missing: build it (make build) or set HANGAR_BIN",
        binary.display()
    );
    binary
}

/// A file of this checkout. Asked for when the test runs: what another checkout has compiled into the same target
/// folder may be taken for this one's.
pub fn in_repository(path: &str) -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    Path::new(&package).join("../..").join(path)
}

/// The hostile component.
pub fn hostile_component() -> PathBuf {
    let file = in_repository("dist/test-plugins/hostile.wasm");
    fs::canonicalize(&file).unwrap_or_else(|_| {
        panic!(
            "{} is missing: run scripts/build-plugins --tests",
            file.display()
        )
    })
}

/// A data directory, settings, hooks and static files of one test, on which servers can be started one after another.
/// Dropping it ends the database server that a killed `hangar` may have left, and removes everything.
pub struct Site {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

/// What a finished command printed.
#[derive(Debug)]
pub struct Output {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Asserts the exit code; answers both outputs as one text.
    #[track_caller]
    pub fn expect(&self, code: i32) -> String {
        let text = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, Some(code), "{text}");
        assert!(!text.contains("panicked at host/"), "{text}");
        text
    }
}

impl Site {
    /// A site with an initialised database, the superuser [`EMAIL`] and compiled components.
    #[track_caller]
    pub fn new() -> Self {
        let site = Self::empty();
        let copied = Command::new("cp")
            .arg("-a")
            .arg(template().join("data"))
            .arg(site.data())
            .status();
        assert!(
            copied.expect("cp runs").success(),
            "the template cannot be copied"
        );
        site
    }

    /// A site whose data directory does not exist yet.
    pub fn empty() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("hangar-test-")
            .tempdir()
            .expect("a folder");
        // The account of the database server has to pass through.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("the folder is ours");
        for name in ["pb_hooks", "pb_public"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let site = Self {
            folder,
            arguments: Vec::new(),
            variables: Vec::new(),
        };
        site.settings("");
        site
    }

    /// A file or folder of the site.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes hangar.toml, in one step as editors do.
    pub fn settings(&self, text: &str) {
        self.write("hangar.toml", text);
    }

    /// Replaces a file in one step.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        // Beside the folder, so that a watched one sees only the finished file.
        let temporary = self.path(".new");
        fs::write(&temporary, content).expect("the file can be written");
        fs::rename(&temporary, &path).expect("the file can be replaced");
    }

    /// Arguments for every start.
    pub fn arguments(&mut self, arguments: &[&str]) {
        self.arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
    }

    /// A variable of the environment for all commands and servers of this site.
    pub fn variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// `hangar` with arguments, on this site's data and settings.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = clean(&binary());
        command.args(arguments).current_dir(self.folder.path());
        command.envs(self.variables.iter().cloned());
        command
            .arg("--dir")
            .arg(self.data())
            .arg("--config")
            .arg(self.path("hangar.toml"));
        command
    }

    /// `hangar` with nothing but these arguments.
    pub fn plain_command<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
        let mut command = clean(&binary());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command of the CLI to its end.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Output {
        run(self.command(arguments))
    }

    /// Runs a command to its end, at most two minutes.
    #[track_caller]
    pub fn finish(command: Command) -> Output {
        run(command)
    }

    fn serve(&self, port: u16) -> Command {
        let mut command = self.command(&["serve"]);
        command.arg("--http").arg(format!("127.0.0.1:{port}"));
        command
            .arg("--hooks")
            .arg(self.path("pb_hooks"))
            .arg("--public")
            .arg(self.path("pb_public"));
        command.args(&self.arguments);
        command
    }

    /// Starts the server on a free port and waits until it listens.
    #[track_caller]
    pub fn start(&self) -> Server {
        let log = self.path("log");
        let file = File::create(&log).expect("the log can be made");
        let began = Instant::now();
        let child = self
            .serve(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn();
        Server::wait(child.expect("hangar runs"), log, began)
    }

    /// Starts a server that must refuse to start; answers what it printed.
    #[track_caller]
    pub fn start_refused(&self) -> String {
        run(self.serve(0)).expect(1)
    }

    /// Ends the managed database server, if it is still there, and waits for its end.
    pub fn end_database(&self) {
        let Some(pid) = self.database_pid() else {
            return;
        };
        // Stopped processes do not see the other signal before they go on.
        let _ = kill(pid, Signal::SIGCONT);
        let _ = kill(pid, Signal::SIGQUIT);
        let end = Instant::now() + Duration::from_secs(10);
        while kill(pid, None).is_ok() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The process id of the managed database server, if there is one.
    pub fn database_pid(&self) -> Option<Pid> {
        let file = fs::read_to_string(self.data().join("postgres/data/postmaster.pid")).ok()?;
        let pid = Pid::from_raw(file.lines().next()?.trim().parse().ok()?);
        kill(pid, None).ok().map(|()| pid)
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.end_database();
    }
}

/// `hangar` without what the environment of the tests might say.
fn clean(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HANGAR_") && name != "HANGAR_POSTGRES_BIN" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end, at most two minutes.
#[track_caller]
fn run(mut command: Command) -> Output {
    let out = tempfile::tempdir().expect("a folder");
    let file = |name: &str| File::create(out.path().join(name)).expect("a file");
    command
        .stdin(Stdio::null())
        .stdout(file("out"))
        .stderr(file("err"));
    let mut child = command.spawn().expect("hangar runs");
    let end = Instant::now() + Duration::from_secs(120);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |name: &str| fs::read_to_string(out.path().join(name)).unwrap_or_default();
    Output {
        code: status.code(),
        stdout: text("out"),
        stderr: text("err"),
    }
}

/// A data directory made once for each build of the binary and copied for each test: `initdb` and the compiler would
/// otherwise take most of the time.
fn template() -> PathBuf {
    let binary = binary();
    let metadata = fs::metadata(&binary).expect("the binary is there");
    let mut hasher = DefaultHasher::new();
    (&binary, metadata.len(), metadata.modified().ok()).hash(&mut hasher);
    (
        hostile_component(),
        fs::metadata(hostile_component())
            .and_then(|file| file.modified())
            .ok(),
    )
        .hash(&mut hasher);
    let root = std::env::temp_dir().join(format!("hangar-tests-{}", nix::unistd::getuid()));
    fs::create_dir_all(&root).expect("a folder");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    let lock = File::create(root.join("lock")).expect("a file");
    lock.lock().expect("a lock");
    let folder = root.join(format!("{:016x}", hasher.finish()));
    if !folder.join("done").exists() {
        // Templates of earlier builds are of no use any more, and neither is a half-made one.
        for entry in fs::read_dir(&root).expect("the folder is there").flatten() {
            let _ = fs::remove_dir_all(entry.path());
        }
        make_template(&folder);
    }
    folder
}

fn make_template(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    let settings = format!("[plugins.hostile]\npath = {:?}\n", hostile_component());
    fs::write(folder.join("hangar.toml"), settings).expect("a file");
    let mut command = clean(&binary());
    command
        .args(["superuser", "create", EMAIL, PASSWORD, "--dir"])
        .arg(folder.join("data"));
    command
        .arg("--config")
        .arg(folder.join("hangar.toml"))
        .current_dir(folder);
    run(command).expect(0);
    eventually(
        "the end of the template's database",
        Duration::from_secs(10),
        || (!folder.join("data/postgres/data/postmaster.pid").exists()).then_some(()),
    );
    fs::write(folder.join("done"), "").expect("a file");
}
