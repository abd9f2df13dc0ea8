//! The command line: what each command prints, how it ends, and that secrets stay out of it.

use std::net::TcpListener;

use hangar_tests::{Api, Client, EMAIL, PASSWORD, Server, Site, sql};
use serde_json::json;

fn signs_in(server: &Server, email: &str, password: &str) -> bool {
    let body = json!({"identity": email, "password": password});
    server
        .client()
        .post("/api/collections/_superusers/auth-with-password", &body)
        .status
        == 200
}

#[test]
fn help_and_version_need_nothing() {
    let site = Site::empty();
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["doctor", "--help"],
        &["plugin", "--help"],
        &["plugin", "list", "--help"],
        &["plugin", "inspect", "--help"],
        &["superuser", "--help"],
        &["superuser", "create", "--help"],
        &["superuser", "update", "--help"],
        &["superuser", "upsert", "--help"],
        &["superuser", "delete", "--help"],
        &["superuser", "otp", "--help"],
        &["superuser", "ips", "--help"],
    ] {
        let output = site.run(arguments);
        assert!(
            output.expect(0).contains("Usage: hangar"),
            "{arguments:?}: {output:?}"
        );
    }
    let version = site.run(&["--version"]).expect(0);
    assert_eq!(
        version.trim(),
        format!("hangar {}", env!("CARGO_PKG_VERSION"))
    );
    assert!(site.run(&["--help"]).stdout.contains("superuser"));
    assert!(!site.data().exists(), "help made a data directory");
    let listed = site.run(&["plugin", "list"]).expect(0);
    for name in ["collections", "auth", "api", "hooks"] {
        assert!(listed.contains(name), "{listed}");
    }
}

#[test]
fn mistakes_are_explained() {
    let site = Site::empty();
    for (arguments, message) in [
        (&["nonsense"][..], "nonsense"),
        (&["serve", "--nonsense"], "--nonsense"),
        (&["superuser"], "Usage"),
        (&["superuser", "create"], "EMAIL"),
        (&["superuser", "update", "a@example.com"], "PASSWORD"),
        (&["superuser", "delete"], "EMAIL"),
        (
            &["superuser", "delete", "a@example.com", "more", "and more"],
            "more",
        ),
        (&["plugin", "inspect"], "FILE"),
    ] {
        let printed = site.run(arguments).expect(2);
        assert!(printed.contains(message), "{arguments:?}: {printed}");
    }
    let printed = site.run(&["plugin", "inspect", "/nowhere.wasm"]).expect(1);
    assert!(printed.contains("/nowhere.wasm"), "{printed}");
    for (settings, messages) in [
        ("nonsense = 1", &["hangar.toml", "nonsense", "line 1"][..]),
        (
            "[limits]\ncpu-mss = 1",
            &["hangar.toml", "cpu-mss", "line 2"],
        ),
        (
            "[limits]\ncpu-ms = \"many\"",
            &["hangar.toml", "cpu-ms", "line 2"],
        ),
        (
            "[plugins.nobody]\ngrant.postgres = true",
            &["hangar.toml", "[plugins.nobody]"],
        ),
        ("[plugins.api]\npath = \"missing.wasm\"", &["missing.wasm"]),
        (
            "[plugins.api]\ngrant.teleport = true",
            &["hangar.toml", "plugins.api", "teleport"],
        ),
        (
            "[plugins.api.limits]\ncpu-mss = 1",
            &["hangar.toml", "plugins.api", "cpu-mss"],
        ),
        ("this is no TOML", &["hangar.toml", "line 1"]),
    ] {
        site.settings(settings);
        let printed = site.run(&["serve", "--http", "127.0.0.1:0"]).expect(1);
        for message in messages {
            assert!(
                printed.contains(message),
                "{settings:?}: {message:?} is missing in {printed}"
            );
        }
    }
}

#[test]
fn superusers_with_and_without_a_running_server() {
    let site = Site::new();
    let server = site.start();
    assert!(signs_in(&server, EMAIL, PASSWORD));
    // With the server running.
    let printed = site
        .run(&["superuser", "create", "b@example.com", "first-password"])
        .expect(0);
    assert!(printed.contains("b@example.com"), "{printed}");
    assert!(signs_in(&server, "b@example.com", "first-password"));
    let printed = site
        .run(&["superuser", "create", "b@example.com", "other-password"])
        .expect(1);
    assert!(
        !printed.contains("other-password") && !printed.contains("duplicate key"),
        "{printed}"
    );
    assert!(signs_in(&server, "b@example.com", "first-password"));
    // The token of before ends with the password.
    let mut api = Api::sign_in(server.address);
    site.run(&["superuser", "update", EMAIL, "-second-password"])
        .expect(0);
    assert!(!signs_in(&server, EMAIL, PASSWORD));
    assert!(signs_in(&server, EMAIL, "-second-password"));
    site.run(&["superuser", "update", EMAIL, PASSWORD])
        .expect(0);
    assert_ne!(
        api.client.get("/api/settings").status,
        200,
        "a token survived the change of its password"
    );
    for (arguments, code) in [
        (&["superuser", "create", "no-address", "1234567890"][..], 1),
        (&["superuser", "create", "c@example.com", "short"], 1),
        (&["superuser", "create", "", "1234567890"], 1),
        (
            &["superuser", "update", "nobody@example.com", "1234567890"],
            1,
        ),
    ] {
        let printed = site.run(arguments).expect(code);
        assert!(printed.contains("Error: "), "{arguments:?}: {printed}");
    }
    // As in PocketBase: it is gone, which is what was wanted.
    let printed = site
        .run(&["superuser", "delete", "nobody@example.com"])
        .expect(0);
    assert!(printed.contains("missing or already deleted"), "{printed}");
    server.stop();
    // Without.
    assert_eq!(site.database_pid(), None);
    site.run(&["superuser", "upsert", "b@example.com", "second-password"])
        .expect(0);
    let made_up = site
        .run(&["superuser", "upsert", "d@example.com"])
        .expect(0);
    site.run(&["superuser", "delete", EMAIL]).expect(0);
    assert_eq!(
        site.database_pid(),
        None,
        "the command left a database server behind"
    );
    let server = site.start();
    assert!(signs_in(&server, "b@example.com", "second-password"));
    assert!(!signs_in(&server, EMAIL, PASSWORD));
    let words = made_up.split(|c: char| c.is_whitespace() || "\"'".contains(c));
    let candidates: Vec<_> = words
        .filter(|word| word.len() >= 10 && !word.contains('@'))
        .collect();
    assert!(
        candidates
            .iter()
            .any(|word| signs_in(&server, "d@example.com", word)),
        "the made-up password is not in {made_up}"
    );
    server.stop();
}

#[test]
fn doctor_says_what_is_wrong() {
    let site = Site::new();
    let printed = site.run(&["doctor"]).expect(0);
    for text in [
        "ok    server programs",
        "ok    plugin collections",
        "ok    start",
    ] {
        assert!(printed.contains(text), "{printed}");
    }
    assert!(!printed.contains("database role"), "{printed}");
    let server = site.start();
    sql(&site, "postgres", "ALTER ROLE hangar SUPERUSER");
    server.stop();
    let printed = site.run(&["doctor"]).expect(0);
    assert!(
        printed.contains("note  database role: \"hangar\" is an administrator"),
        "{printed}"
    );
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    site.settings(&format!("http = {address:?}"));
    let printed = site.run(&["doctor"]).expect(0);
    assert!(
        printed.contains("note  address") && printed.contains(&address),
        "{printed}"
    );
    let refused = site.run(&["serve"]).expect(1);
    assert!(
        refused.contains(&address) && refused.contains("--http"),
        "{refused}"
    );
    site.settings("");
    let nothing = site.path("pb_public");
    let nothing = nothing.to_str().expect("a plain path");
    for command in ["doctor", "serve"] {
        let printed = site.run(&[command, "--postgres-bin", nothing]).expect(1);
        assert!(printed.contains(nothing), "{printed}");
        assert!(printed.to_lowercase().contains("postgres"), "{printed}");
    }
    site.settings("[plugins.api]\npath = \"hangar.toml\"");
    let printed = site.run(&["doctor"]).expect(1);
    assert!(
        printed.contains("FAIL  plugins") && printed.contains("hangar.toml"),
        "{printed}"
    );
    assert_eq!(site.database_pid(), None);
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let site = Site::empty();
    std::fs::write(site.data(), "a file").expect("a file");
    for command in ["serve", "doctor"] {
        let printed = site.run(&[command]).expect(1);
        assert!(
            printed.contains(site.data().to_str().expect("a plain path")),
            "{command}: {printed}"
        );
    }
    // /proc refuses new folders to everybody, root included.
    let mut command =
        Site::plain_command(&["serve", "--http", "127.0.0.1:0", "--dir", "/proc/nowhere"]);
    let output = command.output().expect("hangar runs");
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(printed.contains("/proc/nowhere"), "{printed}");
}

#[test]
fn flags_win_over_the_environment_and_the_file() {
    let site = Site::new();
    let free = || {
        TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
    };
    let (file, variable) = (free(), free());
    site.settings(&format!("http = \"{file}\""));
    let mut command = site.command(&["serve"]);
    command.env("HANGAR_HTTP", variable.to_string());
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("hangar runs");
    let answered = hangar_tests::eventually(
        "the server at the variable's address",
        std::time::Duration::from_secs(60),
        || {
            Client::new(variable)
                .send("GET", "/api/health", &serde_json::Value::Null)
                .ok()
        },
    );
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it runs");
    let status = child.wait().expect("a child");
    assert_eq!((answered.status, status.code()), (200, Some(0)));
}

#[test]
fn superusers_are_bound_to_networks() {
    let site = Site::new();
    let set = site
        .run(&["superuser", "ips", "1.2.3.4", "10.0.0.0/8"])
        .expect(0);
    assert!(set.contains("├─ 1.2.3.4\n└─ 10.0.0.0/8"), "{set}");
    let wrong = site
        .run(&["superuser", "ips", "1.2.3.4", "nonsense"])
        .expect(1);
    assert!(wrong.contains("superuserIPs: (1: "), "{wrong}");
    let cleared = site.run(&["superuser", "ips"]).expect(0);
    assert!(cleared.contains("cleared"), "{cleared}");
    let off = site.run(&["superuser", "otp", EMAIL]).expect(1);
    assert!(off.contains("OTP auth is not enabled"), "{off}");
}

#[test]
fn hooks_bootstrap_servers_and_no_commands() {
    let site = Site::new();
    site.write(
        "pb_hooks/main.pb.js",
        "onBootstrap((e) => { e.next(); e.app.findCollectionByNameOrId('yet_to_come') });",
    );
    // Otherwise nothing could be put right, and nothing imported.
    site.run(&["superuser", "upsert", "more@example.com", PASSWORD])
        .expect(0);
    let printed = site.start_refused();
    assert!(printed.contains("main.pb.js"), "{printed}");
    site.write(
        "pb_hooks/main.pb.js",
        "onBootstrap((e) => { e.next(); e.app.store().set('boot', e.app.findCollectionByNameOrId('users').name) });\n\
         routerAdd('GET', '/boot', (e) => e.string(200, e.app.store().get('boot')));",
    );
    let server = site.start();
    assert_eq!(server.client().get("/boot").text(), "users");
}
