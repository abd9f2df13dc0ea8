//! What is in a ZIP archive, by the names of its first entries.

use super::{Kind, from, kind};

const LOCAL: &[u8] = b"PK\x03\x04";
/// Where the name of an entry begins.
const NAME: usize = 30;

/// Types that an archive names in its first entry, called `mimetype`; the first that fits counts.
const NAMED: &[(&str, &str)] = &[
    ("application/epub+zip", ".epub"),
    ("application/vnd.oasis.opendocument.text-template", ".ott"),
    ("application/vnd.oasis.opendocument.text", ".odt"),
    (
        "application/vnd.oasis.opendocument.spreadsheet-template",
        ".ots",
    ),
    ("application/vnd.oasis.opendocument.spreadsheet", ".ods"),
    (
        "application/vnd.oasis.opendocument.presentation-template",
        ".otp",
    ),
    ("application/vnd.oasis.opendocument.presentation", ".odp"),
    (
        "application/vnd.oasis.opendocument.graphics-template",
        ".otg",
    ),
    ("application/vnd.oasis.opendocument.graphics", ".odg"),
    ("application/vnd.oasis.opendocument.formula", ".odf"),
    ("application/vnd.oasis.opendocument.chart", ".odc"),
    ("application/vnd.sun.xml.calc", ".sxc"),
];

/// Folders of Office documents.
const OFFICE: &[(&str, &str, &str)] = &[
    (
        "word/",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".docx",
    ),
    (
        "xl/",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ".xlsx",
    ),
    (
        "ppt/",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ".pptx",
    ),
    (
        "visio/",
        "application/vnd.ms-visio.drawing.main+xml",
        ".vsdx",
    ),
];

/// What an Office document may begin with, besides those folders.
const BEFORE: [&str; 4] = [
    "[Content_Types].xml",
    "_rels/.rels",
    "docProps",
    "customXml",
];

/// Entries of programs for Android.
const ANDROID: [&str; 4] = [
    "AndroidManifest.xml",
    "META-INF/com/android/build/gradle/app-metadata.properties",
    "classes.dex",
    "resources.arsc",
];

pub(super) fn find(bytes: &[u8]) -> Option<Kind> {
    if !bytes.starts_with(LOCAL) {
        return None;
    }
    if let Some(mime) = from(bytes, NAME).strip_prefix(b"mimetype")
        && let Some((mime, extension)) = NAMED
            .iter()
            .find(|(name, _)| mime.starts_with(name.as_bytes()))
    {
        return Some(kind(mime, extension));
    }
    let names: Vec<&[u8]> = memchr::memmem::find_iter(bytes, LOCAL)
        .filter_map(|at| name(from(bytes, at)))
        .collect();
    let first = names.first().copied().unwrap_or_default();
    let any = |wanted: &str| names.iter().any(|name| name.starts_with(wanted.as_bytes()));
    for (folder, mime, extension) in OFFICE {
        let begins = BEFORE
            .iter()
            .chain([folder])
            .any(|start| first.starts_with(start.as_bytes()));
        if begins && any(folder) {
            return Some(kind(mime, extension));
        }
    }
    Some(if ANDROID.into_iter().any(any) {
        kind("application/vnd.android.package-archive", ".apk")
    } else if first == b"META-INF/" || first == b"META-INF/MANIFEST.MF" {
        kind("application/java-archive", ".jar")
    } else if any("doc.kml") {
        kind("application/vnd.google-earth.kmz", ".kmz")
    } else {
        kind("application/zip", ".zip")
    })
}

/// The name of the entry whose header this is.
fn name(header: &[u8]) -> Option<&[u8]> {
    let &[low, high] = header.get(26..28)? else {
        return None;
    };
    let length = usize::from(u16::from_le_bytes([low, high]));
    let name = header.get(NAME..)?;
    Some(&name[..length.min(name.len())])
}
