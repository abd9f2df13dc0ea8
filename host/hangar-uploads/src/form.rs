//! The structure of a `multipart/form-data` body, read piece by piece with the leniency of Go's reader: lines may end
//! with a bare line feed, spaces may follow a boundary, text around the parts does not matter.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

/// Headers of one part, bytes.
const MAX_HEADERS: usize = 64 << 10;
/// Longest line looked at while the first boundary is searched.
const MAX_LINE: usize = 64 << 10;
/// RFC 2046.
const MAX_BOUNDARY: usize = 70;

/// Why a form is refused.
pub type Broken = &'static str;

/// What was found.
#[derive(Debug, PartialEq)]
pub enum Found {
    /// A part begins; the text of its headers.
    Head(String),
    /// A piece of the part's content.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The form is complete. What follows does not matter.
    End,
    /// More bytes are needed.
    More,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Preamble,
    Head,
    Content,
    /// Behind a boundary, before the end of its line.
    Boundary,
    Done,
}

/// Takes a body apart.
pub struct Reader {
    /// `--boundary`
    dashes: Vec<u8>,
    /// The line break before a boundary, and the boundary.
    delimiter: Vec<u8>,
    place: Place,
    buffer: BytesMut,
    /// Whether the body has ended.
    ended: bool,
    /// Whether no line of the current part's content has begun yet: a boundary may follow the headers at once.
    fresh: bool,
}

impl Reader {
    /// A reader for a boundary.
    pub fn new(boundary: &str) -> Result<Self, Broken> {
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
            return Err("the content type names no boundary");
        }
        Ok(Self {
            dashes: format!("--{boundary}").into_bytes(),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            place: Place::Preamble,
            buffer: BytesMut::new(),
            ended: false,
            fresh: false,
        })
    }

    /// Adds bytes of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that no more will come.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// What comes next.
    pub fn next(&mut self) -> Result<Found, Broken> {
        loop {
            let found = match self.place {
                Place::Preamble => self.preamble()?,
                Place::Boundary => self.boundary()?,
                Place::Head => self.head()?,
                Place::Content => Some(self.content()?),
                Place::Done => Some(Found::End),
            };
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    fn more(&self, broken: Broken) -> Result<Option<Found>, Broken> {
        if self.ended {
            Err(broken)
        } else {
            Ok(Some(Found::More))
        }
    }

    /// Skips lines up to the first boundary.
    fn preamble(&mut self) -> Result<Option<Found>, Broken> {
        let Some(end) = memchr::memchr(b'\n', &self.buffer) else {
            // The only line may be the last boundary.
            if self.ended && is_last(&self.buffer, &self.dashes) {
                self.place = Place::Done;
                return Ok(None);
            }
            if self.buffer.len() > MAX_LINE {
                return Err("the first boundary is missing");
            }
            return self.more("there is no boundary");
        };
        let line = self.buffer.split_to(end + 1);
        if is_last(&line, &self.dashes) {
            self.place = Place::Done;
        } else if let Some(rest) = line.strip_prefix(self.dashes.as_slice())
            && let Some(line_end) = after_spaces(rest)
        {
            if line_end == b"\n" {
                // This client ends lines with a bare line feed.
                self.delimiter.remove(0);
            } else if line_end != b"\r\n" {
                return Ok(None);
            }
            self.place = Place::Head;
        }
        Ok(None)
    }

    /// Reads what follows a boundary: two dashes, or the end of the line.
    fn boundary(&mut self) -> Result<Option<Found>, Broken> {
        if self.buffer.starts_with(b"--") {
            self.place = Place::Done;
            return Ok(None);
        }
        let Some(end) = memchr::memchr(b'\n', &self.buffer) else {
            return self.more("a boundary is cut off");
        };
        let line = self.buffer.split_to(end + 1);
        match after_spaces(&line) {
            Some(b"\r\n" | b"\n") => {
                self.place = Place::Head;
                Ok(None)
            }
            _ => Err("a boundary is followed by text"),
        }
    }

    fn head(&mut self) -> Result<Option<Found>, Broken> {
        // A part without headers has the empty line at once.
        let end = if self.buffer.starts_with(b"\r\n") {
            Some((0, 2))
        } else if self.buffer.starts_with(b"\n") {
            Some((0, 1))
        } else {
            let strict = memmem::find(&self.buffer, b"\r\n\r\n").map(|at| (at, 4));
            let bare = memmem::find(&self.buffer, b"\n\n").map(|at| (at, 2));
            match (strict, bare) {
                (Some(strict), Some(bare)) => Some(strict.min(bare)),
                (strict, bare) => strict.or(bare),
            }
        };
        let Some((at, skip)) = end else {
            if self.buffer.len() > MAX_HEADERS {
                return Err("the headers of a part are too long");
            }
            if self.ended {
                // Go takes a form that ends within headers for complete.
                self.place = Place::Done;
                return Ok(None);
            }
            return Ok(Some(Found::More));
        };
        if at > MAX_HEADERS {
            return Err("the headers of a part are too long");
        }
        let head = self.buffer.split_to(at);
        self.buffer.advance(skip);
        self.place = Place::Content;
        self.fresh = true;
        Ok(Some(Found::Head(
            String::from_utf8_lossy(&head).into_owned(),
        )))
    }

    fn content(&mut self) -> Result<Found, Broken> {
        if std::mem::take(&mut self.fresh) {
            if self.buffer.len() < self.dashes.len() && !self.ended {
                self.fresh = true;
                return Ok(Found::More);
            }
            if self.buffer.starts_with(&self.dashes) {
                self.buffer.advance(self.dashes.len());
                self.place = Place::Boundary;
                return Ok(Found::PartEnd);
            }
        }
        if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
            if at > 0 {
                return Ok(Found::Data(self.buffer.split_to(at).freeze()));
            }
            // What follows tells whether this is a boundary or only begins like one.
            let rest = &self.buffer[self.delimiter.len()..];
            match rest.first() {
                None if self.ended => return Err("a part is cut off"),
                None => return Ok(Found::More),
                Some(b'-' | b' ' | b'\t' | b'\r' | b'\n') => {
                    self.buffer.advance(self.delimiter.len());
                    self.place = Place::Boundary;
                    return Ok(Found::PartEnd);
                }
                Some(_) => {
                    let data = self.buffer.split_to(self.delimiter.len()).freeze();
                    return Ok(Found::Data(data));
                }
            }
        }
        if self.ended {
            return Err("a part is cut off");
        }
        // The last bytes may be the beginning of a boundary.
        let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
        if sure == 0 {
            return Ok(Found::More);
        }
        Ok(Found::Data(self.buffer.split_to(sure).freeze()))
    }
}

/// What follows spaces and tabs, if it ends a line.
fn after_spaces(text: &[u8]) -> Option<&[u8]> {
    let at = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    Some(&text[at..])
}

/// Whether a line is the last boundary.
fn is_last(line: &[u8], dashes: &[u8]) -> bool {
    line.strip_prefix(dashes)
        .and_then(|rest| rest.strip_prefix(b"--"))
        .is_some_and(|rest| rest.iter().all(u8::is_ascii_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Head and content of each part, fed in pieces.
    fn read(body: &[u8], piece: usize) -> Result<Vec<(String, Vec<u8>)>, Broken> {
        let mut reader = Reader::new("B")?;
        let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
        let mut pieces = body.chunks(piece);
        loop {
            match reader.next()? {
                Found::Head(head) => parts.push((head, Vec::new())),
                Found::Data(data) => parts.last_mut().expect("a head").1.extend_from_slice(&data),
                Found::PartEnd => {}
                Found::End => return Ok(parts),
                Found::More => match pieces.next() {
                    Some(piece) => reader.feed(piece),
                    None => reader.finish(),
                },
            }
        }
    }

    const GOOD: &str = "pre\r\n--B\r\nA: 1\r\nC: 2\r\n\r\nhello\r\n--Bx\r\n-\r\n--B \r\n\r\n\r\n--B\r\nE: 3\r\n\r\n--B--\r\nafter";

    #[test]
    fn parts_are_found_in_pieces_of_any_size() {
        let expected = [
            ("A: 1\r\nC: 2".to_owned(), b"hello\r\n--Bx\r\n-".to_vec()),
            (String::new(), Vec::new()),
            ("E: 3".to_owned(), Vec::new()),
        ];
        for piece in 1..GOOD.len() {
            assert_eq!(
                read(GOOD.as_bytes(), piece).expect("sound"),
                expected,
                "{piece}"
            );
        }
        let bare = GOOD.replace("\r\n", "\n");
        let parts = read(bare.as_bytes(), 7).expect("sound");
        assert_eq!(parts[0].1, b"hello\n--Bx\n-");
    }

    #[test]
    fn broken_forms_are_refused_and_never_end_early() {
        for body in [
            "",
            "garbage",
            "--C\r\nA: 1\r\n\r\nx\r\n--C--\r\n",
            "--B\r\nA: 1\r\n\r\nhello",
            "--B\r\n\r\nhello\r\n--B",
        ] {
            assert!(read(body.as_bytes(), 3).is_err(), "{body}");
        }
        // As Go has it.
        assert_eq!(read(b"--B\r\nA: 1", 3).expect("sound"), []);
        assert_eq!(read(b"--B--", 3).expect("sound"), []);
        assert!(read(&[b"--B\r\nA: ".as_slice(), &[b'x'; 70_000]].concat(), 4096).is_err());
        assert!(Reader::new("").is_err());
        assert!(Reader::new(&"b".repeat(71)).is_err());
    }
}
