//! Raising events whose text has the format of `plugins/hooks/PROTOCOL.md`: a JSON document, then patches, each after a
//! record separator. Handlers only append, so a raiser reads what comes after the length it knows.
//!
//! Ask [`crate::hooks::subscribed`] first: without a subscriber no document needs to be made.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::hooks::{Raised, Turn, raise};
use crate::http::{Request, Response};
use crate::reply::{Reply, ResponsePatch};
use crate::{Error, Result};

/// Separates the texts of an event; it cannot occur raw in JSON.
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

/// Runs an action inside the handlers of an event.
///
/// # Errors
/// What the outermost handler makes of the action's error, or of its own.
pub fn around<S, T, F>(
    event: &str,
    tags: &[String],
    document: &str,
    subject: &mut S,
    action: impl FnOnce(&mut S) -> Result<T, F>,
) -> Result<Around<T>, F>
where
    S: Subject,
    F: From<Error> + Into<Error>,
{
    let raised = raise(event, tags, document)?;
    let Turn {
        proceed,
        payload: mut text,
    } = raised.turn();
    apply(subject, &text, document.len())?;
    if !proceed {
        let last = Raised::finish(raised, Ok(&text))?;
        apply(subject, &last, text.len())?;
        return Ok(Around::Stopped);
    }
    match action(subject) {
        Ok(done) => {
            if let Some(outcome) = subject.outcome() {
                text.push(SEPARATOR);
                text.push_str(&outcome);
            }
            let last = Raised::finish(raised, Ok(&text))?;
            apply(subject, &last, text.len())?;
            Ok(Around::Done(done))
        }
        Err(failure) => {
            let last = Raised::finish(raised, Err(&failure.into()))?;
            apply(subject, &last, common(document.len(), &text, &last))?;
            Ok(Around::Stopped)
        }
    }
}

fn apply<S: Subject>(subject: &mut S, text: &str, known: usize) -> Result<()> {
    for patch in patches(text, known)? {
        subject.apply(patch);
    }
    Ok(())
}

/// The patches after what is known of a text.
fn patches<P: DeserializeOwned>(text: &str, known: usize) -> Result<Vec<P>> {
    let added = text
        .get(known..)
        .ok_or_else(|| Error::internal("a hook handler has cut the event short"))?;
    added
        .split(SEPARATOR)
        .filter(|patch| !patch.is_empty())
        .map(|patch| serde_json::from_str(patch).map_err(Error::from))
        .collect()
}

/// Where what is new begins in the answer of a handler that has caught an error: of the patches that were made further
/// inside, which are known, it may lack some.
fn common(document: usize, known: &str, text: &str) -> usize {
    let (known, text) = (known.as_bytes(), text.as_bytes());
    let same = known.iter().zip(text).take_while(|(a, b)| a == b).count();
    if same == known.len() || same == text.len() {
        return same;
    }
    let separator = |byte: &u8| char::from(*byte) == SEPARATOR;
    known[..same]
        .iter()
        .rposition(separator)
        .map_or(document, |at| at.max(document))
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
    document: &str,
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
    fn only_what_is_new_is_read() {
        let text = "{\"record\":{}}\u{1e}{\"set\":{\"a\":1}}\u{1e}{\"event\":{\"token\":\"t\"}}";
        let read: Vec<Value> = patches(text, 13).expect("patches");
        assert_eq!(
            read,
            [json!({"set": {"a": 1}}), json!({"event": {"token": "t"}})]
        );
        assert!(patches::<Value>("{}", 10).is_err());
        assert!(patches::<Map<String, Value>>("{}\u{1e}[1]", 2).is_err());
    }

    #[test]
    fn after_a_caught_error_only_new_patches_count() {
        let known = "{}\u{1e}{\"a\":1}\u{1e}{\"b\":1}";
        let new = |text: &str| text[common(2, known, text)..].to_owned();
        assert_eq!(new(&format!("{known}\u{1e}{{\"c\":1}}")), "\u{1e}{\"c\":1}");
        assert_eq!(new("{}\u{1e}{\"a\":1}\u{1e}{\"c\":1}"), "\u{1e}{\"c\":1}");
        assert_eq!(new("{}\u{1e}{\"a\":1}"), "");
        assert_eq!(new("{}"), "");
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
