//! The request behind `@request.*`.

use serde_json::{Map, Value as Json};

/// The values `@request.*` and the date macros resolve to.
#[derive(Clone, Debug)]
pub struct Request {
    /// `@request.method`, upper case.
    pub method: String,
    /// `@request.context`: `default`, `expand`, `realtime`, `protectedFile`, `batch`, `oauth2`, `otp` or `password`.
    pub context: String,
    /// The record behind the token; none for a guest, whose every `@request.auth.*` is null.
    pub auth: Option<Auth>,
    /// `@request.query.*`: the first value of each query parameter.
    pub query: Map<String, Json>,
    /// `@request.headers.*`: names in lower snake case (`x_token`), first value.
    pub headers: Map<String, Json>,
    /// `@request.body.*`: the submitted values after the write modifiers (`n+`) have been resolved.
    pub body: Map<String, Json>,
    /// `@now` in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// An authenticated record.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Name or id of its collection.
    pub collection: String,
    /// All stored fields by name, hidden ones included; dates as PocketBase texts, `""` for an empty date.
    pub record: Map<String, Json>,
}

impl Default for Request {
    /// A guest's GET in the context `default`, now.
    fn default() -> Self {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Request {
            method: "GET".to_owned(),
            context: "default".to_owned(),
            auth: None,
            query: Map::new(),
            headers: Map::new(),
            body: Map::new(),
            now_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
        }
    }
}
