use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A connection that is kept alive and opened anew where needed.
pub struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    /// The value of `Authorization`, empty for a guest.
    pub token: String,
    /// How long one read may take.
    pub timeout: Duration,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// `Name: value` lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client for a server; connects with the first request.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            token: String::new(),
            timeout: Duration::from_secs(60),
        }
    }

    /// Sends a request with a JSON body (`Value::Null`: none) and reads the answer. The connection is dropped after an
    /// error.
    pub fn send(&mut self, method: &str, path: &str, body: &Value) -> io::Result<Response> {
        let (body, kind) = match body {
            Value::Null => (String::new(), ""),
            body => (body.to_string(), "content-type: application/json\r\n"),
        };
        let auth = match self.token.as_str() {
            "" => String::new(),
            token => format!("authorization: {token}\r\n"),
        };
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\n{auth}{kind}content-length: {length}\r\n\r\n"
        );
        self.raw(&[head.as_bytes(), body.as_bytes()].concat())
    }

    /// Sends bytes as they are and reads one answer.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<Response> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(self.connect()?),
        };
        // A server that refuses a request early may close before it has read everything; its answer still counts.
        let written = stream.get_mut().write_all(bytes);
        let response = match Response::read(&mut stream) {
            Ok(response) => response,
            Err(error) => return Err(written.err().unwrap_or(error)),
        };
        if written.is_ok() && response.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(response)
    }

    /// A new connection of its own.
    pub fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(10))?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// GET that must be answered.
    pub fn get(&mut self, path: &str) -> Response {
        self.call("GET", path, &Value::Null)
    }

    /// POST that must be answered.
    pub fn post(&mut self, path: &str, body: &Value) -> Response {
        self.call("POST", path, body)
    }

    /// A request that must be answered, whatever the status.
    pub fn call(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let stale = self.stream.is_some();
        match self.send(method, path, body) {
            Ok(response) => response,
            // A connection that the server has closed in between says nothing about this request.
            Err(_) if stale => self
                .send(method, path, body)
                .unwrap_or_else(|error| panic!("{method} {path}: {error}")),
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }
}

impl Response {
    /// Reads one answer from a connection.
    pub fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Self> {
        let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
        let line = line(stream)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| invalid(&format!("not a status line: {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self::line(stream)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Self {
            status,
            headers,
            body: Vec::new(),
        };
        if status == 204 {
            // Announcing a body here would make the client wait for one.
            let announced = response
                .header("content-length")
                .or(response.header("transfer-encoding"));
            if announced.is_some_and(|length| length != "0") {
                return Err(invalid("a body is announced with status 204"));
            }
        } else if response.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self::line(stream)?, 16)
                    .map_err(|_| invalid("chunk size"))?;
                let from = response.body.len();
                response.body.resize(from + size, 0);
                stream.read_exact(&mut response.body[from..])?;
                self::line(stream)?;
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = response
            .header("content-length")
            .and_then(|length| length.parse().ok())
        {
            response.body.resize(length, 0);
            stream.read_exact(&mut response.body)?;
        }
        Ok(response)
    }

    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics with the body if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "status {}, not JSON ({error}): {}",
                self.status,
                self.text()
            )
        })
    }

    /// The JSON of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// Asserts PocketBase's error envelope with this status, which tells clients nothing of what is inside; answers
    /// its message.
    #[track_caller]
    pub fn envelope(&self, status: u16) -> String {
        let json = self.expect(status);
        let keys: Vec<_> = json
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys.len(), 3, "{json}");
        assert_eq!(json["status"], status, "{json}");
        assert!(json["data"].is_object(), "{json}");
        let message = json["message"].as_str().expect("a message").to_owned();
        assert!(!message.is_empty(), "{json}");
        for inner in [
            "plugin", "limits.", "wasm", "sqlstate", "SQL", "hostile", "panick",
        ] {
            assert!(
                !self.text().contains(inner),
                "the client is told {inner:?}: {json}"
            );
        }
        message
    }
}

/// One line without its end; no line at all is an error.
fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed the connection",
        ));
    }
    let text = String::from_utf8_lossy(&line);
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
