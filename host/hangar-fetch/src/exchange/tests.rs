//! Against a server on this machine. Its address is private, which is what most of these tests are about.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::time::Instant;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::View;

/// 100,000 zeros, compressed.
const ZEROS: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0, 0, 194, 160, 245, 79, 109, 13, 15, 160,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    128, 87, 3, 125, 149, 17, 212, 160, 134, 1, 0,
];

/// A server and the heads of the requests it has received.
struct Server {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = heads.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, log.clone()));
            }
        });
        Self { port, heads }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("not poisoned").clone()
    }
}

async fn answer(mut connection: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut received = Vec::new();
    let head = loop {
        let mut buffer = [0; 4096];
        let n = connection.read(&mut buffer).await.unwrap_or(0);
        received.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&received).into_owned();
        match text.split_once("\r\n\r\n") {
            Some((head, body)) => {
                let length: usize = head
                    .lines()
                    .find_map(|l| {
                        l.to_ascii_lowercase()
                            .strip_prefix("content-length: ")?
                            .parse()
                            .ok()
                    })
                    .unwrap_or(0);
                if body.len() >= length {
                    break text;
                }
            }
            None if n == 0 => return,
            None => {}
        }
    };
    heads.lock().expect("not poisoned").push(head.clone());
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let plain = |status: &str, headers: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let bytes = match path {
        "/redirect" => plain("302 Found", &format!("location: {query}\r\n"), b"moved"),
        "/again" => plain(
            "307 Temporary Redirect",
            &format!("location: {query}\r\n"),
            b"",
        ),
        "/big" => plain("200 OK", "", &[b'x'; 2000]),
        "/zeros" => plain("200 OK", "content-encoding: gzip\r\n", ZEROS),
        "/endless" => {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let _ = connection.write_all(head).await;
            while connection.write_all(b"5\r\nhello\r\n").await.is_ok() {}
            return;
        }
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(query.parse().unwrap_or(60_000))).await;
            plain("200 OK", "", b"slow")
        }
        _ => plain("200 OK", "x-answer: yes\r\n", b"hello"),
    };
    let _ = connection.write_all(&bytes).await;
}

/// Resolves every name to this machine.
fn everything_is_local() -> Lookup {
    Arc::new(|_| Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) }))
}

fn fetch() -> Fetch {
    Fetch::with_lookup(everything_is_local()).expect("sets up")
}

fn caller(patterns: &[&str], limits: Limits) -> Caller {
    let grant = Grant::parse(&json!(patterns)).expect("a grant");
    Caller {
        plugin: "shop".into(),
        grant: Some(grant),
        limits,
    }
}

fn request(method: &str, url: &str) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: vec![],
        body: vec![],
        options: String::new(),
    }
}

fn get(url: &str) -> Request {
    request("GET", url)
}

async fn run(patterns: &[&str], request: Request) -> Result<Response> {
    fetch()
        .run(&caller(patterns, Limits::default()), request)
        .await
}

#[tokio::test]
async fn an_answer_arrives_whole() {
    let server = Server::start().await;
    let url = server.url("/x?a=1");
    let mut post = request("post", &url);
    post.headers = vec![
        ("X-Mine".into(), "1".into()),
        ("Host".into(), "other.test".into()),
    ];
    post.body = b"content".to_vec();
    let answer = run(&["*", "private"], post).await.expect("granted");
    assert_eq!(
        (answer.status, answer.body.as_slice(), answer.url),
        (200, &b"hello"[..], url)
    );
    assert!(answer.headers.contains(&("x-answer".into(), "yes".into())));
    let seen = server.heads().join("").to_ascii_lowercase();
    assert!(seen.starts_with("post /x?a=1 http/1.1\r\n") && seen.ends_with("\r\n\r\ncontent"));
    assert!(
        seen.contains("x-mine: 1") && seen.contains("user-agent: hangar/"),
        "{seen}"
    );
    assert!(seen.contains(&format!("host: 127.0.0.1:{}", server.port)) && !seen.contains("other"));
    assert!(
        !seen.contains("cookie") && !seen.contains("referer"),
        "{seen}"
    );
}

#[tokio::test]
async fn private_addresses_need_the_word_or_the_address_itself() {
    let server = Server::start().await;
    let literal = server.url("/");
    let named = format!("http://name.test:{}/", server.port);
    let mapped = format!("http://[::ffff:127.0.0.1]:{}/", server.port);
    for url in [&literal, &named, &mapped] {
        let error = run(&["*"], get(url)).await.expect_err("private");
        assert_eq!(error.code, "denied", "{url}: {error}");
        assert!(
            error.message.contains(r#"grant.fetch = ["*","private"]"#),
            "{error}"
        );
        assert!(error.message.contains("[plugins.shop]"), "{error}");
    }
    assert!(server.heads().is_empty(), "nothing may have been sent");
    for url in [&literal, &named] {
        assert_eq!(
            run(&["*", "private"], get(url))
                .await
                .expect("granted")
                .status,
            200
        );
    }
    assert_eq!(
        run(&[&literal], get(&literal))
            .await
            .expect("spelled out")
            .status,
        200
    );
    let error = run(&["*", "private"], get("http://0.0.0.0/"))
        .await
        .expect_err("no host");
    assert_eq!(error.code, "bad_input");
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused_even_with_its_pattern() {
    let server = Server::start().await;
    let url = format!("http://localhost:{}/", server.port);
    let error = run(&[&url], get(&url))
        .await
        .expect_err("a name spells out no address");
    assert_eq!(error.code, "denied");
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn what_no_pattern_matches_is_refused_with_the_line_to_add() {
    let error = run(&["https://a.test/*"], get("https://b.test/?key=secret"))
        .await
        .expect_err("denied");
    assert_eq!(error.code, "denied");
    let line = r#"grant.fetch = ["https://a.test/*","https://b.test/*"]"#;
    assert!(
        error.message.contains(line) && !error.message.contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn every_redirect_is_checked() {
    let (server, other) = (Server::start().await, Server::start().await);
    let here = server.url("/*");
    // Another private address, spelled out or by name, that only "*" covers.
    for target in [other.url("/"), format!("http://name.test:{}/", other.port)] {
        let url = server.url(&format!("/redirect?{target}"));
        for patterns in [vec![here.as_str()], vec![here.as_str(), "*"]] {
            let error = run(&patterns, get(&url))
                .await
                .expect_err("the second hop is not granted");
            assert_eq!(error.code, "denied", "{patterns:?} {target}: {error}");
        }
        assert!(other.heads().is_empty(), "nothing may have been sent");
        let answer = run(&["*", "private"], get(&url)).await.expect("granted");
        assert_eq!((answer.status, answer.url.as_str()), (200, target.as_str()));
        other.heads.lock().expect("not poisoned").clear();
    }
    let error = run(&[&here], get(&server.url("/redirect?file:///etc/passwd"))).await;
    assert_eq!(error.expect_err("no http").code, "redirect");
}

#[tokio::test]
async fn redirects_follow_the_option_and_end() {
    let server = Server::start().await;
    let here = server.url("/*");
    let with = |options: &str, path: &str| Request {
        options: options.into(),
        ..get(&server.url(path))
    };
    let manual = run(&[&here], with(r#"{"redirect":"manual"}"#, "/redirect?/x"))
        .await
        .expect("as it is");
    assert_eq!(
        (manual.status, manual.body.as_slice()),
        (302, &b"moved"[..])
    );
    let error = run(&[&here], with(r#"{"redirect":"error"}"#, "/redirect?/x")).await;
    assert_eq!(error.expect_err("refused").code, "redirect");
    let error = run(&[&here], get(&server.url("/again?/again"))).await;
    assert_eq!(error.expect_err("never an end").code, "redirect");
    let followed = run(&[&here], get(&server.url("/redirect?x")))
        .await
        .expect("relative");
    assert_eq!(followed.url, server.url("/x"));
}

#[tokio::test]
async fn credentials_stay_with_the_first_address() {
    let (server, other) = (Server::start().await, Server::start().await);
    let mut post = request("POST", &server.url(&format!("/again?{}", other.url("/"))));
    post.headers = vec![
        ("Authorization".into(), "Bearer t".into()),
        ("X-Mine".into(), "1".into()),
    ];
    post.body = b"content".to_vec();
    run(&["*", "private"], post).await.expect("granted");
    let (first, second) = (server.heads().join(""), other.heads().join(""));
    assert!(first.contains("Bearer t"));
    assert!(
        !second.contains("Bearer t") && second.contains("x-mine: 1"),
        "{second}"
    );
    assert!(
        second.starts_with("POST / ") && second.ends_with("content"),
        "{second}"
    );
}

#[tokio::test]
async fn bodies_over_the_limit_are_cut_off() {
    let server = Server::start().await;
    let limits = Limits {
        fetch_bytes: 1000,
        ..Limits::default()
    };
    let caller = caller(&["*", "private"], limits);
    // Announced, without an end, and larger only after decompression.
    for path in ["/big", "/endless", "/zeros"] {
        let error = fetch()
            .run(&caller, get(&server.url(path)))
            .await
            .expect_err("too large");
        assert_eq!(error.code, "limit", "{path}: {error}");
        for part in ["limits.fetch-bytes", "at most 1000", "shop"] {
            assert!(error.message.contains(part), "{path}: {part} in {error}");
        }
    }
    let whole = run(&["*", "private"], get(&server.url("/zeros")))
        .await
        .expect("fits");
    assert_eq!(whole.body, [0; 100_000]);
}

#[tokio::test]
async fn a_slow_answer_times_out() {
    let server = Server::start().await;
    let limits = Limits {
        fetch_ms: 100,
        ..Limits::default()
    };
    let caller = caller(&["*", "private"], limits);
    let began = Instant::now();
    let mut patient = get(&server.url("/slow"));
    patient.options = r#"{"timeoutMs":60000}"#.into();
    let error = fetch().run(&caller, patient).await.expect_err("too slow");
    assert_eq!((error.code.as_ref(), error.status), ("timeout", 504));
    assert!(
        error.message.contains("limits.fetch-ms") && error.message.contains("100 ms"),
        "{error}"
    );
    let mut hasty = get(&server.url("/slow"));
    hasty.options = r#"{"timeoutMs":50}"#.into();
    let error = run(&["*", "private"], hasty).await.expect_err("too slow");
    assert!(error.message.contains("50 ms"), "{error}");
    // An endless body is bounded by time too, when bytes alone would not stop it.
    let mut endless = get(&server.url("/endless"));
    endless.options = r#"{"timeoutMs":50}"#.into();
    let limits = Limits {
        fetch_bytes: usize::MAX,
        ..Limits::default()
    };
    let lavish = self::caller(&["*", "private"], limits);
    assert_eq!(
        fetch()
            .run(&lavish, endless)
            .await
            .expect_err("endless")
            .code,
        "timeout"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_closed_port_is_an_error_without_the_query() {
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        listener.local_addr().expect("bound").port()
    };
    let url = format!("http://127.0.0.1:{port}/?key=secret");
    let error = run(&["*", "private"], get(&url)).await.expect_err("closed");
    assert_eq!((error.code.as_ref(), error.status), ("fetch_failed", 502));
    assert!(
        error.message.contains("127.0.0.1") && !error.message.contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn started_requests_run_at_once_within_their_bound() {
    let server = Server::start().await;
    let fetch = fetch();
    let grant = Grant::parse(&json!(["*", "private"])).expect("a grant");
    let limits = Limits {
        fetch_concurrency: 2,
        ..Limits::default()
    };
    let view = View {
        plugin: "shop",
        grant: Some(&grant),
        limits: &limits,
        fetch: &fetch,
    };
    let slow = || view.begin(get(&server.url("/slow?200")));

    let began = Instant::now();
    let (a, b) = tokio::join!(slow(), slow());
    assert!(a.is_ok() && b.is_ok());
    assert!(
        began.elapsed() < Duration::from_millis(390),
        "one after the other"
    );

    let began = Instant::now();
    let (a, b, c) = tokio::join!(slow(), slow(), slow());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert!(
        began.elapsed() >= Duration::from_millis(390),
        "three at once"
    );

    // Eight may be under way or unread; the ninth is refused until one is dropped.
    let mut unread: Vec<_> = (0..8).map(|_| slow()).collect();
    let error = slow().await.expect_err("the ninth");
    assert_eq!(error.code, "limit");
    assert!(
        error.message.contains("limits.fetch-concurrency"),
        "{}",
        error.message
    );
    unread.pop();
    let next = slow();
    drop(unread);
    assert!(next.await.is_ok());
}

#[tokio::test]
async fn a_started_request_begins_before_it_is_awaited_and_ends_when_dropped() {
    let server = Server::start().await;
    let fetch = fetch();
    let grant = Grant::parse(&json!(["*", "private"])).expect("a grant");
    let limits = Limits::default();
    let view = View {
        plugin: "shop",
        grant: Some(&grant),
        limits: &limits,
        fetch: &fetch,
    };
    let pending = view.begin(get(&server.url("/slow")));
    while server.heads().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let lane = fetch.lanes().of("shop", &limits);
    assert_eq!(lane.turns.available_permits(), limits.fetch_concurrency - 1);
    drop(pending);
    while lane.turns.available_permits() < limits.fetch_concurrency {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn without_a_grant_nothing_is_sent_but_timers_run() {
    let (fetch, limits) = (
        fetch(),
        Limits {
            wall_ms: 500,
            ..Limits::default()
        },
    );
    let view = View {
        plugin: "shop",
        grant: None,
        limits: &limits,
        fetch: &fetch,
    };
    let error = view.begin(get("http://a.test/")).await.expect_err("denied");
    assert_eq!(error.code, "denied");
    assert!(
        error.message.contains("grant.fetch = ["),
        "{}",
        error.message
    );
    let began = Instant::now();
    view.timer(50).await.expect("a timer");
    assert!(began.elapsed() >= Duration::from_millis(50));
    let error = view.timer(501).await.expect_err("too long");
    assert!(
        error.code == "limit" && error.message.contains("limits.wall-ms"),
        "{}",
        error.message
    );
}
