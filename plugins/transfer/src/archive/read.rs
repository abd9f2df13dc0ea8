//! Reading an archive.

use hangar_model::json::to_json;
use hangar_model::{Collection, Field, FieldType};
use hangar_sdk::operator::archive;
use hangar_sdk::{Error, Result, operator};
use serde_json::{Map, Value};

use super::{ABOUT, About, COLLECTIONS, FORMAT, SETTINGS, STORAGE, records_of};
use crate::arguments::Arguments;
use crate::moving::{self, Origin};
use crate::records::Copier;
use crate::report::Report;
use crate::target;

/// An archive.
struct Archive {
    entries: Vec<String>,
}

/// Reads an archive into the database; answers the report.
///
/// # Errors
/// Why nothing was imported.
pub fn import(arguments: &Arguments) -> Result<String> {
    let archive = Archive {
        entries: serde_json::from_str(&archive::entries()?)?,
    };
    if !archive.has(ABOUT) {
        return Err(refused(format!(
            "it was not made by hangar export ({ABOUT} is not in it). A backup is restored with hangar backup restore; PocketBase's data directories are imported with hangar import pocketbase"
        )));
    }
    let about: About = serde_json::from_str(&text(ABOUT)?)?;
    if about.format > FORMAT {
        return Err(refused(format!(
            "it was made by Hangar {}, which is newer than this one",
            about.hangar
        )));
    }
    let all = target::parse(&text(COLLECTIONS)?)?;
    let settings = match archive.has(SETTINGS) {
        true => Some(serde_json::from_str(&text(SETTINGS)?)?),
        false => None,
    };
    moving::import(
        arguments,
        &archive,
        &all,
        settings.as_ref(),
        Report::default(),
    )
}

impl Archive {
    fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry == name)
    }
}

impl Origin for Archive {
    fn records(&self, collection: &Collection, report: &mut Report) -> Result<u64> {
        let name = records_of(collection);
        if !self.has(&name) {
            report.problem(format!(
                "collection {}: the archive has no {name}",
                collection.name
            ));
            return Ok(0);
        }
        let mut copier = Copier::new(collection, collection.fields.iter().collect());
        let mut number = 0u64;
        each_line(&name, |line| {
            number += 1;
            let mut record: Map<String, Value> = serde_json::from_slice(line)
                .map_err(|error| refused(format!("{name}, line {number}: {error}")))?;
            let mut value = |field: &Field| match record.remove(&field.name).unwrap_or_default() {
                // As text, so that a text in it which looks like JSON stays one.
                document if field.kind() == FieldType::Json && !document.is_null() => {
                    Value::String(to_json(&document))
                }
                other => other,
            };
            let values: Vec<Value> = collection.fields.iter().map(&mut value).collect();
            copier.push(values)
        })?;
        copier.finish(report)
    }

    fn rest(&self) -> Result<()> {
        Ok(())
    }

    fn logs(&self, _dry: bool, _report: &mut Report) -> Result<()> {
        Ok(())
    }

    fn files(&self) -> Result<Vec<(&'static str, operator::Copied)>> {
        operator::say("Copying files …");
        Ok(vec![("files", archive::extract(STORAGE)?)])
    }
}

/// A small entry.
fn text(name: &str) -> Result<String> {
    let content = archive::open(name)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = content.next()? {
        bytes.extend(chunk);
    }
    String::from_utf8(bytes).map_err(|_| refused(format!("{name} is not UTF-8")))
}

/// Hands over each line of an entry.
fn each_line(name: &str, mut work: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let content = archive::open(name)?;
    let mut rest = Vec::new();
    while let Some(chunk) = content.next()? {
        rest.extend(chunk);
        let mut done = 0;
        while let Some(length) = rest[done..].iter().position(|byte| *byte == b'\n') {
            work(&rest[done..done + length])?;
            done += length + 1;
        }
        rest.drain(..done);
    }
    if rest.is_empty() { Ok(()) } else { work(&rest) }
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(
        "bad_input",
        400,
        format!("the archive cannot be imported: {why}. Nothing was changed"),
    )
}
