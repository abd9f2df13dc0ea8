//! HTTP that no well-behaved client sends. Every answer is a clear one, and the server goes on.

use std::io::{BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use hangar_tests::{Api, Client, Response, Server, Site, hostile_component};
use serde_json::{Value, json};

fn site() -> (Site, Server) {
    let site = Site::new();
    // A small limit, so that one more byte is quickly sent.
    site.settings(&format!(
        "[limits]\nbody-bytes = 100000\n\n[plugins.hostile]\npath = {:?}\nlimits.wall-ms = 3000\n",
        hostile_component()
    ));
    site.write("pb_public/page.html", "<p>page</p>");
    site.write("secret.txt", "the secret");
    let server = site.start();
    (site, server)
}

/// Sends bytes on a connection of their own and reads the answer, if there is one.
fn send(server: &Server, bytes: &[u8]) -> Option<Response> {
    let mut client = server.client();
    client.timeout = Duration::from_secs(20);
    client.raw(bytes).ok()
}

/// Like [`send`], for what must be answered.
#[track_caller]
fn answer(server: &Server, bytes: &[u8]) -> Response {
    send(server, bytes).unwrap_or_else(|| {
        panic!(
            "no answer to {:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(80)])
        )
    })
}

#[test]
fn bodies_over_the_limit_are_refused_in_both_framings() {
    let (_site, mut server) = site();
    // Announced: refused before anything is read.
    let head = |path: &str, length: usize| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let refused = answer(&server, head("/hostile/echo", 100_001).as_bytes());
    refused.envelope(413);
    let refused = answer(
        &server,
        head("/api/collections/users/records", 1 << 40).as_bytes(),
    );
    refused.envelope(413);
    // A route with a limit of its own.
    let refused = answer(&server, head("/hostile/small-body/echo", 1001).as_bytes());
    refused.envelope(413);
    let full = |length: usize| {
        [
            head("/hostile/small-body/echo", length).into_bytes(),
            vec![b' '; length],
        ]
        .concat()
    };
    assert_eq!(answer(&server, &full(1000)).expect(200)["body"], 1000);
    // Chunked: refused once it is too long.
    let chunked = |chunks: usize| {
        let mut bytes =
            b"POST /hostile/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
                .to_vec();
        for _ in 0..chunks {
            bytes.extend(b"2710\r\n");
            bytes.extend([b' '; 10_000]);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    };
    assert_eq!(answer(&server, &chunked(10)).expect(200)["body"], 100_000);
    answer(&server, &chunked(11)).envelope(413);
    server.assert_alive();
}

#[test]
fn hostile_json_is_refused() {
    let (_site, mut server) = site();
    let mut api = Api::sign_in(server.address);
    api.notes();
    api.open_collection("blobs", json!([{"name": "data", "type": "json"}]));
    let token = api.client.token.clone();
    let post = |path: &str, body: &[u8]| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        answer(&server, &[head.as_bytes(), body].concat())
    };
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"title\":{}1{}}}",
            open.repeat(10_000),
            close.repeat(10_000)
        )
    };
    for body in [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        "[".repeat(90_000),
        "{\"title\":".into(),
        "{\"title\":\"\\ud800\"".into(),
        "{\"title\":1e999999}".into(),
    ] {
        for path in [
            "/api/collections/notes/records",
            "/api/collections",
            "/api/collections/_superusers/auth-with-password",
        ] {
            let refused = post(path, body.as_bytes());
            assert!(
                (400..500).contains(&refused.status),
                "{path}: {} {}",
                refused.status,
                refused.text()
            );
            refused.envelope(refused.status);
        }
    }
    for body in [
        &b"\xff\xfe"[..],
        b"{\"title\":\"\xff\"}",
        b"null",
        b"[]",
        b"\"text\"",
        b"7",
    ] {
        let answered = post("/api/collections/notes/records", body);
        assert!(
            answered.status < 500,
            "{:?}: {}",
            String::from_utf8_lossy(body),
            answered.text()
        );
    }
    // Deep, but within what a database takes.
    let nested = format!("{{\"data\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    post("/api/collections/blobs/records", nested.as_bytes()).expect(200);
    let nested = format!("{{\"data\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let refused = post("/api/collections/blobs/records", nested.as_bytes());
    refused.envelope(400);
    // NUL cannot be stored: refused, not a fault.
    let refused = post(
        "/api/collections/notes/records",
        b"{\"title\":\"a\\u0000b\"}",
    );
    assert!(refused.status < 500, "{}", refused.text());
    server.assert_alive();
}

#[test]
fn odd_addresses_get_plain_answers() {
    let (_site, mut server) = site();
    let get = |path: &[u8]| [b"GET ", path, b" HTTP/1.1\r\nhost: a\r\n\r\n"].concat();
    for path in [
        &b"/api/collections/%ff%fe/records"[..],
        b"/api/collections/%00/records",
        b"/api/collections/%zz/records",
        b"/api/collections/%/records",
        b"/api/collections/users/records/%2e%2e%2f%2e%2e",
        b"/api/collections/users/records?filter=%ff",
        b"/api/collections/users/records?filter=%zz",
        b"/api/collections/users/records?page=%00&perPage=-1",
        b"/api/collections/users/records?sort=%27;drop%20table%20users;--",
        b"/hostile/%2f%2e%2e%2f",
        b"/api/%E2%98%83",
        b"//",
        b"/api//health",
        b"/./api/./health",
        b"*",
    ] {
        let answered = answer(&server, &get(path));
        assert!(
            answered.status < 500,
            "{}: {} {}",
            String::from_utf8_lossy(path),
            answered.status,
            answered.text()
        );
    }
    // Raw bytes and blanks are no address at all: a short refusal, a better address, or a closed connection.
    for path in [&b"/\xff\xfe"[..], b"/a b", b"no-slash", b"/\x01", b""] {
        if let Some(answered) = send(&server, &get(path)) {
            assert!(
                (300..500).contains(&answered.status),
                "{}: {} {}",
                String::from_utf8_lossy(path),
                answered.status,
                answered.text()
            );
        }
    }
    // Too long an address, and too many or too long headers.
    let long = format!(
        "/api/collections/users/records?filter={}",
        "a".repeat(60_000)
    );
    let answered = answer(&server, &get(long.as_bytes()));
    assert!((400..500).contains(&answered.status), "{}", answered.text());
    for head in [
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(3_000_000)),
        format!(
            "GET /api/health HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n",
            "a".repeat(3_000_000)
        ),
        format!(
            "GET /api/health HTTP/1.1\r\nhost: a\r\n{}\r\n",
            "x-many: a\r\n".repeat(5000)
        ),
    ] {
        if let Some(answered) = send(&server, head.as_bytes()) {
            assert!((400..500).contains(&answered.status), "{}", answered.status);
        }
    }
    server.assert_alive();
}

#[test]
fn static_files_end_at_their_folder() {
    let (site, mut server) = site();
    let get = |path: &str| {
        answer(
            &server,
            format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes(),
        )
    };
    assert_eq!(get("/page.html").text(), "<p>page</p>");
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/a/../../secret.txt",
        "/....//secret.txt",
        "/page.html/../../secret.txt",
        "/%252e%252e%252fsecret.txt",
        "/..%00/secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/..;/secret.txt",
        "//secret.txt",
        "/../data/postgres/data/PG_VERSION",
        "/%2e%2e%2fhangar.toml",
        "/%2fetc%2fpasswd",
        "//etc/passwd",
    ] {
        let answered = get(path);
        let text = answered.text();
        for secret in ["the secret", "[plugins", "root:", "15\n"] {
            assert!(!text.contains(secret), "{path}: {text}");
        }
        assert!(
            (300..500).contains(&answered.status),
            "{path}: {} {text}",
            answered.status
        );
        // Where it leads to is nothing that should not be seen either.
        if let Some(to) = answered.header("location") {
            assert!(
                to.starts_with('/') && !to.starts_with("//"),
                "{path} leads to {to}"
            );
            assert!(
                !get(to).text().contains("the secret"),
                "{path} leads to {to}"
            );
        }
    }
    // Links are the operator's, who may lead out of the folder with them, as in PocketBase.
    symlink(site.path("secret.txt"), site.path("pb_public/link.txt")).expect("a link");
    assert_eq!(get("/link.txt").text(), "the secret");
    // One that leads nowhere or in a circle is no file.
    symlink("circle.txt", site.path("pb_public/circle.txt")).expect("a link");
    symlink("nowhere.txt", site.path("pb_public/broken.txt")).expect("a link");
    for path in ["/circle.txt", "/broken.txt"] {
        get(path).envelope(404);
    }
    server.assert_alive();
}

#[test]
fn headers_of_the_host_cannot_be_forged() {
    let (_site, mut server) = site();
    let forged = "x-hangar-error: limit\r\nX-Hangar-Status: 503\r\nx-hangar-message: forged\r\nx-hangar-identity: {}\r\n";
    let answered = answer(
        &server,
        format!("GET /hostile/echo HTTP/1.1\r\nhost: a\r\n{forged}x-own: kept\r\n\r\n").as_bytes(),
    );
    let echo = answered.expect(200);
    let headers = echo["headers"].as_str().expect("headers");
    assert!(
        !headers.contains("hangar") && headers.contains("x-own: kept\n"),
        "{headers}"
    );
    assert_eq!(echo["identity"], Value::Null);
    let answered = answer(
        &server,
        format!("GET /nowhere HTTP/1.1\r\nhost: a\r\n{forged}\r\n").as_bytes(),
    );
    answered.envelope(404);
    // Tokens that are none make a guest.
    for token in [
        "Bearer",
        "Bearer ",
        "a.b.c",
        "..",
        "Bearer a.b.c",
        "\u{1f600}",
        &"a".repeat(20_000),
    ] {
        let answered = answer(
            &server,
            format!("GET /hostile/echo HTTP/1.1\r\nhost: a\r\nauthorization: {token}\r\n\r\n")
                .as_bytes(),
        );
        assert_eq!(answered.expect(200)["identity"], Value::Null, "{token}");
        let answered = answer(
            &server,
            format!("GET /api/settings HTTP/1.1\r\nhost: a\r\nauthorization: {token}\r\n\r\n")
                .as_bytes(),
        );
        assert!(
            matches!(answered.status, 401 | 403),
            "{token}: {}",
            answered.text()
        );
    }
    server.assert_alive();
}

#[test]
fn connections_that_misbehave_bother_nobody() {
    let (_site, mut server) = site();
    let client = server.client();
    // Garbage, alone and after a good request on the same connection.
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"\0\0\0\0\r\n\r\n",
        b"HELO there\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        if let Some(answered) = send(&server, bytes) {
            assert!(
                (400..=505).contains(&answered.status),
                "{}",
                answered.status
            );
        }
        let mut stream = BufReader::new(client.connect().expect("a connection"));
        stream
            .get_mut()
            .write_all(b"GET /api/health HTTP/1.1\r\nhost: a\r\n\r\n")
            .expect("written");
        stream.get_mut().write_all(bytes).expect("written");
        assert_eq!(Response::read(&mut stream).expect("an answer").status, 200);
        if let Ok(second) = Response::read(&mut stream) {
            assert_eq!(second.status, 400);
        }
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    // Two lengths, or a length and chunks: request smuggling is refused.
    let two = b"POST /hostile/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!";
    if let Some(answered) = send(&server, two) {
        assert_eq!(answered.status, 400, "{}", answered.text());
    }
    // Many that are slow, half-open, or gone before the answer: others are served meanwhile.
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut stream = client.connect().expect("a connection");
        let bytes: &[u8] = match number % 4 {
            0 => b"GET /api/hea",
            1 => b"POST /hostile/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf",
            2 => b"GET /hostile/sleep?500 HTTP/1.1\r\nhost: a\r\n\r\n",
            _ => b"",
        };
        stream.write_all(bytes).expect("written");
        if number % 4 == 2 {
            // Gone before the plugin has answered.
            stream.shutdown(Shutdown::Both).expect("closed");
        }
        slow.push(stream);
    }
    let began = Instant::now();
    for _ in 0..50 {
        server.client().get("/api/health").expect(200);
        server.client().get("/hostile/ok").expect(200);
    }
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "others waited: {:?}",
        began.elapsed()
    );
    drop(slow);
    // Pipelined requests are answered in their order.
    let mut stream = BufReader::new(client.connect().expect("a connection"));
    let pipelined: String = (0..20)
        .map(|n| format!("GET /hostile/echo?{n} HTTP/1.1\r\nhost: a\r\n\r\n"))
        .collect();
    stream
        .get_mut()
        .write_all(pipelined.as_bytes())
        .expect("written");
    for n in 0..20 {
        let echo = Response::read(&mut stream).expect("an answer").expect(200);
        assert_eq!(echo["query"], n.to_string());
    }
    server.assert_alive();
    server.stop();
}

#[test]
fn methods_and_head() {
    let (_site, mut server) = site();
    for method in ["TRACE", "CONNECT", "BREW", "get"] {
        if let Some(answered) = send(
            &server,
            format!("{method} /api/health HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes(),
        ) {
            assert!(
                (400..500).contains(&answered.status),
                "{method}: {}",
                answered.text()
            );
        }
    }
    let mut stream = BufReader::new(Client::new(server.address).connect().expect("a connection"));
    stream
        .get_mut()
        .write_all(b"HEAD /hostile/ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .expect("written");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("an answer");
    assert!(
        all.starts_with("HTTP/1.1 200") && all.ends_with("\r\n\r\n"),
        "{all}"
    );
    server.assert_alive();
}

#[test]
fn a_request_keeps_the_id_that_a_proxy_gave_it() {
    let (_site, server) = site();
    let ask = |id: &str| {
        let head = format!("GET /hostile/panic HTTP/1.1\r\nhost: a\r\nx-request-id: {id}\r\n\r\n");
        answer(&server, head.as_bytes()).envelope(500);
    };
    ask("proxy-1.a_b");
    server.wait_for_log(&["request failed", "proxy-1.a_b"]);
    // What is no plain name never gets into the log; the request has an id of its own.
    ask("x\" admin=true");
    let own = || server.logged(&["request failed"]).len() == 2;
    hangar_tests::eventually("the second line", Duration::from_secs(10), || {
        own().then_some(())
    });
    assert!(server.logged(&["admin=true"]).is_empty());
}
