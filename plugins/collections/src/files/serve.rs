//! `GET /api/files/{collection}/{record}/{file}`

use std::rc::Rc;

use hangar_failure::{Failure, Outcome};
use hangar_model::options::FileOptions;
use hangar_model::sql::ident;
use hangar_model::value::to_list;
use hangar_model::{ApiError, FieldOptions, FieldType};
use hangar_sdk::http::{Payload, Request, Response};
use hangar_sdk::{Error, auth, log, postgres, storage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::catalog::{self, Catalog, Entry, Rule, RuleKind};
use crate::files::place::place;
use crate::records::count;
use crate::records::event_document::{Record, Request as Asked};
use crate::records::plain_event::in_plain_event;
use crate::records::query::{self, Values};
use crate::records::record::Shown;
use crate::records::update::by_id;

const EVENT: &str = "onFileDownloadRequest";
/// How deep views of views are followed.
const MAX_DEPTH: usize = 8;
/// A size that every file field has.
const ALWAYS: &str = "100x100";
/// Kinds of pictures that small ones are made of.
const PICTURES: [&str; 5] = [
    "image/png",
    "image/jpg",
    "image/jpeg",
    "image/gif",
    "image/webp",
];
/// Types that browsers may show; everything else is downloaded.
const SHOWN: [&str; 18] = [
    "image/png",
    "image/jpg",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/x-icon",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "video/3gpp",
    "audio/mpeg",
    "audio/wav",
    "audio/aac",
    "audio/midi",
    "audio/aiff",
    "audio/x-m4a",
    "application/pdf",
];
/// Types by the ending of the name, whatever the content looks like.
const BY_NAME: [(&str, &str); 7] = [
    (".svg", "image/svg+xml"),
    (".css", "text/css"),
    (".js", "text/javascript"),
    (".mjs", "text/javascript"),
    (
        ".docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        ".xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        ".pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
];

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "type")]
    kind: String,
}

/// Answers the request.
///
/// # Errors
/// 404 for everything that is not there or not to be seen.
pub fn handle(request: Request) -> Outcome<Response> {
    let catalog = catalog::current()?;
    let mut params = std::mem::take(&mut request.params.clone()).into_iter();
    let mut next = || params.next().unwrap_or_default();
    let (collection, id, name) = (next(), next(), next());
    let entry = catalog
        .get(&collection)
        .ok_or_else(|| ApiError::not_found("Missing or invalid collection context."))?;
    count(entry, "file")?;
    let call = Call::new(request)?;
    let missing = || Failure::from(ApiError::not_found(""));
    if id.contains('\0') || name.contains('\0') {
        return Err(missing());
    }
    let record = by_id(entry, &id, "")?.ok_or_else(missing)?;
    let (field, options) = field_of(entry, &record, &name).ok_or_else(missing)?;
    if options.protected && !may_see(&catalog, entry, &call, &id)? {
        return Err(missing());
    }
    // Files of a view lie with the record it shows them of.
    let (owner, id) = match entry.is_view() {
        true => origin(&catalog, entry, &name, 0)?.ok_or_else(missing)?,
        false => (entry.clone(), id),
    };
    let refused = |error: Error| {
        if error.code != "not_found" {
            log::error(&format!(
                "the file {id}/{name} cannot be served: {}",
                error.message
            ));
        }
        missing()
    };
    let served = Served::of(&call, &owner, &id, &name, options).map_err(refused)?;
    let document = || {
        Ok(json!({
            "record": Record(&Shown::new(record)),
            "isNew": false,
            "original": {},
            "request": Asked::of(&call),
            "fileField": field,
            "servedPath": served.path(),
            "servedName": served.name(),
            "thumbError": null,
        }))
    };
    let answer = in_plain_event(EVENT, &entry.tags, document, |changed| {
        let text = |name: &str| changed.get(name).and_then(Value::as_str);
        served
            .answer(&call, text("servedPath"), text("servedName"))
            .map_err(refused)
    });
    let mut response = answer.unwrap_or_else(Failure::respond);
    // Files may be framed; of the headers of other answers this one is left out.
    response
        .headers
        .push(("x-frame-options".into(), String::new()));
    Ok(response)
}

/// Name and options of the field that names the file.
fn field_of<'a>(
    entry: &'a Entry,
    record: &Values,
    name: &str,
) -> Option<(&'a str, &'a FileOptions)> {
    entry.fields.iter().find_map(|field| match &field.options {
        FieldOptions::File(options) => {
            let names = record.get(&field.name).map(to_list)?;
            let named = names.iter().any(|other| other == name);
            named.then_some((field.name.as_str(), options))
        }
        _ => None,
    })
}

/// The record that has a file, among those a view is made of.
fn origin(
    catalog: &Catalog,
    view: &Entry,
    name: &str,
    depth: usize,
) -> Outcome<Option<(Rc<Entry>, String)>> {
    if depth > MAX_DEPTH {
        return Ok(None);
    }
    for (_, id) in &view.view_sources {
        let Some(source) = catalog.get(id) else {
            continue;
        };
        if source.is_view() {
            if let Some(found) = origin(catalog, source, name, depth + 1)? {
                return Ok(Some(found));
            }
            continue;
        }
        let fields = source.fields.iter();
        let columns: Vec<String> = fields
            .filter(|field| field.kind() == FieldType::File)
            .map(|field| match field.is_multiple() {
                true => format!("{} ? $1::text", ident(&field.name)),
                false => format!("{} = $1::text", ident(&field.name)),
            })
            .collect();
        if columns.is_empty() {
            continue;
        }
        let sql = format!(
            "SELECT \"id\" FROM {} WHERE {} LIMIT 1",
            source.table(),
            columns.join(" OR ")
        );
        let rows = postgres::query(sql, vec![name.into()])?;
        let id = rows.rows.first().and_then(|row| row.first()?.as_str());
        if let Some(id) = id {
            return Ok(Some((source.clone(), id.to_owned())));
        }
    }
    Ok(None)
}

/// Whether the view rule lets the owner of the file token at the record. The request's own identity does not count.
fn may_see(catalog: &Catalog, entry: &Rc<Entry>, call: &Call, id: &str) -> Outcome<bool> {
    let token = call.parameter("token");
    let identity = match token.is_empty() {
        true => None,
        false => auth::verify("file", token)?,
    };
    let call = call.as_seen_by(identity, "protectedFile");
    if call.superuser() {
        return Ok(true);
    }
    let rule = entry.rule(RuleKind::View)?;
    if matches!(rule, Rule::Locked) {
        return Ok(false);
    }
    let request = call.plain_request();
    let mut query = query::query(catalog, entry, &request);
    query::with_id(&mut query, id);
    query::with_rule(&mut query, &rule)?;
    let found = query::fetch(vec![query::exists(query.finish())])?;
    Ok(found.first().is_some_and(|rows| !rows.is_empty()))
}

/// A file about to be served.
struct Served {
    place: String,
    key: String,
    name: String,
    /// Content type of what is stored.
    kind: String,
    download: bool,
    thumb: Option<Thumb>,
}

/// A small picture to serve in the file's place.
struct Thumb {
    key: String,
    name: String,
    size: String,
}

fn attributes(place: &str, key: &str) -> Result<String, Error> {
    let attributes: Attributes = serde_json::from_str(&storage::attributes(place, key)?)?;
    let kind = attributes.kind.split(';').next().unwrap_or_default().trim();
    Ok(kind.to_owned())
}

impl Served {
    fn of(
        call: &Call,
        entry: &Entry,
        id: &str,
        name: &str,
        options: &FileOptions,
    ) -> Result<Self, Error> {
        let place = place()?;
        let folder = format!("{}/{id}", entry.id);
        let key = format!("{folder}/{name}");
        let kind = attributes(&place, &key)?;
        let size = call.parameter("thumb");
        let offered = size == ALWAYS || options.thumbs.iter().any(|other| other == size);
        let small = !size.is_empty() && offered && PICTURES.contains(&kind.as_str());
        Ok(Self {
            place,
            key,
            name: name.to_owned(),
            kind,
            download: matches!(
                call.parameter("download"),
                "1" | "t" | "T" | "true" | "TRUE" | "True"
            ),
            thumb: small.then(|| Thumb {
                key: format!("{folder}/thumbs_{name}/{size}_{name}"),
                name: format!("{size}_{name}"),
                size: size.to_owned(),
            }),
        })
    }

    /// Where it lies, as handlers see it.
    fn path(&self) -> &str {
        self.thumb.as_ref().map_or(&self.key, |thumb| &thumb.key)
    }

    /// What clients are to call it.
    fn name(&self) -> &str {
        self.thumb.as_ref().map_or(&self.name, |thumb| &thumb.name)
    }

    /// The response; a handler may want another blob, or another name.
    fn answer(
        &self,
        call: &Call,
        path: Option<&str>,
        name: Option<&str>,
    ) -> Result<Response, Error> {
        let path = path.filter(|path| *path != self.path());
        let kind = match path {
            Some(path) => attributes(&self.place, path)?,
            None => self.kind.clone(),
        };
        let shown = !self.download && SHOWN.contains(&kind.as_str());
        let mut how = match path {
            Some(_) => manner(name.unwrap_or(self.name()), shown),
            None => manner(name.unwrap_or(&self.name), shown),
        };
        how["request"] = call.headers.as_str().into();
        if let (None, Some(thumb)) = (path, &self.thumb) {
            let mut derived = manner(name.unwrap_or(&thumb.name), !self.download);
            derived["key"] = thumb.key.as_str().into();
            derived["recipe"] = thumb.size.as_str().into();
            how["derived"] = derived;
        }
        let key = path.unwrap_or(&self.key);
        let body = storage::defer(&self.place, key, &how.to_string())?;
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            payload: Payload::Body(body),
        })
    }
}

/// Content type and headers of a file.
fn manner(name: &str, shown: bool) -> Value {
    let by_name = BY_NAME.iter().find(|(ending, _)| name.ends_with(ending));
    let disposition = if shown { "inline" } else { "attachment" };
    json!({
        "type": by_name.map(|(_, kind)| *kind),
        "headers": [
            ["cache-control", "max-age=2592000, stale-while-revalidate=86400"],
            ["content-disposition", format!("{disposition}; filename={}", quoted(name))],
            ["content-security-policy", "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox"],
        ],
    })
}

/// A name as a quoted text of a header. Stored names are plain; imported ones may be anything.
fn quoted(name: &str) -> String {
    let mut out = String::from("\"");
    for letter in name.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_ascii() && !letter.is_ascii_control() => out.push(letter),
            _ => out.push('_'),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_headers() {
        assert_eq!(quoted("a.txt"), "\"a.txt\"");
        assert_eq!(quoted("a\"b\r\n\\é"), "\"a\\\"b__\\\\_\"");
        assert_eq!(manner("x.css", false)["type"], "text/css");
        assert_eq!(manner("x.CSS", false)["type"], Value::Null);
    }
}
