//! `/api/oauth2-redirect`: where services send users back to. What they bring is passed on to the client that waits for
//! it in its event stream, and the user sees whether it went well.

use std::collections::HashMap;

use hangar_failure::Answer;
use hangar_sdk::guard::client_address;
use hangar_sdk::http::{Payload, Request, Response};
use hangar_sdk::{Result, form, realtime};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::apple;
use crate::body;

const SUCCESS: &str = "../_/#/auth/oauth2-redirect-success";
const FAILURE: &str = "../_/#/auth/oauth2-redirect-failure";
/// What clients subscribe to that wait.
const TOPIC: &str = "@oauth2";

/// Serves the route.
pub fn redirect(request: &Request) -> Answer {
    let sent = Sent::read(request);
    let page = if tell(request, &sent)? {
        SUCCESS
    } else {
        FAILURE
    };
    // After a POST, as Apple sends it, the page is got.
    let status = if request.method == "POST" { 303 } else { 307 };
    Ok(Response {
        status,
        headers: vec![("location".into(), page.into())],
        payload: Payload::Empty,
    })
}

/// What a service has sent the user with.
struct Sent {
    state: String,
    code: String,
    error: String,
    user: String,
}

impl Sent {
    fn read(request: &Request) -> Self {
        let mut values: HashMap<String, String> = HashMap::new();
        for (name, value) in form::query(&request.query) {
            values.entry(name).or_insert(value);
        }
        // A body that cannot be read has nothing to say.
        if request.method == "POST"
            && let Ok(body) = body::of(request)
        {
            let texts = body
                .values
                .into_iter()
                .filter_map(|(name, value)| match value {
                    Value::String(text) => Some((name, text)),
                    _ => None,
                });
            values.extend(texts);
        }
        let mut take = |name: &str| values.remove(name).unwrap_or_default();
        Self {
            state: take("state"),
            code: take("code"),
            error: take("error"),
            user: take("user"),
        }
    }
}

/// A client as the broker describes it.
#[derive(Deserialize)]
struct Client {
    topics: Vec<Topic>,
    identity: Option<Value>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

#[derive(Deserialize, serde::Serialize)]
struct Topic {
    topic: String,
    channel: String,
}

/// Tells the client that waits; whether there is one, and all is well.
fn tell(request: &Request, sent: &Sent) -> Result<bool> {
    let Some(text) = (match sent.state.as_str() {
        "" => None,
        id => realtime::client(id)?,
    }) else {
        return Ok(false);
    };
    let mut client: Client = serde_json::from_str(&text)?;
    if !client.topics.iter().any(|topic| topic.topic == TOPIC) {
        return Ok(false);
    }
    // There is one attempt for each subscription.
    client.topics.retain(|topic| topic.topic != TOPIC);
    let subject = client
        .identity
        .as_ref()
        .and_then(|identity| identity.get("subject"));
    let state =
        serde_json::json!({"topics": client.topics, "was": subject, "identity": client.identity});
    match realtime::set(&sent.state, &state.to_string()) {
        Err(error) if matches!(error.code.as_str(), "not_found" | "conflict") => return Ok(false),
        set => set?,
    }
    // The one who comes back must be where the one is who waits.
    if client.attributes.get("address").and_then(Value::as_str) != Some(&client_address()) {
        return Ok(false);
    }
    if request.method == "POST" && sent.error.is_empty() && !sent.user.is_empty() {
        apple::keep_name(&sent.code, &sent.user)?;
    }
    let messages =
        serde_json::json!([{"clients": [sent.state], "event": TOPIC, "data": sent.message()}]);
    let told = realtime::send(&messages.to_string())?;
    Ok(told > 0 && sent.error.is_empty() && !sent.code.is_empty())
}

impl Sent {
    /// In the order PocketBase writes it.
    fn message(&self) -> String {
        let mut text = format!(
            "{{\"state\":{},\"code\":{}",
            Value::from(self.state.as_str()),
            Value::from(self.code.as_str())
        );
        if !self.error.is_empty() {
            text.push_str(&format!(",\"error\":{}", Value::from(self.error.as_str())));
        }
        text.push('}');
        text
    }
}
