//! Databases that are not there, not ours, stopped, broken, or full.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use hangar_tests::{Api, Load, Server, Site, eventually, sql};
use nix::sys::signal::{Signal, kill};
use serde_json::json;

/// A second managed server plays the database of somebody else: reached through its socket.
fn url(site: &Site, user: &str, password: &str, database: &str) -> String {
    let socket = site
        .data()
        .join("postgres/run")
        .to_str()
        .expect("a plain path")
        .replace('/', "%2F");
    format!("postgres://{user}:{password}@{socket}:5432/{database}")
}

#[test]
fn a_database_that_cannot_be_used_is_explained() {
    let site = Site::empty();
    let refused = |url: &str, messages: &[&str]| {
        let began = Instant::now();
        for command in [
            &["serve", "--http", "127.0.0.1:0"][..],
            &["superuser", "upsert", "a@example.com", "1234567890"],
        ] {
            let mut arguments = command.to_vec();
            arguments.extend(["--database-url", url]);
            let printed = site.run(&arguments).expect(1);
            assert!(
                !printed.contains("hunter2"),
                "the password is shown: {printed}"
            );
            for message in messages {
                assert!(
                    printed.contains(message),
                    "{message:?} is missing in {printed}"
                );
            }
        }
        assert!(
            began.elapsed() < Duration::from_secs(40),
            "it took {:?}",
            began.elapsed()
        );
    };
    refused(
        "postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable",
        &["the database cannot be reached", "refused"],
    );
    refused(
        "postgres://u:hunter2@no-such-host.invalid/db",
        &["the database cannot be reached"],
    );
    refused(
        "this is hunter2 no url",
        &["postgres://user:password@host:5432/database"],
    );
    let printed = site
        .run(&[
            "doctor",
            "--database-url",
            "postgres://u:hunter2@127.0.0.1:1/db",
        ])
        .expect(1);
    assert!(
        printed.contains("FAIL  start") && !printed.contains("hunter2"),
        "{printed}"
    );
    let mut help = site.command(&["serve", "--help"]);
    help.env("HANGAR_DATABASE_URL", "postgres://u:hunter2@127.0.0.1/db");
    assert!(
        !Site::finish(help).expect(0).contains("hunter2"),
        "help shows the variable's value"
    );
}

#[test]
fn a_database_given_by_url() {
    let theirs = Site::new();
    let holder = theirs.start();
    let site = Site::empty();
    let serve = |url: &str| {
        let mut command = site.command(&["serve", "--http", "127.0.0.1:0"]);
        command.env("HANGAR_DATABASE_URL", url);
        Site::finish(command)
    };
    sql(
        &theirs,
        "postgres",
        "CREATE ROLE shop LOGIN PASSWORD 'hunter2'",
    );
    sql(
        &theirs,
        "postgres",
        "CREATE DATABASE shop ENCODING 'UTF8' TEMPLATE template0",
    );
    sql(
        &theirs,
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    );
    // This one role has to give its password.
    let file = theirs.data().join("postgres/data/pg_hba.conf");
    let rules = fs::read_to_string(&file).expect("the cluster has rules");
    fs::write(&file, format!("local all shop scram-sha-256\n{rules}")).expect("written");
    sql(&theirs, "postgres", "SELECT pg_reload_conf()");
    eventually("the rule", Duration::from_secs(10), || {
        let printed = serve(&url(&theirs, "shop", "hunter2-wrong", "shop")).expect(1);
        assert!(
            !printed.contains("hunter2"),
            "the password is shown: {printed}"
        );
        printed
            .contains("password authentication failed")
            .then_some(())
    });
    for (url, messages) in [
        (
            url(&theirs, "shop", "hunter2", "missing"),
            &["missing", "does not exist"][..],
        ),
        (
            url(&theirs, "nobody", "hunter2", "shop"),
            &["the database cannot be reached"],
        ),
        (
            url(&theirs, "shop", "hunter2", "shop"),
            &["shop", "may not create", "GRANT CREATE ON DATABASE"],
        ),
    ] {
        let printed = serve(&url).expect(1);
        for message in messages {
            assert!(
                printed.contains(message),
                "{message:?} is missing in {printed}"
            );
        }
        assert!(
            !printed.contains("hunter2"),
            "the password is shown: {printed}"
        );
    }
    sql(&theirs, "postgres", "GRANT CREATE ON DATABASE shop TO shop");
    let printed = serve(&url(&theirs, "shop", "hunter2", "shop")).expect(1);
    assert!(
        printed.contains("GRANT CREATE ON SCHEMA public TO"),
        "{printed}"
    );
    sql(&theirs, "postgres", "ALTER DATABASE latin OWNER TO shop");
    sql(&theirs, "latin", "GRANT CREATE ON SCHEMA public TO shop");
    let printed = serve(&url(&theirs, "shop", "hunter2", "latin")).expect(1);
    assert!(printed.contains("UTF8"), "{printed}");
    // With what the messages ask for, it works, and nothing is made beside it.
    sql(&theirs, "shop", "GRANT CREATE ON SCHEMA public TO shop");
    let mut site = site;
    site.arguments(&["--database-url", &url(&theirs, "shop", "hunter2", "shop")]);
    let created = site.run(&[
        "superuser",
        "create",
        "test@example.com",
        "1234567890",
        "--database-url",
        &url(&theirs, "shop", "hunter2", "shop"),
    ]);
    created.expect(0);
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    api.create("notes", json!({"title": "elsewhere"}));
    assert!(
        !site.data().join("postgres").exists(),
        "a cluster was made although there is a URL"
    );
    assert!(
        !server.log().contains("hunter2"),
        "the password is in the log"
    );
    server.stop();
    holder.stop();
}

#[test]
fn a_database_server_that_stops_is_told_and_survived() {
    let site = Site::new();
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let kept = api.create("notes", json!({"title": "kept"}))["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/api/collections/notes/records/{kept}");
    // Killed: an error at once, or an answer because the supervisor was quicker, and then everything works again.
    let pid = site.database_pid().expect("a database server");
    kill(pid, Signal::SIGQUIT).expect("it runs");
    let began = Instant::now();
    eventually("the database's end", Duration::from_secs(10), || {
        kill(pid, None).is_err().then_some(())
    });
    let mut refused = 0;
    eventually("the database's return", Duration::from_secs(20), || {
        let asked = Instant::now();
        let (read, write) = (
            api.client.get(&path),
            api.try_create("notes", &json!({"title": "meanwhile"})),
        );
        assert!(
            asked.elapsed() < Duration::from_secs(15),
            "two answers took {:?}",
            asked.elapsed()
        );
        for answer in [&read, &write] {
            if answer.status != 200 {
                refused += 1;
                answer.envelope(answer.status);
            }
        }
        (read.status == 200 && write.status == 200).then_some(())
    });
    println!(
        "the database was back after {:?}, {refused} requests were refused",
        began.elapsed()
    );
    assert_ne!(site.database_pid(), Some(pid));
    api.client.get(&path).expect(200);
    api.create("notes", json!({"title": "after"}));
    server.assert_alive();
    server.stop();
    // One that was just being started again may take a moment longer.
    eventually("the database server's end", Duration::from_secs(10), || {
        site.database_pid().is_none().then_some(())
    });
}

#[test]
fn a_database_server_that_hangs_is_waited_for_as_long_as_the_limit_says() {
    let site = Site::new();
    site.settings("[limits]\nwall-ms = 2000\nstatement-ms = 1000\n");
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    // The whole server stands still; the kernel keeps its connections open.
    let pid = site.database_pid().expect("a database server");
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("it runs");
    let all: Vec<_> = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .map(nix::unistd::Pid::from_raw)
        .chain([pid])
        .collect();
    let everyone = |signal| {
        for pid in &all {
            let _ = kill(*pid, signal);
        }
    };
    everyone(Signal::SIGSTOP);
    let began = Instant::now();
    let read = api.client.send(
        "GET",
        "/api/collections/notes/records",
        &serde_json::Value::Null,
    );
    let write = api.client.send(
        "POST",
        "/api/collections/notes/records",
        &json!({"title": "hanging"}),
    );
    let took = began.elapsed();
    // Routes that need no database do not wait.
    let health = server.client().get("/api/health").status;
    everyone(Signal::SIGCONT);
    let (read, write) = (read.expect("an answer"), write.expect("an answer"));
    assert!(
        read.status >= 400 && write.status >= 400,
        "{} {}",
        read.text(),
        write.text()
    );
    read.envelope(read.status);
    write.envelope(write.status);
    assert!(took < Duration::from_secs(10), "two answers took {took:?}");
    assert_eq!(health, 200);
    eventually("the database's return", Duration::from_secs(20), || {
        (api.try_create("notes", &json!({"title": "after"})).status == 200).then_some(())
    });
    server.assert_alive();
    server.stop();
}

#[test]
fn a_full_disk_refuses_writes_and_loses_none() {
    let site = Site::new();
    let Some(mount) = Mounted::small(&site) else {
        println!("skipped: a small file system cannot be mounted here");
        return;
    };
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let filler = site.data().join("postgres/filler");
    let kept = api.create("notes", json!({"title": "kept"}))["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    // Everything that is left, by a file that can be removed again.
    let filled = Command::new("dd")
        .args(["if=/dev/zero", "bs=64k"])
        .arg(format!("of={}", filler.display()))
        .output();
    assert!(
        !filled.expect("dd runs").status.success(),
        "the file system is not full"
    );
    let title = "x".repeat(4000);
    let mut written = vec![kept];
    let mut refused = 0;
    for _ in 0..6000 {
        let answer = api.try_create("notes", &json!({"title": title}));
        if answer.status == 200 {
            written.push(answer.json()["id"].as_str().expect("an id").to_owned());
        } else {
            answer.envelope(answer.status);
            refused += 1;
            if refused > 5 {
                break;
            }
        }
    }
    assert!(refused > 0, "{} records fit on a full disk", written.len());
    server.assert_alive();
    fs::remove_file(&filler).expect("the file is there");
    eventually("writes to work again", Duration::from_secs(30), || {
        let answer = api.try_create("notes", &json!({"title": "after"}));
        (answer.status == 200)
            .then(|| written.push(answer.json()["id"].as_str().expect("an id").to_owned()))
    });
    written.sort();
    assert_eq!(
        api.ids("notes"),
        written,
        "the acknowledged records and no others"
    );
    server.stop();
    drop(mount);
}

/// A small file system in place of a site's cluster.
struct Mounted<'a>(&'a Site);

impl<'a> Mounted<'a> {
    fn small(site: &'a Site) -> Option<Self> {
        let target = site.data().join("postgres");
        let aside = site.path("aside");
        fs::rename(&target, &aside).expect("moved");
        fs::create_dir(&target).expect("a folder");
        let run = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output();
            output.expect("it runs").status.success()
        };
        let (at, from) = (target.display().to_string(), aside.display().to_string());
        let size = "size=96m,mode=700";
        if !run("mount", &["-t", "tmpfs", "-o", size, "tmpfs", &at]) {
            return None;
        }
        let mounted = Self(site);
        assert!(run("cp", &["-a", &format!("{from}/."), &at]), "not copied");
        assert!(
            run("chown", &["--reference", &from, &at]),
            "not handed over"
        );
        Some(mounted)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        self.0.end_database();
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.0.data().join("postgres"))
            .status();
    }
}

#[test]
fn load_survives_a_database_restart() {
    let site = Site::new();
    let mut server = site.start();
    Api::sign_in(server.address).notes();
    let address = server.address;
    let load = Load::start(4, move |_| {
        let mut client = hangar_tests::Client::new(address);
        move || {
            Server::ask(
                &mut client,
                "GET",
                "/api/collections/notes/records",
                &serde_json::Value::Null,
            )
            .map(drop)
        }
    });
    for _ in 0..2 {
        let pid = site.database_pid().expect("a database server");
        kill(pid, Signal::SIGQUIT).expect("it runs");
        let before = load.done();
        eventually("another database server", Duration::from_secs(20), || {
            site.database_pid().filter(|new| *new != pid).map(drop)
        });
        eventually("requests to go on", Duration::from_secs(20), || {
            (load.done() > before + 100).then_some(())
        });
    }
    load.stop();
    server.assert_alive();
    server.stop();
}
