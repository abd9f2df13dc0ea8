//! HTML, SVG and what XML is for.

use super::text::with_charset;
use super::{Kind, kind};

/// Tags that HTML may begin with, after white space, in any case of letters; a space or `>` ends each.
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

/// Formats in XML: an element, a namespace that must be there, too, type and ending; the first that fits counts.
const XML: &[(&str, &str, &str, &str)] = &[
    ("<rss", "", "application/rss+xml", ".rss"),
    (
        "<feed",
        "xmlns=\"http://www.w3.org/2005/Atom\"",
        "application/atom+xml",
        ".atom",
    ),
    (
        "<X3D",
        "xmlns:xsd=\"http://www.w3.org/2001/XMLSchema-instance\"",
        "model/x3d+xml",
        ".x3d",
    ),
    (
        "<kml",
        "xmlns=\"http://www.opengis.net/kml/2.2\"",
        "application/vnd.google-earth.kml+xml",
        ".kml",
    ),
    (
        "<kml",
        "xmlns=\"http://earth.google.com/kml/2.0\"",
        "application/vnd.google-earth.kml+xml",
        ".kml",
    ),
    (
        "<kml",
        "xmlns=\"http://earth.google.com/kml/2.1\"",
        "application/vnd.google-earth.kml+xml",
        ".kml",
    ),
    (
        "<kml",
        "xmlns=\"http://earth.google.com/kml/2.2\"",
        "application/vnd.google-earth.kml+xml",
        ".kml",
    ),
    (
        "<xliff",
        "xmlns=\"urn:oasis:names:tc:xliff:document:1.2\"",
        "application/x-xliff+xml",
        ".xlf",
    ),
    (
        "<COLLADA",
        "xmlns=\"http://www.collada.org/2005/11/COLLADASchema\"",
        "model/vnd.collada+xml",
        ".dae",
    ),
    (
        "",
        "xmlns:gml=\"http://www.opengis.net/gml\"",
        "application/gml+xml",
        ".gml",
    ),
    (
        "",
        "xmlns:gml=\"http://www.opengis.net/gml/3.2\"",
        "application/gml+xml",
        ".gml",
    ),
    (
        "",
        "xmlns:gml=\"http://www.opengis.net/gml/3.3/exr\"",
        "application/gml+xml",
        ".gml",
    ),
    (
        "<gpx",
        "xmlns=\"http://www.topografix.com/GPX/1/1\"",
        "application/gpx+xml",
        ".gpx",
    ),
    (
        "<TrainingCenterDatabase",
        "xmlns=\"http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2\"",
        "application/vnd.garmin.tcx+xml",
        ".tcx",
    ),
    ("<amf", "", "application/x-amf", ".amf"),
    (
        "<model",
        "xmlns=\"http://schemas.microsoft.com/3dmanufacturing/core/2015/02\"",
        "application/vnd.ms-package.3dmanufacturing-3dmodel+xml",
        ".3mf",
    ),
    (
        "<xfdf",
        "xmlns=\"http://ns.adobe.com/xfdf/\"",
        "application/vnd.adobe.xfdf",
        ".xfdf",
    ),
    (
        "<Ontology",
        "xmlns=\"http://www.w3.org/2002/07/owl#\"",
        "application/owl+xml",
        ".owl",
    ),
];
/// How much of an XML document tells what it is for.
const XML_HEAD: usize = 512;
const XHTML: &str = "xmlns=\"http://www.w3.org/1999/xhtml\"";
const SVG: &str = "http://www.w3.org/2000/svg";

/// What a text that begins with a tag is. `encoding` is that of its bytes.
pub(super) fn find(text: &str, encoding: &str) -> Option<Kind> {
    let start = text.trim_start();
    if start.starts_with("<?xml ") && start.contains("<svg") || is_svg(start) {
        return Some(kind("image/svg+xml", ".svg"));
    }
    let start = start.strip_prefix('\u{feff}').unwrap_or(start).trim_start();
    if TAGS.iter().any(|tag| begins_with_tag(start, tag)) {
        let named = html_charset(start);
        return Some(Kind {
            mime: with_charset("text/html", named.unwrap_or(encoding)),
            extension: ".html",
        });
    }
    if !starts_with_ignoring_case(start, "<?xml ") {
        return None;
    }
    let mut end = start.len().min(XML_HEAD);
    while !start.is_char_boundary(end) {
        end -= 1;
    }
    let head = &start[..end];
    let found = XML
        .iter()
        .find(|(element, namespace, ..)| head.contains(element) && head.contains(namespace));
    if let Some((_, _, mime, extension)) = found {
        return Some(kind(mime, extension));
    }
    if head.to_ascii_lowercase().contains("<html") && head.contains(XHTML) {
        return Some(kind("application/xhtml+xml", ".html"));
    }
    let named = xml_encoding(start);
    Some(Kind {
        mime: with_charset("text/xml", named.unwrap_or(encoding)),
        extension: ".xml",
    })
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn begins_with_tag(text: &str, tag: &str) -> bool {
    starts_with_ignoring_case(text, tag)
        && text[tag.len()..].starts_with([' ', '>', '\t', '\n', '\r'])
}

/// SVG without an XML declaration: comments, then the element with its namespace.
fn is_svg(text: &str) -> bool {
    let mut rest = text;
    while let Some(comment) = rest.strip_prefix("<!--") {
        let Some((_, after)) = comment.split_once("-->") else {
            return false;
        };
        rest = after;
    }
    let Some(attributes) = rest.strip_prefix("<svg") else {
        return false;
    };
    let tag = attributes.split('>').next().unwrap_or_default();
    let namespace = tag
        .split(char::is_whitespace)
        .skip(1)
        .collect::<Vec<_>>()
        .join(" ");
    ['"', '\''].iter().any(|quote| {
        let value = format!("{quote}{SVG}{quote}");
        let Some(at) = namespace.find(&value) else {
            return false;
        };
        let name = namespace[..at].trim_end().trim_end_matches('=').trim_end();
        name.ends_with("xmlns")
    }) && attributes.contains('>')
}

/// The encoding that an XML declaration names.
fn xml_encoding(text: &str) -> Option<&str> {
    let (declaration, _) = text.split_once("?>")?;
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    rest[1..].split(quote).next()
}

/// The encoding that a `meta` element names.
fn html_charset(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find("<meta").map(|at| from + at) {
        let end = lower[at..].find('>').map_or(lower.len(), |end| at + end);
        if let Some(value) = charset(&text[at..end], &lower[at..end]) {
            return Some(value);
        }
        from = end;
    }
    None
}

/// The value behind `charset=` in a tag, without quotes.
fn charset<'a>(tag: &'a str, lower: &str) -> Option<&'a str> {
    let about = lower.contains("http-equiv") || !lower.contains("content");
    let at = lower.find("charset=").filter(|_| about)? + "charset=".len();
    let value = tag[at..].trim_start_matches(['"', '\'']);
    let end = value
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '/'))
        .unwrap_or(value.len());
    (end > 0).then_some(&value[..end])
}
