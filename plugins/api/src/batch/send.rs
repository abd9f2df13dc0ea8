//! One request of a batch, through the server's own routes.

use std::borrow::Cow;
use std::time::Duration;

use hangar_model::ApiError;
use hangar_sdk::dispatch::{self, SubRequest};
use hangar_sdk::http::Request;
use hangar_sdk::{Result, collections};
use serde_json::{Map, Value};

use super::form::{File, Form, Part};

/// What came of it.
pub enum Outcome {
    /// It went through.
    Done {
        /// Its status.
        status: u16,
        /// Its body, empty if there is none.
        body: String,
    },
    /// It failed with this answer.
    Refused(Value),
    /// It took too long.
    OutOfTime,
}

/// Sends one part.
pub fn send(
    request: &Request,
    form: &Form,
    at: usize,
    part: &Part,
    left: Duration,
) -> Result<Outcome> {
    let (path, query) = part.url.split_once('?').unwrap_or((&part.url, ""));
    let Some((method, path)) = target(part, path)? else {
        // PocketBase answers 500 where others came before it.
        let error = if at == 0 {
            ApiError::bad_request("")
        } else {
            ApiError::internal("")
        };
        return Ok(refused(&error));
    };
    let mut files = form.files.iter().filter(|file| file.part == at).peekable();
    let (content_type, body) = if method == "DELETE" {
        (None, Vec::new())
    } else {
        let json = Value::Object(part.body.clone().unwrap_or_default()).to_string();
        if files.peek().is_none() {
            (Some("application/json".to_owned()), json.into_bytes())
        } else {
            let (boundary, body) = multipart(&json, files);
            (
                Some(format!("multipart/form-data; boundary={boundary}")),
                body,
            )
        }
    };
    let sent = dispatch::send(&SubRequest {
        method: method.to_owned(),
        // A name is taken as it stands here.
        path: path.replace('%', "%25"),
        query: query.split('#').next().unwrap_or_default().to_owned(),
        headers: headers(
            &request.headers,
            part.headers.as_ref(),
            content_type.as_deref(),
        ),
        body,
        context: "batch".into(),
        timeout_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1),
    });
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) if error.code == "timeout" => return Ok(Outcome::OutOfTime),
        Err(error) => return Err(error),
    };
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status < 400 {
        return Ok(Outcome::Done {
            status: answer.status,
            body,
        });
    }
    Ok(match serde_json::from_str(&body) {
        Ok(response) => Outcome::Refused(response),
        Err(_) => refused(&ApiError::new(answer.status, "")),
    })
}

fn refused(error: &ApiError) -> Outcome {
    Outcome::Refused(serde_json::from_str(&error.to_json()).unwrap_or_default())
}

/// Method and path of what is allowed in a batch: create, update, delete, and `PUT`, which is one of the first two.
fn target<'a>(part: &Part, path: &'a str) -> Result<Option<(&'static str, Cow<'a, str>)>> {
    let Some(rest) = path.strip_prefix("/api/collections/") else {
        return Ok(None);
    };
    let segments: Vec<&str> = rest.split('/').collect();
    Ok(match (part.method.as_str(), segments.as_slice()) {
        (_, [first, ..] | [_, _, first]) if first.is_empty() => None,
        ("POST", [_, "records"]) => Some(("POST", path.into())),
        ("PATCH", [_, "records", id]) if !id.is_empty() => Some(("PATCH", path.into())),
        ("DELETE", [_, "records", id]) if !id.is_empty() => Some(("DELETE", path.into())),
        ("PUT", [collection, "records"]) => {
            let id = part.body.as_ref().and_then(|body| body.get("id")?.as_str());
            match id {
                Some(id) if !id.is_empty() && exists(collection, id)? => {
                    Some(("PATCH", format!("{path}/{id}").into()))
                }
                _ => Some(("POST", path.into())),
            }
        }
        _ => None,
    })
}

fn exists(collection: &str, id: &str) -> Result<bool> {
    // An id with a slash would name another route.
    if id.contains(['/', '\0']) {
        return Ok(false);
    }
    match collections::find(collection, id) {
        Ok(_) => Ok(true),
        Err(error) if error.code == "not_found" => Ok(false),
        Err(error) => Err(error),
    }
}

/// The outer request's headers, with the part's own over them. Who asks stays the same.
fn headers(outer: &str, own: Option<&Map<String, Value>>, content_type: Option<&str>) -> String {
    let own: Vec<(String, &str)> = own
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?)))
        .filter(|(name, value)| is_token(name) && !value.contains(['\r', '\n']))
        .filter(|(name, _)| {
            !matches!(
                name.as_str(),
                "authorization" | "content-type" | "content-length"
            )
        })
        .collect();
    let mut lines = String::with_capacity(outer.len() + 64);
    for line in outer.lines() {
        let name = line.split_once(": ").map_or(line, |(name, _)| name);
        let replaced = matches!(
            name,
            "content-type" | "content-length" | "transfer-encoding"
        ) || own.iter().any(|(other, _)| other == name);
        if !replaced {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    let content_type = content_type.map(|value| ("content-type".to_owned(), value));
    for (name, value) in own.into_iter().chain(content_type) {
        lines.push_str(&format!("{name}: {value}\n"));
    }
    lines
}

fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// The body as a form, and what separates its parts.
fn multipart<'a>(json: &str, files: impl Iterator<Item = &'a File>) -> (String, Vec<u8>) {
    let files: Vec<&File> = files.collect();
    let mut boundary = String::from("hangar-batch");
    let occurs = |boundary: &str| {
        let needle = boundary.as_bytes();
        let within = |data: &[u8]| data.windows(needle.len()).any(|window| window == needle);
        within(json.as_bytes()) || files.iter().any(|file| within(&file.data))
    };
    while occurs(&boundary) {
        boundary.push_str("-x");
    }
    let mut body = Vec::new();
    let head = |body: &mut Vec<u8>, name: &str, rest: &str| {
        let name = quoted(name);
        body.extend_from_slice(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n"
            )
            .as_bytes(),
        );
    };
    head(&mut body, "@jsonPayload", "");
    body.extend_from_slice(json.as_bytes());
    for file in files {
        body.extend_from_slice(b"\r\n");
        let kind = match file.content_type.as_str() {
            "" => "application/octet-stream",
            kind => kind,
        };
        let rest = format!(
            "; filename=\"{}\"\r\nContent-Type: {kind}",
            quoted(&file.name)
        );
        head(&mut body, &file.field, &rest);
        body.extend_from_slice(&file.data);
    }
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (boundary, body)
}

/// As browsers write names in forms.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn allowed(method: &str, path: &str) -> Option<String> {
        let part = Part {
            method: method.into(),
            ..Part::default()
        };
        target(&part, path)
            .expect("no look-up is needed")
            .map(|(method, path)| format!("{method} {path}"))
    }

    #[test]
    fn only_writes_of_records_are_allowed() {
        let of = |rest: &str| format!("/api/collections/posts/{rest}");
        assert_eq!(
            allowed("POST", &of("records")),
            Some("POST /api/collections/posts/records".into())
        );
        assert_eq!(
            allowed("PUT", &of("records")),
            Some("POST /api/collections/posts/records".into())
        );
        assert_eq!(
            allowed("PATCH", &of("records/a")),
            Some("PATCH /api/collections/posts/records/a".into())
        );
        assert_eq!(
            allowed("DELETE", &of("records/a")),
            Some("DELETE /api/collections/posts/records/a".into())
        );
        for (method, path) in [
            ("GET", of("records")),
            ("POST", of("records/")),
            ("POST", of("records/a")),
            ("PATCH", of("records")),
            ("PATCH", of("records/")),
            ("PATCH", of("records/a/b")),
            ("POST", "/api/batch".into()),
            ("POST", "api/collections/posts/records".into()),
            ("POST", "/api/collections//records".into()),
            ("POST", "http://x.y/api/collections/posts/records".into()),
        ] {
            assert_eq!(allowed(method, &path), None, "{method} {path}");
        }
    }

    #[test]
    fn headers_are_inherited_but_for_who_asks() {
        let own = json!({"X-A": "mine", "Authorization": "stolen", "Content-Type": "text/plain", "X-B": "two\nlines"});
        let lines = headers(
            "authorization: outer\nx-a: theirs\nuser-agent: me\ncontent-type: text/xml\n",
            own.as_object(),
            Some("application/json"),
        );
        assert_eq!(
            lines,
            "authorization: outer\nuser-agent: me\nx-a: mine\ncontent-type: application/json\n"
        );
    }

    #[test]
    fn forms_are_separated_by_what_is_in_none_of_their_parts() {
        let file = File {
            part: 0,
            field: "docs".into(),
            name: "a\"b.txt".into(),
            content_type: String::new(),
            data: b"-- hangar-batch --".to_vec(),
        };
        let (boundary, body) = multipart("{}", [&file].into_iter());
        assert_eq!(boundary, "hangar-batch-x");
        let text = String::from_utf8(body).expect("text");
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let parts = hangar_sdk::form::parse(&content_type, text.as_bytes()).expect("a form");
        assert_eq!(parts.len(), 2);
        assert_eq!(
            (parts[0].name.as_str(), &*parts[0].text()),
            ("@jsonPayload", "{}")
        );
        assert_eq!(parts[1].file_name.as_deref(), Some("a\"b.txt"));
        assert_eq!(parts[1].data, file.data);
    }
}
