//! Documents of older programs, and files of geographic data.

use super::containers::little;
use super::{Kind, from, has, kind};

/// The beginning of compound files, as Office wrote them up to 2003.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The end of the class ids of Office.
const CLASS: &[u8] = b"\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";
/// The length of a sector in compound files of the usual kind, and where a directory entry has its class id.
const SECTOR: usize = 512;
const CLASS_AT: usize = 80;
/// How far a PDF may begin within its file.
const PDF_WITHIN: usize = 1024;

/// First bytes of database tables, which name the program.
const TABLES: [u8; 15] = [
    0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x7b, 0x83, 0x8b, 0x8e, 0xcb, 0xe5, 0xf5, 0xfb,
];
/// The shortest table with one field.
const TABLE_LENGTH: usize = 68;

pub(super) fn find(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(COMPOUND) {
        return Some(compound(bytes));
    }
    if has(&bytes[..bytes.len().min(PDF_WITHIN)], b"%PDF-") {
        return Some(kind("application/pdf", ".pdf"));
    }
    if bytes.starts_with(b"\0\0\x27\x0a") {
        let shapes = bytes
            .get(4..24)
            .is_some_and(|unused| unused.iter().all(|byte| *byte == 0))
            && little(bytes, 28) == Some(1000);
        return Some(match shapes {
            true => kind("application/vnd.shp", ".shp"),
            false => kind("application/vnd.shx", ".shx"),
        });
    }
    table(bytes)
}

fn compound(bytes: &[u8]) -> Kind {
    let directory = little(bytes, 48).unwrap_or_default() as usize;
    let sectors = bytes.get(30) == Some(&9);
    let at = directory
        .saturating_add(1)
        .saturating_mul(SECTOR)
        .saturating_add(CLASS_AT);
    let class = match sectors {
        true => from(bytes, at),
        false => &[],
    };
    let is = |start: &[u8]| {
        class
            .strip_prefix(start)
            .is_some_and(|rest| rest.starts_with(CLASS))
    };
    let stream = from(bytes, SECTOR);
    let begins = |starts: &[&[u8]]| starts.iter().any(|start| stream.starts_with(start));
    if is(b"\x06\x09\x02") || is(b"\x00\x09\x02") || is(b"\x07\x09\x02") {
        kind("application/msword", ".doc")
    } else if is(b"\x20\x08\x02")
        || is(b"\x10\x08\x02")
        || begins(&[b"\x09\x08\x10\0\0\x06\x05\0"])
        || stream.starts_with(b"\xfd\xff\xff\xff")
            && matches!(stream.get(4), Some(0x10 | 0x1f | 0x22 | 0x23 | 0x28 | 0x29))
        || has(bytes, b"W\0k\0s\0S\0S\0W\0o\0r\0k\0B\0o\0o\0k\0")
    {
        kind("application/vnd.ms-excel", ".xls")
    } else if class.starts_with(b"\x10\x8d\x81\x64\x9b\x4f\xcf\x11\x86\xea\0\xaa\0\xb9\x29\xe8")
        || begins(&[b"\xa0\x46\x1d\xf0", b"\0\x6e\x1e\xf0", b"\x0f\0\xe8\x03"])
    {
        kind("application/vnd.ms-powerpoint", ".ppt")
    } else if is(b"\x0b\x0d\x02") {
        kind("application/vnd.ms-outlook", ".msg")
    } else {
        kind("application/x-ole-storage", "")
    }
}

/// A table of dBASE and its kin: the program, a date, a reserved zero.
fn table(bytes: &[u8]) -> Option<Kind> {
    let fits = bytes.len() >= TABLE_LENGTH
        && TABLES.contains(&bytes[0])
        && (1..=12).contains(&bytes[2])
        && (1..=31).contains(&bytes[3])
        && bytes[12..14] == [0, 0];
    fits.then_some(kind("application/x-dbf", ".dbf"))
}
