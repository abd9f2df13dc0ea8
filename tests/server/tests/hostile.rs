//! A plugin that misbehaves: the client gets a clear envelope, the log names the plugin and the limit, everybody else
//! is served as if nothing had happened.

use std::time::{Duration, Instant};

use hangar_tests::{Api, Client, Load, Server, Site, hostile_component};
use serde_json::{Value, json};

/// hangar.toml with the hostile plugin under small limits; `more` goes into its section.
fn settings(more: &str) -> String {
    let (component, memory, response) = (hostile_component(), 24 << 20, 2 << 20);
    let times = match more.contains("wall-ms") {
        true => "",
        false => "limits.cpu-ms = 300\nlimits.wall-ms = 1500",
    };
    format!(
        "[plugins.hostile]\npath = {component:?}\ngrant.postgres = true\n{times}\n\
         limits.memory = {memory}\nlimits.response-bytes = {response}\n\
         limits.start-cpu-ms = 400\nlimits.log-bytes = 1000\nlimits.depth = 6\n{more}\n"
    )
}

fn site(more: &str) -> (Site, Server) {
    let site = Site::new();
    site.settings(&settings(more));
    let server = site.start();
    (site, server)
}

/// Clients that use the API as usual, meanwhile.
fn good_requests(server: &Server) -> Load {
    let address = server.address;
    Load::start(3, move |number| {
        let mut client = Client::new(address);
        move || {
            let path = [
                "/api/health",
                "/api/collections/users/records",
                "/hostile/ok",
            ][number];
            Server::ask(&mut client, "GET", path, &Value::Null).map(drop)
        }
    })
}

#[test]
fn every_misdeed_ends_in_an_envelope_and_a_line_of_the_log() {
    let (_site, mut server) = site("");
    let load = good_requests(&server);
    let mut client = server.client();
    let cases: &[(&str, u16, &[&str])] = &[
        ("loop", 503, &["limits.cpu-ms", "300 ms"]),
        ("memory", 503, &["limits.memory", "24 MiB"]),
        ("panic", 500, &["failed", "panic"]),
        ("overflow", 500, &["stack overflowed"]),
        ("shadow-overflow", 500, &["outside of its memory"]),
        ("answer?4000000", 503, &["limits.response-bytes"]),
        ("recursion", 503, &["limits.depth", "at most 6"]),
        ("status?42", 500, &["status 42"]),
        ("status?1000", 500, &["status 1000"]),
        ("status?101", 500, &["status 101"]),
        ("status?204", 0, &[]),
        ("header?name", 500, &["header"]),
        ("header?split", 500, &["header"]),
        ("sleep?60000", 504, &["limits.wall-ms", "1500 ms"]),
        ("hoard?100", 503, &["limits.memory", "24 MiB"]),
        ("hoard-bodies?100", 503, &["deferred bodies"]),
        (
            "denied?fetch",
            403,
            &["hangar:fetch", "[plugins.hostile]", "grant.fetch"],
        ),
        (
            "denied?kv",
            403,
            &["hangar:kv", "[plugins.hostile]", "grant.kv"],
        ),
        (
            "denied?crypto",
            403,
            &["hangar:crypto", "[plugins.hostile]", "grant.crypto"],
        ),
        (
            "denied?collections",
            403,
            &[
                "hangar:collections",
                "[plugins.hostile]",
                "grant.collections",
            ],
        ),
        (
            "denied?auth",
            403,
            &["hangar:auth", "[plugins.hostile]", "grant.auth"],
        ),
    ];
    for (kind, status, logged) in cases.iter().copied() {
        let path = format!("/hostile/{kind}");
        let began = Instant::now();
        let answer = client.get(&path);
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "{kind} took {:?}",
            began.elapsed()
        );
        if status == 0 {
            assert!(answer.status < 300, "{kind}: {}", answer.text());
            continue;
        }
        assert_eq!(answer.status, status, "{kind}: {}", answer.text());
        answer.envelope(status);
        let mut texts = logged.to_vec();
        texts.extend(["hostile"]);
        server.wait_for_log(&texts);
    }
    // The last words of a panic are in the log, under the plugin's name.
    server.wait_for_log(&["the hostile plugin panics", "\"plugin\":\"hostile\""]);
    // A content-length of the plugin's own is dropped.
    let answer = client.get("/hostile/header?length");
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    load.stop_without_failure(100);
    server.assert_alive();
}

#[test]
fn misdeeds_at_once_do_not_keep_others_waiting() {
    let (_site, mut server) = site("");
    let mut client = server.client();
    client.get("/hostile/memory");
    let before = server.memory();
    let load = good_requests(&server);
    attack(&server);
    attack(&server);
    let early = server.memory();
    attack(&server);
    attack(&server);
    load.stop_without_failure(20);
    // Instances that failed are gone: what the allocator keeps for later does not grow with the number of attacks.
    let after = server.memory();
    let told = format!(
        "{} MiB, then {}, then {}",
        before >> 20,
        early >> 20,
        after >> 20
    );
    println!("memory: {told}");
    assert!(early < before + (256 << 20), "{told}");
    assert!(after < early + (64 << 20), "{told}");
    server.assert_alive();
}

/// Some seconds of eight misdeeds at a time, each of which must be refused.
fn attack(server: &Server) {
    let address = server.address;
    let kinds = [
        "loop",
        "memory",
        "overflow",
        "panic",
        "answer?4000000",
        "recursion",
        "loop",
        "hoard?100",
    ];
    let attackers = Load::start(kinds.len(), move |number| {
        let kind = kinds[number];
        let mut client = Client::new(address);
        move || match client.send("GET", &format!("/hostile/{kind}"), &Value::Null) {
            Ok(answer) if answer.status >= 500 => Ok(()),
            Ok(answer) => Err(format!("{kind}: {} {}", answer.status, answer.text())),
            Err(error) => Err(format!("{kind}: {error}")),
        }
    });
    std::thread::sleep(Duration::from_secs(3));
    attackers.stop_without_failure(8);
}

#[test]
fn a_log_flood_is_cut_and_counted() {
    let (_site, mut server) = site("limits.cpu-ms = 20000\nlimits.wall-ms = 30000");
    let load = good_requests(&server);
    let answer = server.client().get("/hostile/log?1000000");
    assert_eq!(answer.expect(200), json!({"lines": 1_000_000}));
    load.stop_without_failure(10);
    let cut = server.wait_for_log(&["logged more than 1000 bytes", "limits.log-bytes", "hostile"]);
    assert_eq!(server.logged(&["logged more than"]).len(), 1, "{cut}");
    let lines = server.logged(&["hostile line"]).len();
    assert!(
        (10..200).contains(&lines),
        "{lines} lines of the plugin were logged"
    );
    server.assert_alive();
}

#[test]
fn a_transaction_left_open_is_rolled_back_and_its_connection_is_not_lost() {
    let (_site, mut server) = site("");
    let mut api = Api::sign_in(server.address);
    api.notes();
    // More often than there are connections for transactions (24).
    for _ in 0..40 {
        let answer = api.client.get("/hostile/transaction?notes").expect(200);
        assert_eq!(answer, json!({"done": true}));
    }
    assert_eq!(api.ids("notes"), Vec::<String>::new());
    // Nothing holds a lock on the table either.
    let id = api.create("notes", json!({"title": "kept"}))["id"].clone();
    assert_eq!(
        api.ids("notes"),
        vec![id.as_str().expect("an id").to_owned()]
    );
    // A savepoint in a savepoint in … ends with the time or the memory of the call.
    let answer = api.client.get("/hostile/tables");
    assert!(answer.status >= 500, "{}", answer.text());
    answer.envelope(answer.status);
    assert_eq!(api.ids("notes").len(), 1);
    server.assert_alive();
}

#[test]
fn a_hook_that_fails_refuses_the_write_and_nothing_else() {
    let site = Site::new();
    site.settings(&settings(""));
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let kept = api.create("notes", json!({"title": "before"}))["id"].clone();
    let kept = kept.as_str().expect("an id");
    // What a hook does after `next` comes after the write, which stays, as in PocketBase.
    for (handler, logged, stays) in [
        ("panic", "failed", false),
        ("loop", "limits.cpu-ms", false),
        ("panic-after", "failed", true),
        ("twice", "next twice", true),
    ] {
        let before = api.ids("notes").len();
        let swaps = server.logged(&["\"swapped\"", "hostile"]).len();
        site.settings(&settings(&format!("config.hook = {handler:?}")));
        hangar_tests::eventually("the hook", Duration::from_secs(10), || {
            (server.logged(&["\"swapped\"", "hostile"]).len() > swaps).then_some(())
        });
        let load = good_requests(&server);
        for _ in 0..3 {
            let answer = api.try_create("notes", &json!({"title": "refused"}));
            assert!(answer.status >= 400, "{handler}: {}", answer.text());
            answer.envelope(answer.status);
        }
        if !logged.is_empty() {
            server.wait_for_log(&["hostile", logged]);
        }
        let expected = before + if stays { 3 } else { 0 };
        assert_eq!(api.ids("notes").len(), expected, "{handler}");
        let path = format!("/api/collections/notes/records/{kept}");
        api.client
            .call("PATCH", &path, &json!({"title": "changed"}))
            .expect(200);
        load.stop_without_failure(5);
        // Taking the plugin out of the way repairs the collection.
        site.settings(&settings(""));
        let repaired =
            hangar_tests::eventually("a create that works", Duration::from_secs(5), || {
                let answer = api.try_create("notes", &json!({"title": "after"}));
                (answer.status == 200).then(|| answer.json())
            });
        assert_eq!(repaired["title"], "after");
    }
    server.assert_alive();
}

/// How `start` and `activate` can go wrong, and what the message says about it.
const BAD_STARTS: [(&str, &[&str]); 6] = [
    ("config.start = \"fail\"", &["fails in start"]),
    ("config.start = \"panic\"", &["hostile", "panic"]),
    (
        "config.start = \"loop\"",
        &["hostile", "limits.start-cpu-ms", "400 ms"],
    ),
    ("config.start = \"garbage\"", &["hostile", "registrations"]),
    ("config.activate = \"fail\"", &["fails in activate"]),
    (
        "config.activate = \"loop\"",
        &["hostile", "limits.start-cpu-ms", "400 ms"],
    ),
];

#[test]
fn a_version_that_does_not_start_is_refused_and_the_old_one_stays() {
    let (site, mut server) = site("");
    let load = good_requests(&server);
    for (config, message) in BAD_STARTS {
        site.settings(&settings(config));
        let mut texts = message.to_vec();
        texts.push("not swapped, the running version stays");
        server.wait_for_log(&texts);
        server.client().get("/hostile/ok").expect(200);
    }
    load.stop_without_failure(50);
    server.assert_alive();
}

#[test]
fn a_server_says_which_plugin_keeps_it_from_starting() {
    let site = Site::new();
    for (config, message) in BAD_STARTS {
        site.settings(&settings(config));
        let printed = site.start_refused();
        for text in message {
            assert!(
                printed.contains(text),
                "{config}: {text:?} is missing in {printed}"
            );
        }
        assert!(
            site.database_pid().is_none(),
            "the database server is still running after {config}"
        );
    }
    site.settings(&settings(""));
    site.start().stop();
}
