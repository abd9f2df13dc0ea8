use std::io::{self, BufReader, Write};

use crate::http::{Client, Response};

const BOUNDARY: &str = "hangar-tests-boundary";

/// A form with one file, sent piece by piece so that the test does not hold it either.
pub struct Upload<'a> {
    /// `POST` or `PATCH`.
    pub method: &'a str,
    /// Where to.
    pub path: &'a str,
    /// The field.
    pub field: &'a str,
    /// What the file is called.
    pub name: &'a str,
    /// What it repeats.
    pub piece: &'a [u8],
    /// How often.
    pub times: usize,
}

impl Upload<'_> {
    fn head(&self) -> String {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\r\n",
            self.field, self.name
        )
    }

    /// Sends it all; answers what the server says.
    #[track_caller]
    pub fn send(&self, client: &Client) -> Response {
        self.try_send(client, self.times).expect("an answer")
    }

    /// Sends it all to a server that may refuse it before the end and close; none if its answer was lost so.
    pub fn send_or_cut(&self, client: &Client) -> Option<Response> {
        self.try_send(client, self.times).ok()
    }

    /// Sends the beginning and closes the connection.
    pub fn cut_off(&self, client: &Client, after: usize) {
        let _ = self.begin(client, after);
    }

    fn try_send(&self, client: &Client, times: usize) -> io::Result<Response> {
        let mut stream = self.begin(client, times)?;
        write!(stream, "\r\n--{BOUNDARY}--\r\n")?;
        Response::read(&mut BufReader::new(stream))
    }

    fn begin(&self, client: &Client, times: usize) -> io::Result<std::net::TcpStream> {
        let head = self.head();
        let length = head.len() + self.piece.len() * self.times + BOUNDARY.len() + 8;
        let mut stream = client.connect()?;
        write!(
            stream,
            "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\n\
             content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {length}\r\n\r\n{head}",
            self.method, self.path, client.token
        )?;
        for _ in 0..times {
            stream.write_all(self.piece)?;
        }
        Ok(stream)
    }
}
