//! Texts: their encoding, and what kind they are by their first lines.

use std::borrow::Cow;

use super::{Kind, data, kind, markup};

const BOM: &[u8] = b"\xef\xbb\xbf";
const PLAIN: &str = "text/plain";

/// Shells by their paths; of other interpreters the name may go on (`python3`).
const SHELLS: [&str; 12] = [
    "/bin/sh",
    "/bin/bash",
    "/bin/zsh",
    "/bin/dash",
    "/bin/ksh",
    "/bin/csh",
    "/bin/tcsh",
    "/usr/local/bin/bash",
    "/usr/bin/env bash",
    "/usr/bin/env zsh",
    "/usr/bin/env dash",
    "/usr/bin/env ksh",
];

/// Interpreters: where they lie, how the name begins, whether it must end there, type and ending.
const INTERPRETERS: &[(&[&str], &str, bool, &str, &str)] = &[
    (
        &["/usr/bin/", "/usr/local/bin/", "/usr/bin/env "],
        "python",
        false,
        "text/x-python",
        ".py",
    ),
    (
        &["/usr/bin/", "/usr/bin/env "],
        "perl",
        true,
        "text/x-perl",
        ".pl",
    ),
    (
        &["/usr/bin/", "/usr/local/bin/", "/usr/bin/env "],
        "ruby",
        false,
        "text/x-ruby",
        ".rb",
    ),
    (
        &["/usr/bin/", "/usr/local/bin/", "/usr/bin/env "],
        "lua",
        true,
        "text/x-lua",
        ".lua",
    ),
    (
        &["/usr/bin/", "/usr/local/bin/", "/usr/bin/env "],
        "tclsh",
        false,
        "text/x-tcl",
        ".tcl",
    ),
    (
        &["/usr/bin/", "/usr/local/bin/", "/usr/bin/env "],
        "wish",
        false,
        "text/x-tcl",
        ".tcl",
    ),
    (
        &["/bin/", "/usr/bin/", "/usr/bin/env "],
        "node",
        false,
        "text/javascript",
        ".js",
    ),
    (
        &["/usr/bin/", "/usr/local/bin/", "/usr/bin/env "],
        "php",
        false,
        "text/x-php",
        ".php",
    ),
];

/// Headers that mails have among their first lines.
const MAIL: [&str; 12] = [
    "Received: ",
    "Delivered-To: ",
    "Return-Path: ",
    "From: ",
    "To: ",
    "Cc: ",
    "Subject: ",
    "Date: ",
    "Message-ID: ",
    "Message-Id: ",
    "Content-Type: ",
    "Content-Transfer-Encoding: ",
];
/// How many lines of a mail are looked at.
const MAIL_LINES: usize = 21;

/// What kind of text it is; none if it is no text.
pub(super) fn find(bytes: &[u8], whole: bool) -> Option<Kind> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] => return Some(kind("text/plain; charset=utf-32le", ".txt")),
        [0, 0, 0xfe, 0xff, ..] => return Some(kind("text/plain; charset=utf-32be", ".txt")),
        [0xfe, 0xff, ..] => return Some(kind("text/plain; charset=utf-16be", ".txt")),
        [0xff, 0xfe, ..] => return Some(kind("text/plain; charset=utf-16le", ".txt")),
        _ => {}
    }
    // Bytes that no text has, as browsers see it. A mark of its encoding makes anything a text.
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    let marked = bytes.strip_prefix(BOM);
    if marked.is_none() && bytes.iter().any(binary) {
        return None;
    }
    let encoding = encoding(bytes);
    // What is looked for is ASCII; other letters only have to stay apart from it.
    let text = String::from_utf8_lossy(bytes);
    let text = text.as_ref();
    let found = markup::find(text, encoding)
        .or_else(|| lines(text))
        .or_else(|| data::find(text, whole))
        .unwrap_or_else(|| Kind {
            mime: with_charset(PLAIN, encoding),
            extension: ".txt",
        });
    Some(found)
}

/// `text/plain; charset=utf-8`, or without an encoding if that is not known.
pub(super) fn with_charset(mime: &'static str, encoding: &str) -> Cow<'static, str> {
    match encoding {
        "" => Cow::Borrowed(mime),
        _ => Cow::Owned(format!("{mime}; charset={encoding}")),
    }
}

/// The encoding by the bytes alone.
fn encoding(bytes: &[u8]) -> &'static str {
    let utf8 = match str::from_utf8(bytes) {
        Ok(_) => true,
        // The last letter may be cut in two.
        Err(error) => error.error_len().is_none(),
    };
    if utf8 || bytes.starts_with(BOM) {
        return "utf-8";
    }
    let controls = bytes.iter().filter(|byte| (0x80..0xa0).contains(*byte));
    match controls.clone().count() {
        0 => "iso-8859-1",
        _ if controls.clone().all(|byte| *byte == 0x85) => "windows-1252",
        _ => "",
    }
}

/// Formats with a first line of their own.
fn lines(text: &str) -> Option<Kind> {
    if let Some(line) = text.strip_prefix("#!").and_then(|rest| rest.lines().next()) {
        return script(line);
    }
    if text.starts_with("{\\rtf") {
        return Some(kind("text/rtf", ".rtf"));
    }
    if text.starts_with("WARC/1.0") || text.starts_with("WARC/1.1") {
        return Some(kind("application/warc", ".warc"));
    }
    if php(text) {
        return Some(kind("text/x-php", ".php"));
    }
    let unmarked = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(rest) = unmarked.strip_prefix("WEBVTT")
        && (rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
    {
        return Some(kind("text/vtt", ".vtt"));
    }
    let begins = |first: &str| {
        text.split_once('\n').is_some_and(|(line, rest)| {
            line.trim_end_matches('\r').eq_ignore_ascii_case(first) && !rest.is_empty()
        })
    };
    if begins("BEGIN:VCARD") {
        return Some(kind("text/vcard", ".vcf"));
    }
    if begins("BEGIN:VCALENDAR") {
        return Some(kind("text/calendar", ".ics"));
    }
    if subtitles(text) {
        return Some(kind("application/x-subrip", ".srt"));
    }
    let header = |line: &str| MAIL.iter().any(|name| line.starts_with(name));
    let headers = text.lines().take(MAIL_LINES).filter(|line| header(line));
    (text.lines().next().is_some_and(header) && headers.count() > 1)
        .then_some(kind("message/rfc822", ".eml"))
}

fn php(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("<?") else {
        return false;
    };
    let named = rest
        .get(..3)
        .is_some_and(|name| name.eq_ignore_ascii_case("php"));
    let more = named && rest.len() > 3;
    let short = rest.starts_with([' ', '\n'])
        && rest
            .trim_start()
            .starts_with(|c: char| c.is_ascii_alphabetic());
    more || short || rest == "\n "
}

/// What a first line `#! …` starts.
fn script(line: &str) -> Option<Kind> {
    let mut words = line.split_ascii_whitespace();
    let mut command = words.next()?.to_owned();
    if command == "/usr/bin/env" {
        let name = words.next()?;
        let name = if name == "-S" { words.next()? } else { name };
        command = format!("{command} {name}");
    }
    if SHELLS.contains(&command.as_str()) {
        return Some(kind("text/x-shellscript", ".sh"));
    }
    let is = |(places, name, ends, ..): &&(&[&str], &str, bool, &'static str, &'static str)| {
        places.iter().any(|place| {
            let rest = command
                .strip_prefix(place)
                .and_then(|rest| rest.strip_prefix(name));
            rest.is_some_and(|rest| rest.is_empty() || !*ends)
        })
    };
    let (.., mime, extension) = INTERPRETERS.iter().find(is)?;
    Some(kind(mime, extension))
}

/// A first number, times in order, and something to read.
fn subtitles(text: &str) -> bool {
    let mut lines = text.lines();
    if lines.next() != Some("1") {
        return false;
    }
    let times = lines.next().unwrap_or_default();
    let read = lines.next().is_some_and(|line| !line.is_empty());
    let Some((from, to)) = times.split_once(" --> ") else {
        return false;
    };
    read && time(from) && time(to) && from < to
}

/// `00:01:02,345`
fn time(text: &str) -> bool {
    let digits = |at: usize| text.as_bytes()[at].is_ascii_digit();
    let below_sixty = |at: usize| text.as_bytes()[at] < b'6';
    text.len() == 12
        && [2, 5].iter().all(|at| text.as_bytes()[*at] == b':')
        && text.as_bytes()[8] == b','
        && [0, 1, 3, 4, 6, 7, 9, 10, 11].into_iter().all(digits)
        && [3, 6].into_iter().all(below_sixty)
}
