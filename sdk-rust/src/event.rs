//! Raising events in the format of `plugins/hooks/PROTOCOL.md`: a JSON document, to which handlers append patches.
//!
//! Ask [`crate::hooks::subscribed`] first: without a subscriber no document needs to be made.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::hooks::{Raised, Turn, raise};
use crate::http::{Request, Response};
use crate::reply::{Reply, ResponsePatch};
use crate::{Error, Result};

/// Separates patches; it cannot occur raw in JSON.
const SEPARATOR: char = '\u{1e}';

/// What handlers' patches act on.
pub trait Subject {
    /// A patch, as far as this event knows one.
    type Patch: DeserializeOwned;
    /// Applies one patch.
    fn apply(&mut self, patch: Self::Patch);
    /// The patch that tells handlers what the action has come to, if they should know.
    fn outcome(&self) -> Option<String> {
        None
    }
}

/// Patches that are only gathered.
impl<P: DeserializeOwned> Subject for Vec<P> {
    type Patch = P;
    fn apply(&mut self, patch: P) {
        self.push(patch);
    }
}

/// How a chain went.
pub enum Around<T> {
    /// The action happened, with this result.
    Done(T),
    /// A handler ended the chain before the action, or swallowed its error.
    Stopped,
}

/// What an event is about, as texts.
pub struct Document {
    /// The document.
    pub text: String,
    /// That of the request in which it happens; empty if there is none.
    pub request: String,
}

impl From<String> for Document {
    fn from(text: String) -> Self {
        Self {
            text,
            request: String::new(),
        }
    }
}

impl From<Value> for Document {
    /// Takes the request out of a document that has it as `request`.
    fn from(mut document: Value) -> Self {
        let request = document
            .as_object_mut()
            .and_then(|document| document.remove("request"));
        Self {
            text: document.to_string(),
            request: request
                .map(|request| request.to_string())
                .unwrap_or_default(),
        }
    }
}

/// Runs an action inside the handlers of an event.
///
/// # Errors
/// What the outermost handler makes of the action's error, or of its own.
pub fn around<S, T, F>(
    event: &str,
    tags: &[String],
    document: &Document,
    subject: &mut S,
    action: impl FnOnce(&mut S) -> Result<T, F>,
) -> Result<Around<T>, F>
where
    S: Subject,
    F: From<Error> + Into<Error>,
{
    let raised = raise(event, tags, &document.text, &document.request)?;
    let Turn { proceed, patches } = raised.turn();
    apply(subject, &patches)?;
    if !proceed {
        Raised::finish(raised, Ok(""))?;
        return Ok(Around::Stopped);
    }
    let (went, last) = match action(subject) {
        Ok(done) => {
            let outcome = subject.outcome().unwrap_or_default();
            (Around::Done(done), Raised::finish(raised, Ok(&outcome))?)
        }
        Err(failure) => (
            Around::Stopped,
            Raised::finish(raised, Err(&failure.into()))?,
        ),
    };
    apply(subject, &last)?;
    Ok(went)
}

fn apply<S: Subject>(subject: &mut S, patches: &str) -> Result<()> {
    for patch in read(patches)? {
        subject.apply(patch);
    }
    Ok(())
}

fn read<P: DeserializeOwned>(patches: &str) -> Result<Vec<P>> {
    patches
        .split(SEPARATOR)
        .filter(|patch| !patch.is_empty())
        .map(|patch| serde_json::from_str(patch).map_err(Error::from))
        .collect()
}

/// A request with what handlers do to it.
struct Exchange<P> {
    patches: Vec<P>,
    reply: Reply,
    status: u16,
}

/// A patch of a request event.
#[derive(Deserialize)]
struct RequestPatch<P> {
    response: Option<ResponsePatch>,
    #[serde(flatten)]
    rest: P,
}

impl<P: DeserializeOwned> Subject for Exchange<P> {
    type Patch = RequestPatch<P>;

    fn apply(&mut self, patch: RequestPatch<P>) {
        self.reply.add(patch.response.unwrap_or_default());
        self.patches.push(patch.rest);
    }

    fn outcome(&self) -> Option<String> {
        Some(json!({"response": {"status": self.status}}).to_string())
    }
}

/// Runs an action that answers a request inside the handlers of a request event. The action gets the patches made
/// before it; the answer is a handler's own if there is one, else the action's, else 200 without a body. `write` makes
/// the text of a JSON value that a handler answers.
///
/// # Errors
/// What the outermost handler makes of the action's error, or of its own.
pub fn around_request<P, F>(
    event: &str,
    tags: &[String],
    document: &Document,
    write: fn(&Value) -> String,
    action: impl FnOnce(&[P]) -> Result<Response, F>,
) -> Result<Response, F>
where
    P: DeserializeOwned,
    F: From<Error> + Into<Error>,
{
    let mut exchange = Exchange {
        patches: Vec::new(),
        reply: Reply::default(),
        status: 200,
    };
    let went = around(event, tags, document, &mut exchange, |exchange| {
        let response = action(&exchange.patches)?;
        exchange.status = response.status;
        Ok::<_, F>(response)
    })?;
    Ok(exchange.reply.finish(went, write)?)
}

/// The `request` of a document.
///
/// # Errors
/// The identity is no JSON.
pub fn request_document(request: &Request, context: &str, body: Value) -> Result<Value> {
    let identity: Value = match request.identity.as_deref() {
        Some(text) => serde_json::from_str(text)?,
        None => Value::Null,
    };
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
    use serde_json::Map;

    #[test]
    fn patches_are_read_one_by_one() {
        let text = "{\"set\":{\"a\":1}}\u{1e}{\"event\":{\"token\":\"t\"}}";
        let patches: Vec<Value> = read(text).expect("patches");
        assert_eq!(
            patches,
            [json!({"set": {"a": 1}}), json!({"event": {"token": "t"}})]
        );
        assert!(read::<Value>("").expect("none").is_empty());
        assert!(read::<Map<String, Value>>("[1]").is_err());
    }

    #[test]
    fn the_request_stands_apart() {
        let document = Document::from(json!({"record": {}, "request": {"method": "GET"}}));
        assert_eq!(document.text, r#"{"record":{}}"#);
        assert_eq!(document.request, r#"{"method":"GET"}"#);
        assert_eq!(Document::from(json!({})).request, "");
    }

    #[test]
    fn a_patch_of_a_request_is_told_from_its_response() {
        let patch: RequestPatch<Map<String, Value>> =
            serde_json::from_str(r#"{"event":{"n":1.5},"response":{"status":201}}"#)
                .expect("a patch");
        assert_eq!(Value::from(patch.rest), json!({"event": {"n": 1.5}}));
        let mut reply = Reply::default();
        reply.add(patch.response.expect("a response"));
        assert!(reply.answered());
    }
}
