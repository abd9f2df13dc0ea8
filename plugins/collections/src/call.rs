//! A request as the record endpoints see it.

use std::cell::OnceCell;

use hangar_filter::{Auth, Request as FilterRequest};
use hangar_model::ApiError;
use hangar_model::bound::is_url_encoded;
use hangar_sdk::http::Request;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::body::{self, Body};
use crate::catalog::Entry;

/// Who is asking, as the auth plugin describes it.
#[derive(Debug, Deserialize)]
pub struct Identity {
    /// Whether no rule applies.
    #[serde(default)]
    pub superuser: bool,
    /// Collection of the record.
    #[serde(default)]
    pub collection: CollectionRef,
    /// The record, hidden fields included.
    #[serde(default)]
    pub record: Map<String, Value>,
}

/// Id and name of a collection.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CollectionRef {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Identity {
    /// Id of the record.
    pub fn id(&self) -> &str {
        self.record
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// The request another plugin serves, as far as rules and hooks see it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Part {
    method: String,
    path: String,
    query: String,
    headers: String,
    remote_address: String,
    context: String,
    /// Handles of the files that belong to it.
    pub files: Vec<u32>,
    /// The record gets a password that nobody knows.
    pub random_password: bool,
    /// Null: whoever the current call is for.
    identity: Value,
}

/// The contexts rules can ask for; anything else is the default.
fn context(name: &str) -> &'static str {
    const NAMES: [&str; 7] = [
        "expand",
        "realtime",
        "protectedFile",
        "batch",
        "oauth2",
        "otp",
        "password",
    ];
    NAMES
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or_default()
}

/// A request or a service call.
#[derive(Debug, Default)]
pub struct Call {
    /// Upper case.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Raw query.
    pub query: String,
    /// One header a line.
    pub headers: String,
    /// Address of the peer.
    pub remote_address: String,
    /// `@request.context`; empty means `default`.
    pub context: &'static str,
    /// The parsed body.
    pub body: Body,
    /// The password of the body, if the server has made it up.
    pub made_password: Option<String>,
    /// Who is asking; none for a guest.
    pub identity: Option<Identity>,
    /// The text `identity` was read from.
    pub identity_text: Option<String>,
    pub(crate) pairs: OnceCell<Vec<(String, String)>>,
}

impl Call {
    /// Reads a request. The body is parsed, whatever the method.
    ///
    /// # Errors
    /// 400 for a body that cannot be read.
    pub fn new(request: Request) -> Result<Self, ApiError> {
        let body = body::read(&request)?;
        let context = match request.header("x-hangar-context") {
            Some("batch") => "batch",
            _ => "",
        };
        let mut call = Self {
            context,
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers,
            remote_address: request.remote_address,
            body,
            ..Self::default()
        };
        call.identify(request.identity);
        Ok(call)
    }

    /// A call of the service: not a request, but on behalf of somebody, unless told otherwise of whoever the current
    /// request is from.
    pub fn internal(viewer: Option<String>) -> Self {
        let mut call = Self {
            method: "GET".into(),
            ..Self::default()
        };
        call.identify(viewer.or_else(hangar_sdk::context::identity));
        call
    }

    /// The same request as if somebody else had sent it.
    pub fn as_seen_by(&self, identity: Option<String>, context: &'static str) -> Self {
        let mut call = Self {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            remote_address: self.remote_address.clone(),
            context,
            ..Self::default()
        };
        call.identify(identity);
        call
    }

    /// A call of the service that stands for a part of a request: `body` is what a client would have sent.
    pub fn part(request: &Part, body: Body) -> Self {
        let mut call = Self {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            remote_address: request.remote_address.clone(),
            context: context(&request.context),
            body,
            ..Self::default()
        };
        let identity = match &request.identity {
            Value::Null => hangar_sdk::context::identity(),
            identity => Some(identity.to_string()),
        };
        call.identify(identity);
        call
    }

    fn identify(&mut self, text: Option<String>) {
        self.identity = text
            .as_deref()
            .and_then(|text| match serde_json::from_str(text) {
                Ok(identity) => Some(identity),
                Err(error) => {
                    hangar_sdk::log::warn(&format!(
                        "the identity document cannot be read, going on as a guest: {error}"
                    ));
                    None
                }
            });
        self.identity_text = text;
    }

    /// Whether a manage rule may let the caller change what only managers change. Nobody is let by it who is not signed in,
    /// whatever it says: `team.lead = @request.auth.id` is true of a guest and an account without a team.
    pub fn may_manage(&self, entry: &Entry) -> bool {
        entry.is_auth() && self.identity.is_some() && !self.superuser()
    }

    /// Whether a superuser is asking.
    pub fn superuser(&self) -> bool {
        self.identity
            .as_ref()
            .is_some_and(|identity| identity.superuser)
    }

    /// The id of the record that is asking, if it belongs to this collection.
    pub fn own_id(&self, collection_id: &str) -> Option<&str> {
        let identity = self.identity.as_ref()?;
        (identity.collection.id == collection_id).then(|| identity.id())
    }

    /// The first value of a query parameter; empty if there is none.
    pub fn parameter(&self, name: &str) -> &str {
        self.pairs()
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// The query's pairs. As in Go, a malformed pair is left out.
    fn pairs(&self) -> &[(String, String)] {
        self.pairs.get_or_init(|| {
            let sound = self
                .query
                .split('&')
                .map(str::as_bytes)
                .filter(|pair| is_url_encoded(pair));
            sound
                .flat_map(form_urlencoded::parse)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect()
        })
    }

    /// What `@request.*` stands for. `body` is the submitted body after modifiers.
    pub fn filter_request(&self, context: &str, body: Map<String, Value>) -> FilterRequest {
        let mut query = Map::new();
        for (name, value) in self.pairs() {
            query
                .entry(name.as_str())
                .or_insert_with(|| value.as_str().into());
        }
        let mut headers = Map::new();
        for line in self.headers.lines() {
            if let Some((name, value)) = line.split_once(": ") {
                headers
                    .entry(name.replace('-', "_"))
                    .or_insert_with(|| value.into());
            }
        }
        FilterRequest {
            method: self.method.clone(),
            context: if context.is_empty() {
                "default"
            } else {
                context
            }
            .to_owned(),
            auth: self.identity.as_ref().map(|identity| Auth {
                collection: identity.collection.id.clone(),
                record: identity.record.clone(),
            }),
            query,
            headers,
            body,
            ..FilterRequest::default()
        }
    }

    /// [`Self::filter_request`] for this call's own context and a body that no rule reads from.
    pub fn plain_request(&self) -> FilterRequest {
        self.filter_request(self.context, self.body.values.clone())
    }
}
