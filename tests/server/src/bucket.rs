use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{eventually, in_repository};

/// An S3 service with one bucket, on this machine, for as long as this lives.
pub struct Bucket {
    child: Child,
    port: u16,
}

impl Bucket {
    /// Starts `scripts/s3-server`, which installs it the first time, and makes the bucket.
    pub fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let child = Command::new(in_repository("scripts/s3-server"))
            .arg(port.to_string())
            .stdin(Stdio::null())
            .spawn()
            .expect("the S3 server runs");
        let bucket = Self { child, port };
        eventually("the S3 server", Duration::from_secs(180), || {
            (bucket.ask("PUT", "/files").starts_with("HTTP/1.1 200")).then_some(())
        });
        bucket
    }

    /// The settings of the application that name it.
    pub fn settings(&self) -> Value {
        json!({"s3": {
            "enabled": true, "bucket": "files", "region": "us-east-1", "endpoint": format!("http://127.0.0.1:{}", self.port),
            "accessKey": "key", "secret": "hidden-secret", "forcePathStyle": true,
        }})
    }

    /// The keys of all blobs.
    pub fn keys(&self) -> Vec<String> {
        let listing = self.ask("GET", "/files?list-type=2");
        let keys = listing.split("<Key>").skip(1);
        keys.filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned()))
            .collect()
    }

    fn ask(&self, method: &str, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return String::new();
        };
        let _ = write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            self.port
        );
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
