//! The end of the process, with and without warning, under write load.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hangar_tests::{Api, Client, Load, Server, Site, eventually, hostile_component};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

type Ids = Arc<Mutex<BTreeSet<String>>>;

/// Clients that create records and remember every id the server has acknowledged.
fn writers(server: &Server, round: usize, acknowledged: &Ids) -> Load {
    let (address, acknowledged) = (server.address, acknowledged.clone());
    Load::start(8, move |number| {
        let mut client = Client::new(address);
        let acknowledged = acknowledged.clone();
        let mut count = 0;
        move || {
            count += 1;
            let id = format!("r{round}w{number}n{count:010}");
            let record = json!({"id": id, "title": "under load"});
            Server::ask(
                &mut client,
                "POST",
                "/api/collections/notes/records",
                &record,
            )?;
            acknowledged.lock().expect("not poisoned").insert(id);
            Ok(())
        }
    })
}

fn stored(server: &Server) -> BTreeSet<String> {
    Api::sign_in(server.address)
        .ids("notes")
        .into_iter()
        .collect()
}

#[test]
fn a_killed_server_loses_no_acknowledged_write() {
    let site = Site::new();
    let acknowledged = Ids::default();
    let mut server = site.start();
    Api::sign_in(server.address).notes();
    for round in 0..3 {
        let load = writers(&server, round, &acknowledged);
        eventually("some writes", Duration::from_secs(20), || {
            (load.done() > 150).then_some(())
        });
        server.kill();
        let (done, failures) = load.stop();
        assert!(
            done > 150 && !failures.is_empty(),
            "{done} writes, {failures:#?}"
        );
        let orphan = site
            .database_pid()
            .expect("the database server outlives a killed hangar");
        server = site.start();
        assert_eq!(
            site.database_pid(),
            Some(orphan),
            "the running database server is used, not another one started"
        );
        let stored = stored(&server);
        let lost: Vec<_> = acknowledged
            .lock()
            .expect("not poisoned")
            .difference(&stored)
            .cloned()
            .collect();
        assert!(
            lost.is_empty(),
            "round {round}: {} of {} are lost: {lost:?}",
            lost.len(),
            stored.len()
        );
    }
    // The server that adopted it also stops it.
    server.stop();
    assert_eq!(site.database_pid(), None);
}

#[test]
fn a_crash_of_both_servers_loses_no_acknowledged_write() {
    let site = Site::new();
    let acknowledged = Ids::default();
    let server = site.start();
    Api::sign_in(server.address).notes();
    let load = writers(&server, 0, &acknowledged);
    eventually("some writes", Duration::from_secs(20), || {
        (load.done() > 150).then_some(())
    });
    let database = site.database_pid().expect("a database server");
    server.kill();
    // Every process of the database server at once, as when the machine stops; the files stay as they are.
    let children = std::fs::read_to_string(format!("/proc/{database}/task/{database}/children"))
        .unwrap_or_default();
    nix::sys::signal::kill(database, Signal::SIGKILL).expect("it runs");
    for child in children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
    {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), Signal::SIGKILL);
    }
    load.stop();
    let server = site.start();
    let stored = stored(&server);
    let acknowledged = acknowledged.lock().expect("not poisoned");
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(
        lost.is_empty(),
        "{} of {} are lost: {lost:?}",
        lost.len(),
        acknowledged.len()
    );
    server.stop();
}

#[test]
fn a_stopped_server_answers_what_it_has_begun() {
    let site = Site::new();
    site.settings(&format!(
        "[plugins.hostile]\npath = {:?}\n",
        hostile_component()
    ));
    let acknowledged = Ids::default();
    let mut server = site.start();
    Api::sign_in(server.address).notes();
    let load = writers(&server, 0, &acknowledged);
    let address = server.address;
    let slow: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                Server::ask(
                    &mut Client::new(address),
                    "GET",
                    "/hostile/sleep?1500",
                    &Value::Null,
                )
            })
        })
        .collect();
    eventually("some writes", Duration::from_secs(20), || {
        (load.done() > 100).then_some(())
    });
    std::thread::sleep(Duration::from_millis(300));
    server.signal(Signal::SIGTERM);
    let status = server.wait_for_end();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    for answer in slow {
        assert_eq!(answer.join().expect("no panic"), Ok(json!({"slept": true})));
    }
    load.stop();
    assert_eq!(
        site.database_pid(),
        None,
        "the database server is stopped too"
    );
    // What the server has done it has also acknowledged, and the other way round.
    let server = site.start();
    let stored = stored(&server);
    assert_eq!(*acknowledged.lock().expect("not poisoned"), stored);
    server.stop();
}
