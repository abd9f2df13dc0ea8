//! What a file is, by its first bytes.
//!
//! Names of types and the endings of files are those of the library `mimetype` for Go, which the compatibility target
//! asks: fields for files list them, and files without an ending get one. `tests/data/kinds.txt` holds what it answered
//! for some two thousand beginnings of files.

use std::borrow::Cow;

mod containers;
mod data;
mod documents;
mod markup;
mod signatures;
mod text;
mod zip;

/// How many bytes are looked at.
pub const SNIFFED: usize = 4096;

/// A content type and the usual ending of its files, with the dot.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// `image/png`, `text/html; charset=utf-8`
    pub mime: Cow<'static, str>,
    /// `.png`, or empty.
    pub extension: &'static str,
}

const fn kind(mime: &'static str, extension: &'static str) -> Kind {
    Kind {
        mime: Cow::Borrowed(mime),
        extension,
    }
}

/// Judges a file by its first bytes (at most [`SNIFFED`] count). `whole` tells whether these are all it has.
pub fn sniff(bytes: &[u8], whole: bool) -> Kind {
    let bytes = &bytes[..bytes.len().min(SNIFFED)];
    if bytes.is_empty() {
        return kind("text/plain", ".txt");
    }
    signatures::find(bytes)
        .or_else(|| containers::find(bytes))
        .or_else(|| documents::find(bytes))
        .or_else(|| text::find(bytes, whole))
        .unwrap_or(kind("application/octet-stream", ""))
}

/// Whether some bytes hold others.
fn has(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// The bytes from a place on, if there are any.
fn from(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
