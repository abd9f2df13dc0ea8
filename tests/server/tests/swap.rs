//! New versions of plugins while requests come in: none may fail.

use std::fs;
use std::time::{Duration, Instant};

use hangar_tests::{Api, Client, Load, Server, Site, eventually, in_repository};
use serde_json::{Value, json};

/// The shipped `api` component as a file.
fn api_component() -> Vec<u8> {
    let file = in_repository("dist/plugins/api.wasm");
    fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run scripts/build-plugins", file.display()))
}

/// The component with one more custom section: it does the same under another digest.
fn with_section(component: &[u8], text: &str) -> Vec<u8> {
    let name = "test:version";
    let mut section = vec![u8::try_from(name.len()).expect("short")];
    section.extend(name.bytes().chain(text.bytes()));
    let mut changed = component.to_vec();
    changed.extend([0, u8::try_from(section.len()).expect("less than 128 bytes")]);
    changed.extend(section);
    changed
}

/// A hook file with a route that answers `version` and a hook that stamps it into new notes.
fn hooks(version: &str) -> String {
    format!(
        "routerAdd('GET', '/version', (e) => e.json(200, {{ version: {version:?} }}));\n\
         onRecordCreate((e) => {{ e.record.set('title', {version:?}); e.next(); }}, 'notes');\n"
    )
}

/// Loads on the routes of `api` and of the hooks, and on the hook of `notes`.
fn loads(server: &Server) -> Load {
    let address = server.address;
    Load::start(6, move |number| {
        let mut client = Client::new(address);
        move || {
            let ask =
                |client: &mut Client, path: &str| Server::ask(client, "GET", path, &Value::Null);
            match number % 3 {
                0 => ask(&mut client, "/api/health").map(drop),
                1 => {
                    let answer = ask(&mut client, "/version")?;
                    let known = answer["version"]
                        .as_str()
                        .is_some_and(|version| version.starts_with('v'));
                    known
                        .then_some(())
                        .ok_or_else(|| format!("/version answered {answer}"))
                }
                _ => {
                    let path = "/api/collections/notes/records";
                    let answer = Server::ask(&mut client, "POST", path, &json!({"title": "none"}))?;
                    let stamped = answer["title"]
                        .as_str()
                        .is_some_and(|title| title.starts_with('v'));
                    stamped
                        .then_some(())
                        .ok_or_else(|| format!("a record went past the hook: {answer}"))
                }
            }
        }
    })
}

fn version(server: &Server) -> String {
    let answer = server.client().get("/version");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["version"]
        .as_str()
        .expect("a version")
        .to_owned()
}

fn site() -> (Site, Server) {
    let site = Site::new();
    site.write("api.wasm", api_component());
    site.settings(&format!(
        "[plugins.api]\npath = {:?}\n",
        site.path("api.wasm")
    ));
    site.write("pb_hooks/main.pb.js", hooks("v0"));
    let server = site.start();
    Api::sign_in(server.address).notes();
    (site, server)
}

#[test]
fn swaps_under_load_fail_no_request() {
    let (site, mut server) = site();
    let load = loads(&server);
    let mut times = Vec::new();
    for round in 1..=6 {
        let (text, began) = (format!("v{round}"), Instant::now());
        site.write("pb_hooks/main.pb.js", hooks(&text));
        eventually("the new hooks", Duration::from_secs(5), || {
            (version(&server) == text).then_some(())
        });
        times.push(began.elapsed().as_millis());
        let swaps = server.logged(&["swapped", "api"]).len();
        site.write("api.wasm", with_section(&api_component(), &text));
        eventually("the new api", Duration::from_secs(20), || {
            (server.logged(&["swapped", "api"]).len() > swaps).then_some(())
        });
    }
    load.stop_without_failure(200);
    println!("from saving a hook to its first answer, under load: {times:?} ms");
    assert!(
        server.logged(&["not swapped"]).is_empty(),
        "{:?}",
        server.logged(&["not swapped"])
    );
    server.assert_alive();
    server.stop();
}

#[test]
fn an_edited_hook_is_live_within_a_second_or_so() {
    let (site, server) = site();
    let mut times = Vec::new();
    for round in 1..=5 {
        let (text, began) = (format!("v{round}"), Instant::now());
        site.write("pb_hooks/main.pb.js", hooks(&text));
        eventually("the new hooks", Duration::from_secs(5), || {
            (version(&server) == text).then_some(())
        });
        times.push(began.elapsed().as_millis());
    }
    println!("from saving a hook to its first answer: {times:?} ms");
    // A new file counts as well, and a removed one.
    site.write(
        "pb_hooks/more.pb.js",
        "routerAdd('GET', '/more', (e) => e.json(200, {}));",
    );
    eventually("the new file", Duration::from_secs(5), || {
        (server.client().get("/more").status == 200).then_some(())
    });
    fs::remove_file(site.path("pb_hooks/more.pb.js")).expect("the file is there");
    eventually("its end", Duration::from_secs(5), || {
        (server.client().get("/more").status == 404).then_some(())
    });
    assert_eq!(version(&server), "v5");
    server.stop();
}

#[test]
fn a_version_that_cannot_be_used_leaves_the_old_one_running() {
    let (site, mut server) = site();
    let load = loads(&server);
    let good = api_component();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].fill(0xff);
    let wrong_version = replaced(&good, b"\"hangar\": \"0.1\"", b"\"hangar\": \"9.9\"");
    let wrong_name = replaced(&good, b"\"name\": \"api\"", b"\"name\": \"apx\"");
    let bad: [(&str, Vec<u8>, &[&str]); 6] = [
        (
            "not WebAssembly",
            b"this is no component".to_vec(),
            &["api.wasm"],
        ),
        ("cut off", good[..good.len() / 3].to_vec(), &["api.wasm"]),
        ("damaged", flipped, &["api.wasm"]),
        (
            "without a manifest",
            b"\0asm\x0d\0\x01\0".to_vec(),
            &["api.wasm", "manifest"],
        ),
        (
            "of another contract",
            wrong_version,
            &["api.wasm", "contract 9.9", "serves 0.1"],
        ),
        ("under another name", wrong_name, &["api.wasm", "apx"]),
    ];
    for (what, bytes, message) in bad {
        let before = server.logged(&["not swapped"]).len();
        site.write("api.wasm", bytes);
        eventually(what, Duration::from_secs(10), || {
            (server.logged(&["not swapped"]).len() > before).then_some(())
        });
        let line = server.logged(&["not swapped"]).pop().expect("a line");
        for text in message {
            assert!(line.contains(text), "{what}: {text:?} is missing in {line}");
        }
    }
    site.write("api.wasm", &good);
    // Hooks: the message has the file and the line.
    let broken: [(&str, String, &[&str]); 3] = [
        (
            "syntax",
            format!("{}const = 1;\n", hooks("w1")),
            &["main.pb.js:3"],
        ),
        (
            "unknown name",
            format!("{}\nnoSuchFunction();\n", hooks("w2")),
            &["main.pb.js:4", "noSuchFunction"],
        ),
        (
            "endless",
            format!("{}while (true) {{}}\n", hooks("w3")),
            &["hooks", "limits.start-cpu-ms"],
        ),
    ];
    for (what, text, message) in broken {
        let before = server.logged(&["not swapped"]).len();
        site.write("pb_hooks/main.pb.js", text);
        eventually(what, Duration::from_secs(15), || {
            (server.logged(&["not swapped"]).len() > before).then_some(())
        });
        let line = server.logged(&["not swapped"]).pop().expect("a line");
        for text in message {
            assert!(line.contains(text), "{what}: {text:?} is missing in {line}");
        }
        assert_eq!(version(&server), "v0");
    }
    // Repaired.
    site.write("pb_hooks/main.pb.js", hooks("v1"));
    eventually("the repaired hooks", Duration::from_secs(5), || {
        (version(&server) == "v1").then_some(())
    });
    site.write("api.wasm", with_section(&good, "repaired"));
    server.wait_for_log(&["swapped", "api"]);
    load.stop_without_failure(200);
    server.assert_alive();
    server.stop();
}

/// The bytes with the only occurrence of `from` replaced by as many others.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let found: Vec<_> = (0..=bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert_eq!(
        found.len(),
        1,
        "{} occurrences of {:?}",
        found.len(),
        String::from_utf8_lossy(from)
    );
    let mut changed = bytes.to_vec();
    changed[found[0]..found[0] + to.len()].copy_from_slice(to);
    changed
}
