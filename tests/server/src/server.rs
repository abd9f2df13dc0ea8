use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::eventually;
use crate::http::Client;

/// A running `hangar serve`; killed when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    said: Arc<Mutex<Vec<String>>>,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took until it listened.
    pub started_in: Duration,
}

impl Server {
    /// Waits until a process that writes its output and log into these files listens.
    #[track_caller]
    pub(crate) fn wait(mut child: Child, log: PathBuf, began: Instant) -> Self {
        let stdout = child.stdout.take().expect("piped");
        let (send, receive) = std::sync::mpsc::channel();
        let said = Arc::<Mutex<Vec<String>>>::default();
        let lines = said.clone();
        std::thread::spawn(move || {
            // Read to its end, so that the server never waits for a full pipe.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("Server started at http://") {
                    let address = address
                        .split(' ')
                        .next()
                        .unwrap_or_default()
                        .parse::<SocketAddr>();
                    let _ = send.send(address.expect("an address"));
                }
                lines.lock().expect("no panic above").push(line);
            }
        });
        match receive.recv_timeout(Duration::from_secs(120)) {
            Ok(address) => Self {
                child,
                log,
                said,
                address,
                started_in: began.elapsed(),
            },
            Err(_) => {
                let _ = child.kill();
                let status = child.wait();
                panic!(
                    "the server did not start ({status:?}): {}",
                    fs::read_to_string(&log).unwrap_or_default()
                );
            }
        }
    }

    /// A client for it.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }

    /// The first line of its output that holds this text.
    pub fn said(&self, text: &str) -> Option<String> {
        let said = self.said.lock().expect("no panic above");
        said.iter().find(|line| line.contains(text)).cloned()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The lines of the log that hold all of these texts.
    pub fn logged(&self, texts: &[&str]) -> Vec<String> {
        let log = self.log();
        let lines = log
            .lines()
            .filter(|line| texts.iter().all(|text| line.contains(text)));
        lines.map(str::to_owned).collect()
    }

    /// Waits for a line of the log that holds all of these texts.
    #[track_caller]
    pub fn wait_for_log(&self, texts: &[&str]) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(line) = self.logged(texts).pop() {
                return line;
            }
            assert!(
                Instant::now() < end,
                "no line with {texts:?} in the log:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Resident memory, bytes.
    pub fn memory(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("VmRSS");
        let kilobytes: u64 = line
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number");
        kilobytes << 10
    }

    /// Asserts that the process is the one that was started and answers.
    #[track_caller]
    pub fn assert_alive(&mut self) {
        assert!(
            self.child.try_wait().expect("a child").is_none(),
            "the server has ended:\n{}",
            self.log()
        );
        let health = self.client().get("/api/health").expect(200);
        assert_eq!(
            health,
            json!({"message": "API is healthy.", "code": 200, "data": {}}),
            "{health}"
        );
        assert!(
            !self.log().contains("panicked at host/"),
            "the host panicked:\n{}",
            self.log()
        );
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the process runs");
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        eventually("the server's end", Duration::from_secs(40), || {
            self.child.try_wait().expect("a child")
        })
    }

    /// SIGTERM; asserts a clean end.
    #[track_caller]
    pub fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.wait_for_end();
        assert_eq!(status.code(), Some(0), "{status}:\n{}", self.log());
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("the process runs");
        self.child.wait().expect("a child");
    }

    /// A request that must be answered with 200; for loads.
    pub fn ask(
        client: &mut Client,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, String> {
        match client.send(method, path, body) {
            Ok(answer) if answer.status == 200 => Ok(answer.json()),
            Ok(answer) => Err(format!(
                "{method} {path}: {} {}",
                answer.status,
                answer.text()
            )),
            Err(error) => Err(format!("{method} {path}: {error}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
