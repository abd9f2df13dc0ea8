//! Request events around what this plugin does: the raiser's side of `plugins/hooks/PROTOCOL.md`.

use hangar_sdk::hooks::{Raised, raise, subscribed};
use hangar_sdk::http::{Payload, Request, Response};
use hangar_sdk::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::failure::{Answer, Failure};

/// Separates the texts of an event.
const SEPARATOR: char = '\u{1e}';

/// A change a handler has made.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Patch {
    /// Another record in place of the event's.
    pub record: Option<Map<String, Value>>,
    /// New values of the record's fields.
    pub set: Map<String, Value>,
    /// Fields not to show.
    pub hide: Vec<String>,
    /// Fields to show although they are hidden.
    pub unhide: Vec<String>,
    /// Whether to show values that are no field.
    pub custom: bool,
    /// Other keys of the event.
    pub event: Map<String, Value>,
    response: Option<Replacement>,
}

/// A response by a handler, or headers for ours.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Replacement {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    json: Option<Value>,
    text: Option<String>,
    base64: Option<String>,
}

/// Whether anybody wants one of these events for the collection of these tags.
pub fn wanted(event: &str, tags: &[String; 2]) -> bool {
    !subscribed(&[event.to_owned()], tags).is_empty()
}

/// Runs `action` inside the event's handlers. `document` is built only if there are any; `action` gets what they have
/// changed before it, and answers the response.
pub fn around(
    event: &str,
    tags: &[String; 2],
    document: impl FnOnce() -> Result<Value>,
    action: impl FnOnce(&[Patch]) -> Answer,
) -> Answer {
    if !wanted(event, tags) {
        return action(&[]);
    }
    let text = document()?.to_string();
    let raised = raise(event, tags, &text)?;
    let turn = raised.turn();
    let mut patches = patches(&turn.payload, text.len())?;
    // Without `proceed` some handler ended the chain: nothing happens, and unless it answered, nothing is said.
    let response = if turn.proceed {
        action(&patches)
    } else {
        Ok(Response::empty(200))
    };
    match response {
        Ok(response) => {
            let mut outcome = turn.payload;
            if turn.proceed {
                outcome.push(SEPARATOR);
                outcome.push_str(&json!({"response": {"status": response.status}}).to_string());
            }
            let last = Raised::finish(raised, Ok(outcome.as_str()))?;
            patches.extend(self::patches(&last, outcome.len())?);
            replace(response, patches)
        }
        Err(failure) => {
            let error = failure.into_error();
            let last = Raised::finish(raised, Err(&error))?;
            // A handler has caught the error: what it answered counts.
            replace(Response::empty(200), self::patches(&last, text.len())?)
        }
    }
}

/// Runs `action`, which answers nothing, inside the event's handlers.
pub fn around_sending(
    event: &str,
    tags: &[String; 2],
    document: impl FnOnce() -> Result<Value>,
    action: impl FnOnce(&[Patch]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !wanted(event, tags) {
        return action(&[]);
    }
    let text = document()?.to_string();
    let raised = raise(event, tags, &text)?;
    let turn = raised.turn();
    let done = if turn.proceed {
        action(&patches(&turn.payload, text.len())?)
    } else {
        Ok(())
    };
    match done {
        Ok(()) => Raised::finish(raised, Ok(turn.payload.as_str()))?,
        // A handler may catch the error: then it did not happen.
        Err(failure) => Raised::finish(raised, Err(&failure.into_error()))?,
    };
    Ok(())
}

/// The patches after the first `from` bytes.
fn patches(text: &str, from: usize) -> Result<Vec<Patch>> {
    let added = text
        .get(from..)
        .ok_or_else(|| Error::internal("a hook handler has cut the event short"))?;
    added
        .split(SEPARATOR)
        .filter(|patch| !patch.is_empty())
        .map(|patch| serde_json::from_str(patch).map_err(Error::from))
        .collect()
}

/// The response with the handlers' headers, or the first one a handler has written itself.
fn replace(mut response: Response, patches: Vec<Patch>) -> Answer {
    let replacements: Vec<Replacement> = patches
        .into_iter()
        .filter_map(|patch| patch.response)
        .collect();
    let own = replacements
        .iter()
        .find_map(|replacement| Some((replacement.status?, replacement)));
    if let Some((status, replacement)) = own {
        response.status = status;
        response.headers.clear();
        response.payload = payload(&mut response.headers, replacement)?;
    }
    response.headers.extend(
        replacements
            .into_iter()
            .flat_map(|replacement| replacement.headers),
    );
    Ok(response)
}

fn payload(
    headers: &mut Vec<(String, String)>,
    replacement: &Replacement,
) -> Result<Payload, Failure> {
    if let Some(value) = &replacement.json {
        headers.push(("content-type".into(), "application/json".into()));
        return Ok(Payload::Text(hangar_model::json::to_json(value)));
    }
    if let Some(text) = &replacement.text {
        return Ok(Payload::Text(text.clone()));
    }
    let Some(base64) = &replacement.base64 else {
        return Ok(Payload::Empty);
    };
    let bytes = decode_base64(base64)
        .ok_or_else(|| Error::internal("a hook handler answered broken base64"))?;
    Ok(Payload::Bytes(bytes))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}

/// The `request` of an event.
pub fn request_document(
    request: &Request,
    context: &str,
    body: &Map<String, Value>,
) -> Result<Value> {
    let identity: Value = request
        .identity
        .as_deref()
        .map(serde_json::from_str)
        .transpose()?
        .unwrap_or_default();
    Ok(json!({
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": request.headers,
        "body": body,
        "identity": identity,
        "context": context,
        "remoteAddress": request.remote_address,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_read() {
        let text = "{\"record\":{}}\u{1e}{\"set\":{\"a\":1},\"hide\":[\"b\"]}\u{1e}{\"event\":{\"token\":\"t\"},\"later\":1}";
        let read = patches(text, 13).expect("patches");
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[0].set["a"].as_i64(), read[0].hide.as_slice()),
            (Some(1), &["b".to_owned()][..])
        );
        assert_eq!(read[1].event["token"], "t");
        assert!(patches("{}", 10).is_err());
    }

    #[test]
    fn the_first_status_wins_and_headers_add_up() {
        let text = "\u{1e}{\"response\":{\"headers\":[[\"x-a\",\"1\"]]}}\u{1e}{\"response\":{\"status\":201,\"json\":{\"a\":1}}}\
            \u{1e}{\"response\":{\"status\":202,\"text\":\"no\"}}";
        let response = replace(
            Response::json(200, "{}"),
            patches(text, 0).expect("patches"),
        )
        .expect("a response");
        assert_eq!(response.status, 201);
        assert!(response.headers.contains(&("x-a".into(), "1".into())));
        assert!(matches!(&response.payload, Payload::Text(text) if text == "{\"a\":1}"));
    }

    #[test]
    fn base64() {
        assert_eq!(decode_base64("aGVsbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode_base64("AP+/").as_deref(), Some(&[0, 255, 191][..]));
        assert_eq!(decode_base64("*"), None);
    }
}
