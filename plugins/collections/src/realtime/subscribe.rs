//! `GET /api/realtime` connects, `POST /api/realtime` says what to hear of.

use hangar_failure::Outcome;
use hangar_model::bound::spell;
use hangar_model::value::to_text;
use hangar_model::{ApiError, FieldError, ValidationErrors, messages, value_rules};
use hangar_sdk::guard::client_address;
use hangar_sdk::http::{Payload, Request, Response};
use hangar_sdk::realtime;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::body;
use crate::call::Call;
use crate::realtime::screen;
use crate::realtime::topic::channel;
use crate::records::event_document;
use crate::records::plain_event::in_plain_event;

/// The route of both.
pub const ROUTE: &str = "/api/realtime";

/// The first message of a stream.
const GREETING: &str = "PB_CONNECT";
/// Longest client id, bytes.
const MAX_ID: usize = 255;
/// Subscriptions of one client.
const MAX_TOPICS: usize = 1000;
/// Longest subscription, bytes.
const MAX_TOPIC: usize = 2500;

/// A client as the host describes it.
#[derive(Deserialize)]
struct Client {
    topics: Vec<Had>,
    identity: Option<Map<String, Value>>,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Had {
    topic: String,
}

#[derive(Deserialize)]
struct Attributes {
    address: String,
}

/// Answers the request.
///
/// # Errors
/// What the endpoint answers instead.
pub fn handle(request: &Request) -> Outcome<Response> {
    if request.method == "GET" {
        connect(request)
    } else {
        subscribe(request)
    }
}

fn connect(request: &Request) -> Outcome<Response> {
    let mut options = json!({"attributes": {"address": client_address()}});
    // A greeting that somebody wants to see first is a message like others.
    let screened = screen::wanted();
    if !screened {
        options["greeting"] = json!({"event": GREETING, "data": r#"{"clientId":"{id}"}"#});
    }
    let (id, stream) = realtime::connect(&options.to_string())?;
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let response = Response {
        status: 200,
        headers: vec![
            header("content-type", "text/event-stream"),
            header("cache-control", "no-store"),
            // Proxies that gather a response before they pass it on would keep all messages.
            header("x-accel-buffering", "no"),
        ],
        payload: Payload::Body(stream),
    };
    let document = || Ok(json!({"request": asked(request)?, "client": {"id": id, "topics": []}}));
    // Where a handler refuses, the stream is dropped with the response, and the client with it.
    let answer = in_plain_event("onRealtimeConnectRequest", &[], document, |_| Ok(response))?;
    if screened {
        let data = json!({"clientId": id}).to_string();
        let greeting = json!([{"clients": [id], "event": GREETING, "data": data}]);
        realtime::send(&greeting.to_string())?;
    }
    Ok(answer)
}

/// The request for handlers.
fn asked(request: &Request) -> Outcome<Value> {
    let call = Call::new(request.clone())?;
    Ok(serde_json::to_value(event_document::Request::of(&call))?)
}

fn subscribe(request: &Request) -> Outcome<Response> {
    let Form { id, topics } = Form::read(request)?;
    let missing = || ApiError::not_found("Missing or invalid client id.");
    let client = realtime::client(&id)?.ok_or_else(missing)?;
    let client: Client = serde_json::from_str(&client)?;
    if client.attributes.address != client_address() {
        return Err(ApiError::bad_request("Invalid realtime client.").into());
    }
    let identity = request.identity.as_deref().map(identity).transpose()?;
    let was = client.identity.as_ref().and_then(subject);
    if was.is_some() && was != identity.as_ref().and_then(subject) {
        return Err(ApiError::forbidden(
            "The current and the previous request authorization don't match.",
        )
        .into());
    }
    let document = || {
        let had: Vec<&str> = client.topics.iter().map(|had| had.topic.as_str()).collect();
        Ok(json!({
            "request": asked(request)?,
            "client": {"id": id, "topics": had, "identity": client.identity},
            "subscriptions": topics,
        }))
    };
    in_plain_event("onRealtimeSubscribeRequest", &[], document, |changed| {
        let wanted = match changed.get("subscriptions") {
            Some(wanted) => serde_json::from_value(wanted.clone())?,
            None => topics.clone(),
        };
        let topics: Vec<Value> = wanted
            .iter()
            .map(|topic: &String| json!({"topic": topic, "channel": channel(topic)}))
            .collect();
        let state = json!({"topics": topics, "identity": identity, "was": was});
        match realtime::set(&id, &state.to_string()) {
            Err(error) if error.code == "not_found" => Err(missing().into()),
            set => {
                set?;
                Ok(Response::empty(204))
            }
        }
    })
}

/// The name of an identity.
fn subject(identity: &Map<String, Value>) -> Option<&str> {
    identity.get("subject").and_then(Value::as_str)
}

/// Who subscribes: what stays the same whatever token they come with.
fn identity(text: &str) -> Result<Map<String, Value>, serde_json::Error> {
    let mut identity: Map<String, Value> = serde_json::from_str(text)?;
    identity.retain(|name, _| !matches!(name.as_str(), "expires" | "token"));
    Ok(identity)
}

/// The body of a subscription.
struct Form {
    id: String,
    topics: Vec<String>,
}

impl Form {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let kind = request.header("content-type");
        let bad = |_| ApiError::bad_request("");
        let mut values = body::parse(kind, &request.body).map_err(bad)?.values;
        // Texts of forms stay texts, whatever they look like.
        let typed = kind.is_some_and(|kind| kind.starts_with("application/json"));
        if typed {
            spell(&mut values, &["clientId", "subscriptions"])
                .map_err(|_| ApiError::bad_request(""))?;
        }
        let text = |value: &Value| match value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            other if !typed => Ok(to_text(other)),
            _ => Err(ApiError::bad_request("")),
        };
        let id = match values.get("clientId") {
            Some(id) => text(id)?,
            None => String::new(),
        };
        let topics = match values.get("subscriptions") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(topics)) => topics.iter().map(text).collect::<Result<_, _>>()?,
            Some(single) if !typed => vec![text(single)?],
            Some(_) => return Err(ApiError::bad_request("")),
        };
        let form = Self { id, topics };
        match form.check().into_result() {
            Ok(()) => Ok(form),
            Err(errors) => Err(ApiError::invalid(messages::SOMETHING_WRONG, errors)),
        }
    }

    fn check(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        if self.id.is_empty() {
            errors.add("clientId", value_rules::required());
        } else if self.id.len() > MAX_ID {
            let error = FieldError::new(
                "validation_length_out_of_range",
                "The length must be between 1 and 255.",
            );
            errors.add("clientId", error.with(json!({"min": 1, "max": MAX_ID})));
        }
        if self.topics.len() > MAX_TOPICS {
            errors.add("subscriptions", too_long(MAX_TOPICS));
            return errors;
        }
        let mut each = ValidationErrors::new();
        for (at, topic) in self.topics.iter().enumerate() {
            if topic.len() > MAX_TOPIC {
                each.add(&at.to_string(), too_long(MAX_TOPIC));
            }
        }
        if !each.is_empty() {
            errors.nest("subscriptions", each);
        }
        errors
    }
}

fn too_long(most: usize) -> FieldError {
    let text = format!("The length must be no more than {most}.");
    FieldError::new("validation_length_too_long", text).with(json!({"min": 0, "max": most}))
}
