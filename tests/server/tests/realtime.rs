//! Event streams: many clients, slow ones, those that vanish, hostile subscriptions, and the end of the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hangar_tests::{Api, Client, Site, eventually};
use serde_json::{Value, json};

/// An open event stream.
struct Stream {
    socket: TcpStream,
    /// What has been read and not been looked at.
    text: String,
    id: String,
}

impl Stream {
    /// Connects; none if the server refuses.
    fn try_open(address: SocketAddr) -> Option<Self> {
        let mut socket = TcpStream::connect(address).expect("the server listens");
        let timeout = Some(Duration::from_secs(20));
        socket.set_read_timeout(timeout).expect("a timeout");
        socket
            .write_all(b"GET /api/realtime HTTP/1.1\r\nhost: test\r\n\r\n")
            .expect("a request");
        let mut stream = Self {
            socket,
            text: String::new(),
            id: String::new(),
        };
        let head = stream.until("\r\n\r\n")?;
        if !head.starts_with("HTTP/1.1 200") {
            return None;
        }
        let greeting = stream.until("\n\n")?;
        let (_, rest) = greeting.split_once("{\"clientId\":\"")?;
        stream.id = rest.split('"').next()?.to_owned();
        assert_eq!(stream.id.len(), 40, "{greeting}");
        Some(stream)
    }

    fn open(address: SocketAddr) -> Self {
        Self::try_open(address).expect("a stream")
    }

    /// Reads up to a mark; none if the stream ends before.
    fn until(&mut self, mark: &str) -> Option<String> {
        loop {
            if let Some(at) = self.text.find(mark) {
                let rest = self.text.split_off(at + mark.len());
                return Some(std::mem::replace(&mut self.text, rest));
            }
            let mut bytes = [0; 65_536];
            match self.socket.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self
                    .text
                    .push_str(&String::from_utf8_lossy(&bytes[..count])),
            }
        }
    }

    /// The next message's record.
    fn record(&mut self) -> Option<Value> {
        let message = self.until("\n\n")?;
        let (_, data) = message.split_once("\ndata:")?;
        let data: Value = serde_json::from_str(data.trim()).ok()?;
        Some(data["record"].clone())
    }

    fn subscribe(&self, client: &mut Client, topics: &Value) -> u16 {
        let body = json!({"clientId": self.id, "subscriptions": topics});
        client.post("/api/realtime", &body).status
    }
}

#[test]
fn five_hundred_clients_see_every_change_in_order() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let mut guest = server.client();
    let topics = json!(["notes/*"]);
    let mut streams: Vec<Stream> = (0..500).map(|_| Stream::open(server.address)).collect();
    for stream in &streams {
        assert_eq!(stream.subscribe(&mut guest, &topics), 204);
    }
    for count in 1..=30 {
        api.create("notes", json!({"title": "t", "count": count}));
    }
    for stream in &mut streams {
        for count in 1..=30 {
            let record = stream.record().expect("a message");
            assert_eq!(record["count"], json!(count), "{record}");
        }
    }
    let began = Instant::now();
    server.stop();
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "open streams hold up the end"
    );
    // Ended in good order, not cut.
    assert_eq!(streams[0].until("\r\n0\r\n\r\n").map(|_| ()), Some(()));
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let site = Site::new();
    site.settings("limits.realtime-queue-bytes = 262144\nlimits.stall-ms = 500\n");
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.open_collection(
        "pages",
        json!([{"name": "text", "type": "text", "max": 1_000_000}]),
    );
    let mut guest = server.client();
    let slow = Stream::open(server.address);
    assert_eq!(slow.subscribe(&mut guest, &json!(["pages/*"])), 204);
    let text = "x".repeat(400_000);
    let disconnected = |server: &hangar_tests::Server| {
        !server
            .logged(&["does not read its event stream"])
            .is_empty()
    };
    // More than the buffers of both ends of a connection hold.
    for _ in 0..100 {
        if disconnected(&server) {
            break;
        }
        api.create("pages", json!({"text": text}));
    }
    eventually("the disconnection", Duration::from_secs(20), || {
        disconnected(&server).then_some(())
    });
    eventually(
        "the client to be forgotten",
        Duration::from_secs(20),
        || (slow.subscribe(&mut guest, &json!([])) == 404).then_some(()),
    );
    server.assert_alive();
}

#[test]
fn clients_that_vanish_leave_nothing() {
    let site = Site::new();
    site.settings("limits.realtime-connections = 20\n");
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let mut guest = server.client();
    for _ in 0..5 {
        let streams: Vec<Stream> = (0..20)
            .map(|_| {
                eventually("a place", Duration::from_secs(20), || {
                    Stream::try_open(server.address)
                })
            })
            .collect();
        assert!(Stream::try_open(server.address).is_none(), "one too many");
        for stream in &streams {
            assert_eq!(stream.subscribe(&mut guest, &json!(["notes/*"])), 204);
        }
        api.create("notes", json!({"title": "t"}));
    }
    server.assert_alive();
    server.stop();
}

#[test]
fn idle_streams_end() {
    let site = Site::new();
    site.settings("limits.realtime-idle-ms = 300\n");
    let server = site.start();
    let mut stream = Stream::open(server.address);
    let began = Instant::now();
    assert!(stream.until("\r\n0\r\n\r\n").is_some());
    assert!(began.elapsed() < Duration::from_secs(10));
    server.stop();
}

#[test]
fn hostile_subscriptions_harm_nobody() {
    let site = Site::new();
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let mut guest = server.client();
    let mut stream = Stream::open(server.address);
    let many: Vec<String> = (0..1001).map(|number| format!("notes/{number}")).collect();
    assert_eq!(stream.subscribe(&mut guest, &json!(many)), 400);
    assert_eq!(
        stream.subscribe(&mut guest, &json!(["x".repeat(2501)])),
        400
    );
    let options = |json: &str| format!("notes/*?options={json}");
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let topics = json!([
        options("{"),
        options(&deep),
        options("{\"query\":{\"filter\":\"((((((\"}}"),
        options("{\"query\":{\"filter\":\"title = '\u{0}'\"}}"),
        options("{\"query\":{\"filter\":\"title > 1 \"},\"headers\":{\"a\\nb\":\"c\\r\\nd\"}}"),
        options("{\"query\":{\"expand\":\"a.a.a.a.a.a.a.a.a\",\"fields\":\"\u{1e},:excerpt(\"}}"),
        "notes/*?\ndata:forged\n\nevent:forged",
        "notes/\u{0}",
        "",
        "?",
        "/*",
        "notes/*",
    ]);
    assert_eq!(stream.subscribe(&mut guest, &topics), 204);
    api.create("notes", json!({"title": "t"}));
    let mut events = String::new();
    while !events.contains("event:notes/*\n") {
        let message = stream.until("\n\n").expect("a message");
        assert!(!message.contains("\nevent:forged"), "{message}");
        events.push_str(&message);
    }
    assert_eq!(stream.subscribe(&mut guest, &json!(["notes/*"])), 204);
    api.create("notes", json!({"title": "still told"}));
    loop {
        let record = stream.record().expect("a message");
        if record["title"] == "still told" {
            break;
        }
    }
    server.assert_alive();
}

/// A hook that sees messages, under a version that a route tells.
fn screening(version: &str, body: &str) -> String {
    format!(
        "onRealtimeMessageSend((e) => {{ const data = JSON.parse(e.message.data); {body} }});\n\
         routerAdd('GET', '/version', (e) => e.string(200, '{version}'));\n"
    )
}

#[test]
fn messages_pass_through_hooks_that_come_and_go() {
    let site = Site::new();
    site.settings("limits.cpu-ms = 500\n");
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    let mut guest = server.client();
    // More than are shown at once.
    let mut streams: Vec<Stream> = (0..150).map(|_| Stream::open(server.address)).collect();
    for stream in &streams {
        assert_eq!(stream.subscribe(&mut guest, &json!(["notes/*"])), 204);
    }
    let write = |version: &str, body: &str| {
        site.write("pb_hooks/main.pb.js", screening(version, body));
        eventually("the hooks", Duration::from_secs(10), || {
            (server.client().get("/version").text() == version).then_some(())
        });
    };
    let mut expect = |streams: &mut [Stream], count: u64, title: Option<&str>| {
        api.create("notes", json!({"title": "t", "count": count}));
        let Some(title) = title else { return };
        for stream in streams {
            let record = stream.record().expect("a message");
            assert_eq!(
                (&record["count"], &record["title"]),
                (&json!(count), &json!(title))
            );
        }
    };
    expect(&mut streams, 1, Some("t"));
    // Streams that are open already are seen as well.
    write(
        "changes",
        "if (data.record.count === 2) return; data.record.title = 'seen'; e.message.data = JSON.stringify(data); e.next();",
    );
    expect(&mut streams, 2, None);
    expect(&mut streams, 3, Some("seen"));
    write("nothing", "e.next();");
    expect(&mut streams, 4, Some("t"));
    // One that never ends costs those streams, and nothing else.
    write("hangs", "if (data.record) for (;;);");
    expect(&mut streams, 5, None);
    for stream in &mut streams {
        let rest = stream.until("\r\n0\r\n\r\n").expect("the end");
        assert!(!rest.contains("data:"), "past the hook: {rest}");
    }
    server.wait_for_log(&["messages could not be shown"]);
    std::fs::remove_file(site.path("pb_hooks/main.pb.js")).expect("the file is there");
    eventually("the hooks to go", Duration::from_secs(10), || {
        (server.client().get("/version").status == 404).then_some(())
    });
    let mut again = [Stream::open(server.address)];
    assert_eq!(again[0].subscribe(&mut guest, &json!(["notes/*"])), 204);
    expect(&mut again, 6, Some("t"));
    server.assert_alive();
}
