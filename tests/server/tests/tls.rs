//! A database of one's own that is reached encrypted.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use hangar_tests::{Api, EMAIL, PASSWORD, Site, program};
use serde_json::json;

/// Runs a program to its end; as the user of PostgreSQL if we are root, which its programs refuse to be.
#[track_caller]
fn run(as_postgres: bool, program: &Path, arguments: &[&str]) {
    let mut command = if as_postgres && nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    let output = command.args(arguments).output();
    let output =
        output.unwrap_or_else(|error| panic!("{} does not run: {error}", program.display()));
    assert!(
        output.status.success(),
        "{} {arguments:?}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A PostgreSQL that takes nothing but encrypted connections, ended when dropped.
struct Encrypted {
    folder: tempfile::TempDir,
    port: u16,
}

impl Encrypted {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let this = Self { folder, port };
        this.certificates();
        if nix::unistd::geteuid().is_root() {
            run(
                false,
                Path::new("chown"),
                &["-R", "postgres", &this.file("")],
            );
        }
        let (data, log) = (this.file("data"), this.file("log"));
        let init = [
            "-D",
            &data,
            "-U",
            "boss",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ];
        run(true, &program("initdb"), &init);
        fs::write(
            this.file("data/pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 trust\n",
        )
        .expect("written");
        let options = format!(
            "-c ssl=on -c ssl_cert_file={0}/server.pem -c ssl_key_file={0}/server.key -c listen_addresses=127.0.0.1 \
             -c port={port} -c unix_socket_directories=",
            this.folder.path().display()
        );
        run(
            true,
            &program("pg_ctl"),
            &["-D", &data, "-l", &log, "-o", &options, "-w", "start"],
        );
        this
    }

    /// A certificate of an authority of our own for `localhost`.
    fn certificates(&self) {
        let file = |name: &str| self.file(name);
        let openssl = |arguments: &[&str]| run(false, Path::new("openssl"), arguments);
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=Test authority",
            "-keyout",
            &file("authority.key"),
            "-out",
            &file("authority.pem"),
        ]);
        openssl(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-keyout",
            &file("server.key"),
            "-out",
            &file("server.csr"),
        ]);
        fs::write(
            file("names"),
            "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
        )
        .expect("written");
        openssl(&[
            "x509",
            "-req",
            "-days",
            "2",
            "-in",
            &file("server.csr"),
            "-CA",
            &file("authority.pem"),
            "-CAkey",
            &file("authority.key"),
            "-CAcreateserial",
            "-extfile",
            &file("names"),
            "-out",
            &file("server.pem"),
        ]);
    }

    fn file(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        path.to_str().expect("a plain path").to_owned()
    }

    fn url(&self) -> String {
        format!(
            "postgres://boss@localhost:{}/postgres?sslmode=require",
            self.port
        )
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        run(
            true,
            &program("pg_ctl"),
            &["-D", &self.file("data"), "-m", "immediate", "stop"],
        );
    }
}

#[test]
fn a_database_is_reached_encrypted_or_not_at_all() {
    let theirs = Encrypted::start();
    let mut site = Site::empty();
    site.arguments(&["--database-url", &theirs.url()]);
    let refused = site.start_refused();
    for words in ["UnknownIssuer", "SSL_CERT_FILE"] {
        assert!(refused.contains(words), "{words} is missing in {refused}");
    }

    site.variable("SSL_CERT_FILE", &theirs.file("authority.pem"));
    let mut command = site.command(&["superuser", "upsert", EMAIL, PASSWORD]);
    command.args(["--database-url", &theirs.url()]);
    Site::finish(command).expect(0);
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let query = "SELECT bool_and(ssl)::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE application_name LIKE 'hangar%'";
    let answer = api.client.post("/api/sql", &json!({"query": query}));
    assert_eq!(answer.expect(200)["rows"], json!([["true"]]));
}
