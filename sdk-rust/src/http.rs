//! Serving HTTP.

pub use crate::bindings::handler_http::exports::hangar::http::handler::Guest;
/// A response sent while the plugin is still at work.
pub use crate::bindings::imports::hangar::http::streaming::{Writer, start as start_stream};
pub use crate::bindings::imports::hangar::http::types::{Body, Payload, Request, Response};

impl Response {
    /// A response with a JSON text.
    pub fn json(status: u16, text: impl Into<String>) -> Self {
        Self::with(status, "application/json", Payload::Text(text.into()))
    }

    /// A response with a JSON body the host produces later.
    pub fn deferred(status: u16, body: Body) -> Self {
        Self::with(status, "application/json", Payload::Body(body))
    }

    /// A response without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            payload: Payload::Empty,
        }
    }

    fn with(status: u16, content_type: &str, payload: Payload) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            payload,
        }
    }
}

impl Request {
    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            (key == name).then_some(value)
        })
    }
}
