//! What a file is, by its first bytes. Where a type has several names, the one is used that the `mimetype` library of Go
//! gives, since clients compare with it.

use std::str;

use serde_json::Value;

/// How many bytes are looked at.
pub const SNIFFED: usize = 3072;

/// A content type and the usual ending of its files, with the dot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// `image/png`
    pub mime: &'static str,
    /// `.png`, or empty.
    pub extension: &'static str,
}

const fn kind(mime: &'static str, extension: &'static str) -> Kind {
    Kind { mime, extension }
}

const UNKNOWN: Kind = kind("application/octet-stream", "");
const TEXT: Kind = kind("text/plain; charset=utf-8", ".txt");

/// Offset, bytes, type, ending; the first that fits counts.
const SIGNATURES: &[(usize, &[u8], &str, &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (0, b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (0, b"GIF87a", "image/gif", ".gif"),
    (0, b"GIF89a", "image/gif", ".gif"),
    (0, b"II*\0", "image/tiff", ".tiff"),
    (0, b"MM\0*", "image/tiff", ".tiff"),
    (0, b"BM", "image/bmp", ".bmp"),
    (0, b"\0\0\x01\0", "image/x-icon", ".ico"),
    (0, b"8BPS", "image/vnd.adobe.photoshop", ".psd"),
    (0, b"\xff\x0a", "image/jxl", ".jxl"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl", ".jxl"),
    (4, b"jP  \r\n\x87\njp2 ", "image/jp2", ".jp2"),
    (0, b"#?RADIANCE\n", "image/vnd.radiance", ".hdr"),
    (0, b"%PDF-", "application/pdf", ".pdf"),
    (0, b"%!PS-Adobe-", "application/postscript", ".ps"),
    (0, b"fLaC\0\0\0\x22", "audio/flac", ".flac"),
    (0, b"MThd", "audio/midi", ".midi"),
    (0, b"#!AMR", "audio/amr", ".amr"),
    (0, b"\xff\xf1", "audio/aac", ".aac"),
    (0, b"\xff\xf9", "audio/aac", ".aac"),
    (0, b"\x00\x00\x01\xba", "video/mpeg", ".mpeg"),
    (0, b"\x00\x00\x01\xb3", "video/mpeg", ".mpeg"),
    (0, b"FLV\x01", "video/x-flv", ".flv"),
    (
        0,
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
        "video/x-ms-asf",
        ".asf",
    ),
    (0, b"\x1f\x8b", "application/gzip", ".gz"),
    (
        0,
        b"7z\xbc\xaf\x27\x1c",
        "application/x-7z-compressed",
        ".7z",
    ),
    (0, b"Rar!\x1a\x07", "application/vnd.rar", ".rar"),
    (0, b"\xfd7zXZ\0", "application/x-xz", ".xz"),
    (0, b"BZh", "application/x-bzip2", ".bz2"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd", ".zst"),
    (257, b"ustar", "application/x-tar", ".tar"),
    (
        0,
        b"!<arch>\ndebian",
        "application/vnd.debian.binary-package",
        ".deb",
    ),
    (0, b"wOFF", "font/woff", ".woff"),
    (0, b"wOF2", "font/woff2", ".woff2"),
    (0, b"OTTO\0", "font/otf", ".otf"),
    (0, b"\0\x01\0\0\0", "font/ttf", ".ttf"),
    (
        0,
        b"MZ",
        "application/vnd.microsoft.portable-executable",
        ".exe",
    ),
    (0, b"\x7fELF", "application/x-elf", ""),
    (0, b"\0asm", "application/wasm", ".wasm"),
    (
        0,
        b"\xca\xfe\xba\xbe",
        "application/x-java-applet",
        ".class",
    ),
    (
        0,
        b"SQLite format 3\0",
        "application/vnd.sqlite3",
        ".sqlite",
    ),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "application/x-ole-storage",
        "",
    ),
];

/// Brands of the ISO base media format.
const BRANDS: &[(&[u8], &str, &str)] = &[
    (b"M4V ", "video/x-m4v", ".m4v"),
    (b"M4VH", "video/x-m4v", ".m4v"),
    (b"M4A ", "audio/x-m4a", ".m4a"),
    (b"qt  ", "video/quicktime", ".mov"),
    (b"3g2", "video/3gpp2", ".3g2"),
    (b"3gp", "video/3gpp", ".3gp"),
    (b"heic", "image/heic", ".heic"),
    (b"heix", "image/heic", ".heic"),
    (b"mif1", "image/heif", ".heif"),
    (b"heif", "image/heif", ".heif"),
    (b"avif", "image/avif", ".avif"),
    (b"avis", "image/avif", ".avif"),
    (b"", "video/mp4", ".mp4"),
];

/// Beginnings of texts, after white space, in any case of letters; a tag ends with a space or `>`.
const TAGS: &[&str] = &[
    "<!doctype html",
    "<html",
    "<head",
    "<script",
    "<iframe",
    "<h1",
    "<div",
    "<font",
    "<table",
    "<a",
    "<style",
    "<title",
    "<b",
    "<body",
    "<br",
    "<p",
    "<!--",
];

/// Beginnings of texts in exactly this form.
const TEXTS: &[(&str, &str, &str)] = &[
    ("{\\rtf", "text/rtf", ".rtf"),
    ("<?php", "text/x-php", ".php"),
    ("WEBVTT", "text/vtt", ".vtt"),
    ("BEGIN:VCARD", "text/vcard", ".vcf"),
    ("BEGIN:VCALENDAR", "text/calendar", ".ics"),
];

/// Interpreters after `#!`.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("python", "text/x-python", ".py"),
    ("perl", "text/x-perl", ".pl"),
    ("ruby", "text/x-ruby", ".rb"),
    ("lua", "text/x-lua", ".lua"),
    ("tclsh", "text/x-tcl", ".tcl"),
    ("node", "text/javascript", ".js"),
    ("php", "text/x-php", ".php"),
    ("bash", "text/x-shellscript", ".sh"),
    ("dash", "text/x-shellscript", ".sh"),
    ("/sh", "text/x-shellscript", ".sh"),
];

/// Judges a file by its first bytes (at most [`SNIFFED`] count). `whole` tells whether these are all it has.
pub fn sniff(bytes: &[u8], whole: bool) -> Kind {
    let bytes = &bytes[..bytes.len().min(SNIFFED)];
    if bytes.is_empty() {
        return kind("text/plain", ".txt");
    }
    if let Some(found) = container(bytes) {
        return found;
    }
    let signature = SIGNATURES
        .iter()
        .find(|(at, magic, ..)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    if let Some((_, _, mime, extension)) = signature {
        return kind(mime, extension);
    }
    text(bytes, whole)
}

/// Formats that tell what they are behind a common beginning.
fn container(bytes: &[u8]) -> Option<Kind> {
    let has = |part: &[u8]| memchr::memmem::find(bytes, part).is_some();
    if bytes.starts_with(b"RIFF") {
        return match bytes.get(8..12)? {
            b"WEBP" => Some(kind("image/webp", ".webp")),
            b"WAVE" => Some(kind("audio/wav", ".wav")),
            b"AVI " => Some(kind("video/x-msvideo", ".avi")),
            _ => None,
        };
    }
    if bytes.starts_with(b"FORM") && matches!(bytes.get(8..12)?, b"AIFF" | b"AIFC") {
        return Some(kind("audio/aiff", ".aiff"));
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        let brand = bytes.get(8..12)?;
        let (_, mime, extension) = BRANDS.iter().find(|(name, ..)| brand.starts_with(name))?;
        return Some(kind(mime, extension));
    }
    if bytes.starts_with(b"\x1a\x45\xdf\xa3") {
        return Some(if has(b"webm") {
            kind("video/webm", ".webm")
        } else {
            kind("video/matroska", ".mkv")
        });
    }
    if bytes.starts_with(b"OggS") {
        return Some(if has(b"theora") {
            kind("video/ogg", ".ogv")
        } else if has(b"vorbis") || has(b"OpusHead") || has(b"FLAC") || has(b"Speex") {
            kind("audio/ogg", ".oga")
        } else {
            kind("application/ogg", ".ogg")
        });
    }
    if bytes.starts_with(b"ID3") || mpeg_audio(bytes) {
        return Some(kind("audio/mpeg", ".mp3"));
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.get(37..41) == Some(b"acTL") {
        return Some(kind("image/apng", ".apng"));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(zip(bytes));
    }
    None
}

/// A frame of MPEG audio, layer 3.
fn mpeg_audio(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfb | 0xf3 | 0xf2 | 0xfa, ..])
}

fn zip(bytes: &[u8]) -> Kind {
    let has = |part: &str| memchr::memmem::find(bytes, part.as_bytes()).is_some();
    if let Some(mime) = bytes
        .get(30..)
        .and_then(|rest| rest.strip_prefix(b"mimetype"))
    {
        let open = [
            ("application/epub+zip", ".epub"),
            ("application/vnd.oasis.opendocument.text", ".odt"),
            ("application/vnd.oasis.opendocument.spreadsheet", ".ods"),
            ("application/vnd.oasis.opendocument.presentation", ".odp"),
            ("application/vnd.oasis.opendocument.graphics", ".odg"),
        ];
        if let Some((mime, extension)) = open
            .iter()
            .find(|(name, _)| mime.starts_with(name.as_bytes()))
        {
            return kind(mime, extension);
        }
    }
    if has("[Content_Types].xml") || has("_rels/.rels") || has("docProps/") {
        if has("word/") {
            return kind(
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                ".docx",
            );
        }
        if has("xl/") {
            return kind(
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                ".xlsx",
            );
        }
        if has("ppt/") {
            return kind(
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                ".pptx",
            );
        }
    }
    if has("META-INF/MANIFEST.MF") {
        return kind("application/java-archive", ".jar");
    }
    if has("AndroidManifest.xml") {
        return kind("application/vnd.android.package-archive", ".apk");
    }
    kind("application/zip", ".zip")
}

fn text(bytes: &[u8], whole: bool) -> Kind {
    match bytes {
        [0xfe, 0xff, ..] => return kind("text/plain; charset=utf-16be", ".txt"),
        [0xff, 0xfe, ..] => return kind("text/plain; charset=utf-16le", ".txt"),
        _ => {}
    }
    // Bytes that no text has, as browsers see it.
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if bytes.iter().any(binary) {
        return UNKNOWN;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        // The last letter may be cut in two.
        Err(error) if !whole && error.error_len().is_none() => {
            str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return kind("text/plain; charset=iso-8859-1", ".txt"),
    };
    marked_up(text)
        .or_else(|| json(text, whole))
        .or_else(|| table(text, whole))
        .unwrap_or(TEXT)
}

fn marked_up(text: &str) -> Option<Kind> {
    let start = text.trim_start();
    if let Some((_, mime, extension)) = TEXTS.iter().find(|(start, ..)| text.starts_with(start)) {
        return Some(kind(mime, extension));
    }
    if let Some(line) = text.strip_prefix("#!").and_then(|rest| rest.lines().next()) {
        let (_, mime, extension) = SCRIPTS.iter().find(|(name, ..)| line.contains(name))?;
        return Some(kind(mime, extension));
    }
    if !start.starts_with('<') {
        let subtitles = text.starts_with("1\n") || text.starts_with("1\r\n");
        return (subtitles && text.contains(" --> "))
            .then_some(kind("application/x-subrip", ".srt"));
    }
    let tag = |name: &&&str| {
        let (head, rest) = match start.split_at_checked(name.len()) {
            Some(split) => split,
            None => return false,
        };
        head.eq_ignore_ascii_case(name) && (**name == "<!--" || rest.starts_with([' ', '>']))
    };
    if TAGS.iter().find(tag).is_some() {
        return Some(kind("text/html; charset=utf-8", ".html"));
    }
    let named = |name: &str| start.contains(&format!("<{name}"));
    if start.starts_with("<svg")
        || (start.starts_with("<?xml") || start.starts_with("<!DOCTYPE svg")) && named("svg")
    {
        return Some(kind("image/svg+xml", ".svg"));
    }
    if start.starts_with("<?xml") {
        return Some(if named("rss") {
            kind("application/rss+xml", ".rss")
        } else if named("feed") {
            kind("application/atom+xml", ".atom")
        } else {
            kind("text/xml; charset=utf-8", ".xml")
        });
    }
    None
}

fn json(text: &str, whole: bool) -> Option<Kind> {
    let start = text.trim_start();
    if !start.starts_with(['{', '[']) {
        return None;
    }
    match serde_json::from_str::<Value>(start) {
        Ok(value) => Some(match &value {
            Value::Object(map)
                if map
                    .get("type")
                    .and_then(Value::as_str)
                    .is_some_and(is_geometry) =>
            {
                kind("application/geo+json", ".geojson")
            }
            Value::Object(map)
                if map
                    .get("log")
                    .is_some_and(|log| log["version"].is_string() && log["entries"].is_array()) =>
            {
                kind("application/json", ".har")
            }
            Value::Object(map)
                if map
                    .get("asset")
                    .is_some_and(|asset| asset["version"].is_string()) =>
            {
                kind("model/gltf+json", ".gltf")
            }
            _ => kind("application/json", ".json"),
        }),
        Err(error) if error.is_eof() && !whole => Some(kind("application/json", ".json")),
        Err(_) => {
            let mut lines = start
                .lines()
                .filter(|line| !line.trim().is_empty())
                .peekable();
            let mut count = 0;
            while let Some(line) = lines.next() {
                let last = lines.peek().is_none() && !whole;
                if !last && serde_json::from_str::<Value>(line).is_err() {
                    return None;
                }
                count += 1;
            }
            (count > 1).then_some(kind("application/x-ndjson", ".ndjson"))
        }
    }
}

fn is_geometry(name: &str) -> bool {
    matches!(
        name,
        "Feature"
            | "FeatureCollection"
            | "Point"
            | "LineString"
            | "Polygon"
            | "MultiPoint"
            | "MultiLineString"
            | "MultiPolygon"
            | "GeometryCollection"
    )
}

/// At least two lines of the same number of columns, two or more.
fn table(text: &str, whole: bool) -> Option<Kind> {
    let regular = |separator: char| {
        let mut rows = rows(text, separator);
        if !whole {
            rows.pop();
        }
        rows.len() > 1 && rows[0] > 1 && rows.iter().all(|columns| *columns == rows[0])
    };
    if regular(',') {
        Some(kind("text/csv", ".csv"))
    } else if regular('\t') {
        Some(kind("text/tab-separated-values", ".tsv"))
    } else {
        None
    }
}

/// The number of columns of each row. Comments and empty lines do not count.
fn rows(text: &str, separator: char) -> Vec<usize> {
    let (mut rows, mut columns, mut quoted, mut empty, mut comment) =
        (Vec::new(), 1, false, true, false);
    for letter in text.chars() {
        match letter {
            '\n' if !quoted => {
                if !empty && !comment {
                    rows.push(columns);
                }
                (columns, empty, comment) = (1, true, false);
                continue;
            }
            '\r' if !quoted => continue,
            '#' if empty => comment = true,
            '"' if !comment => quoted = !quoted,
            _ if letter == separator && !quoted => columns += 1,
            _ => {}
        }
        empty = false;
    }
    if !empty && !comment {
        rows.push(columns);
    }
    rows
}

#[cfg(test)]
mod tests;
