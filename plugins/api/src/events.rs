//! Events around requests: the raiser's side of `plugins/hooks/PROTOCOL.md`.

use hangar_sdk::Error;
use hangar_sdk::hooks::{Raised, raise, subscribed};
use hangar_sdk::http::{Payload, Request, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Failure};

/// Separates the texts of an event.
const SEPARATOR: char = '\u{1e}';

/// What handlers may change.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Patch {
    event: Map<String, Value>,
    response: Option<Reply>,
}

/// A handler's own answer, or headers for ours.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    json: Option<Value>,
    text: Option<String>,
}

/// Runs an action inside an event's handlers. It gets what they have changed of the document, which is made only if
/// there are any.
pub fn around(
    event: &str,
    request: &Request,
    document: impl FnOnce() -> Result<Value, Failure>,
    run: impl FnOnce(&Map<String, Value>) -> Answer,
) -> Answer {
    if subscribed(&[event.to_owned()], &[]).is_empty() {
        return run(&Map::new());
    }
    let identity: Value = match &request.identity {
        Some(text) => serde_json::from_str(text).map_err(Error::from)?,
        None => Value::Null,
    };
    let mut document = document()?;
    // Bodies of these routes are documents; what is none is shown as none.
    let body = serde_json::from_slice(&request.body).unwrap_or_else(|_| json!({}));
    document["request"] = json!({
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": request.headers,
        "body": document.get("batch").map_or(body, |batch| json!({"requests": batch})),
        "identity": identity,
        "context": "default",
        "remoteAddress": request.remote_address,
    });
    let text = document.to_string();
    let raised = raise(event, &[], &text)?;
    let turn = raised.turn();
    let mut patches = patches(&turn.payload, text.len())?;
    let result = if turn.proceed {
        let mut changed = Map::new();
        for patch in &mut patches {
            changed.extend(std::mem::take(&mut patch.event));
        }
        run(&changed)
    } else {
        Ok(Response::empty(200))
    };
    match result {
        Ok(response) => {
            let mut outcome = turn.payload;
            if turn.proceed {
                outcome.push(SEPARATOR);
                outcome.push_str(&json!({"response": {"status": response.status}}).to_string());
            }
            let last = Raised::finish(raised, Ok(outcome.as_str()))?;
            patches.extend(self::patches(&last, outcome.len())?);
            Ok(replaced(response, patches))
        }
        Err(failure) => {
            let last = Raised::finish(raised, Err(&failure.into_error()))?;
            // A handler has caught the error: what it answered counts.
            Ok(replaced(
                Response::empty(200),
                self::patches(&last, text.len())?,
            ))
        }
    }
}

fn patches(text: &str, from: usize) -> Result<Vec<Patch>, Failure> {
    let added = text
        .get(from..)
        .ok_or_else(|| Error::internal("a hook handler has cut the event short"))?;
    let parts = added.split(SEPARATOR).filter(|patch| !patch.is_empty());
    let read = |patch| serde_json::from_str(patch).map_err(|error| Error::from(error).into());
    parts.map(read).collect()
}

fn replaced(mut response: Response, patches: Vec<Patch>) -> Response {
    let mut replies: Vec<Reply> = patches
        .into_iter()
        .filter_map(|patch| patch.response)
        .collect();
    let own = replies
        .iter_mut()
        .find_map(|reply| Some((reply.status?, reply)));
    if let Some((status, reply)) = own {
        response = match (reply.json.take(), reply.text.take()) {
            (Some(value), _) => Response::json(status, hangar_model::json::to_json(&value)),
            (None, text) => Response {
                status,
                headers: Vec::new(),
                payload: text.map_or(Payload::Empty, Payload::Text),
            },
        };
    }
    response
        .headers
        .extend(replies.into_iter().flat_map(|reply| reply.headers));
    response
}
