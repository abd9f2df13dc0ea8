//! Data as text: JSON and tables.

use serde_json::Value;

use super::{Kind, kind};

/// Rows of a table that are looked at.
const ROWS: usize = 10;

/// What data a text holds.
pub(super) fn find(text: &str, whole: bool) -> Option<Kind> {
    json(text, whole).or_else(|| table(text, whole))
}

fn json(text: &str, whole: bool) -> Option<Kind> {
    let start = text.trim_start();
    if !start.starts_with(['{', '[']) {
        return None;
    }
    match serde_json::from_str::<Value>(start) {
        Ok(value) => Some(of_value(&value)),
        Err(error) if error.is_eof() && !whole => Some(kind("application/json", ".json")),
        Err(_) => records(start).then_some(kind("application/x-ndjson", ".ndjson")),
    }
}

fn of_value(value: &Value) -> Kind {
    let is = |name: &str, known: &[&str]| {
        let told = value.get(name).and_then(Value::as_str);
        told.is_some_and(|told| known.contains(&told))
    };
    if !value.is_object() {
        return kind("application/json", ".json");
    }
    let (log, asset) = (&value["log"], &value["asset"]);
    if is("type", &GEOMETRIES) {
        kind("application/geo+json", ".geojson")
    } else if log["version"].is_string() && log["entries"].is_array() {
        kind("application/json", ".har")
    } else if matches!(asset["version"].as_str(), Some("1.0" | "2.0")) {
        kind("model/gltf+json", ".gltf")
    } else if is("bomFormat", &["CycloneDX"]) {
        kind("application/vnd.cyclonedx+json", ".json")
    } else {
        kind("application/json", ".json")
    }
}

const GEOMETRIES: [&str; 9] = [
    "Feature",
    "FeatureCollection",
    "Point",
    "LineString",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
];

/// Several lines of JSON each; the last may have been cut.
fn records(text: &str) -> bool {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let Some((last, before)) = lines.split_last() else {
        return false;
    };
    let reads = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
    let begun = match serde_json::from_str::<Value>(last) {
        Ok(_) => true,
        Err(error) => error.is_eof(),
    };
    !before.is_empty() && begun && before.iter().all(reads)
}

/// At least two lines of the same number of columns, two or more.
fn table(text: &str, whole: bool) -> Option<Kind> {
    let regular = |separator: char| {
        let Some(mut rows) = rows(text, separator, whole) else {
            return false;
        };
        if !whole && rows.len() <= ROWS {
            rows.pop();
        }
        rows.truncate(ROWS);
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

/// Where a reader of a row is.
#[derive(Clone, Copy, PartialEq)]
enum At {
    /// Before a value.
    Start,
    /// In a value, in which quotes are letters like others.
    Plain,
    Quoted,
    /// Behind a quote in a quoted value: it ends, or the quote is a part of it.
    Quote,
}

/// The number of columns of each row; none if the quotes are wrong. Comments and empty lines do not count.
fn rows(text: &str, separator: char, whole: bool) -> Option<Vec<usize>> {
    let (mut rows, mut columns, mut at) = (Vec::new(), 1, At::Start);
    let (mut empty, mut comment) = (true, false);
    for letter in text.chars() {
        if at == At::Quoted {
            if letter == '"' {
                at = At::Quote;
            }
            continue;
        }
        match letter {
            '\n' => {
                if !empty && !comment {
                    rows.push(columns);
                }
                (columns, at, empty, comment) = (1, At::Start, true, false);
                continue;
            }
            '\r' => continue,
            '#' if empty => comment = true,
            _ if comment => {}
            _ if letter == separator => {
                columns += 1;
                at = At::Start;
            }
            '"' if at == At::Start || at == At::Quote => at = At::Quoted,
            _ if at == At::Quote => return None,
            _ => at = At::Plain,
        }
        empty = false;
    }
    if at == At::Quoted && whole {
        return None;
    }
    if !empty && !comment {
        rows.push(columns);
    }
    Some(rows)
}
