//! PocketBase's error envelope and its tree of validation errors.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::json::to_json;

/// An answer other than success: `{"data":{…},"message":"…","status":N}`.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status, also the `status` key of the body.
    pub status: u16,
    /// Human-readable sentence. [`ApiError::new`] gives it a capital first letter and a full stop.
    pub message: String,
    /// Always an object on the wire; usually a [`ValidationErrors`] tree.
    pub data: Map<String, Value>,
}

impl ApiError {
    /// An error with empty `data`.
    pub fn new(status: u16, message: &str) -> Self {
        Self {
            status,
            message: sentence(message),
            data: Map::new(),
        }
    }

    /// 400. An empty message becomes PocketBase's generic one.
    pub fn bad_request(message: &str) -> Self {
        Self::new(400, or(message, crate::messages::SOMETHING_WRONG))
    }

    /// 401. An empty message becomes PocketBase's generic one.
    pub fn unauthorized(message: &str) -> Self {
        Self::new(401, or(message, crate::messages::MISSING_AUTH))
    }

    /// 403. An empty message becomes PocketBase's generic one.
    pub fn forbidden(message: &str) -> Self {
        Self::new(403, or(message, crate::messages::NOT_ALLOWED))
    }

    /// 404. An empty message becomes PocketBase's generic one.
    pub fn not_found(message: &str) -> Self {
        Self::new(404, or(message, crate::messages::NOT_FOUND))
    }

    /// 413, a body above its limit.
    pub fn too_large() -> Self {
        Self::new(413, crate::messages::BODY_TOO_LARGE)
    }

    /// 429. An empty message becomes PocketBase's generic one.
    pub fn too_many_requests(message: &str) -> Self {
        Self::new(429, or(message, crate::messages::TOO_MANY_REQUESTS))
    }

    /// 500. An empty message becomes PocketBase's generic one.
    pub fn internal(message: &str) -> Self {
        Self::new(500, or(message, crate::messages::SOMETHING_WRONG))
    }

    /// 400 with a validation tree.
    pub fn invalid(message: &str, errors: ValidationErrors) -> Self {
        let mut error = Self::bad_request(message);
        error.data = errors.into_data();
        error
    }

    /// 400 "Failed to create record." with a validation tree (empty for a failed create rule).
    pub fn create_record(errors: ValidationErrors) -> Self {
        Self::invalid(crate::messages::CREATE_RECORD, errors)
    }

    /// 400 "Failed to update record." with a validation tree.
    pub fn update_record(errors: ValidationErrors) -> Self {
        Self::invalid(crate::messages::UPDATE_RECORD, errors)
    }

    /// The answer for an unreadable body.
    pub fn bad_body() -> Self {
        Self::bad_request(crate::messages::BAD_BODY)
    }

    /// The answer to somebody who is no superuser where only superusers may act: guests 401, others 403.
    pub fn superusers_only(authenticated: bool) -> Self {
        if authenticated {
            Self::forbidden(crate::messages::SUPERUSERS_ROUTE)
        } else {
            Self::unauthorized("")
        }
    }

    /// The answer of a record endpoint whose rule is null to anybody but superusers.
    pub fn locked_rule() -> Self {
        Self::forbidden(crate::messages::SUPERUSERS_ACTION)
    }

    /// The response body.
    pub fn to_json(&self) -> String {
        to_json(&json!({"data": self.data, "message": self.message, "status": self.status}))
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.message)
    }
}

impl std::error::Error for ApiError {}

fn or<'a>(message: &'a str, default: &'a str) -> &'a str {
    if message.is_empty() { default } else { message }
}

/// Capital first letter, and a full stop unless the text ends in `.`, `?` or `!`.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut out: String = first.to_uppercase().chain(letters).collect();
    if !out.ends_with(['.', '?', '!']) {
        out.push('.');
    }
    out
}

/// One leaf of a validation tree.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    /// Stable code such as `validation_required`.
    pub code: Cow<'static, str>,
    /// Human-readable sentence.
    pub message: String,
    /// Values the message was made of, where PocketBase sends them (an object).
    pub params: Option<Value>,
}

impl FieldError {
    /// A leaf without params.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: sentence(&message.into()),
            params: None,
        }
    }

    /// The same leaf with params.
    pub fn with(mut self, params: Value) -> Self {
        self.params = Some(params);
        self
    }

    /// `{"code":…,"message":…,"params":…}`.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        out.insert("code".into(), self.code.as_ref().into());
        out.insert("message".into(), self.message.as_str().into());
        if let Some(params) = &self.params {
            out.insert("params".into(), params.clone());
        }
        Value::Object(out)
    }
}

/// A tree of validation errors which mirrors the input: keys are names, or indexes written as text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ValidationErrors {
    data: Map<String, Value>,
}

impl ValidationErrors {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree of one leaf.
    pub fn one(name: &str, error: FieldError) -> Self {
        let mut errors = Self::new();
        errors.add(name, error);
        errors
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Whether something at or below this name failed.
    pub fn has(&self, name: &str) -> bool {
        self.data.contains_key(name)
    }

    /// Adds a leaf. The first error of a name stays.
    pub fn add(&mut self, name: &str, error: FieldError) {
        if !self.data.contains_key(name) {
            self.data.insert(name.to_owned(), error.to_value());
        }
    }

    /// Adds the error of a check, if there is one.
    pub fn check(&mut self, name: &str, result: Result<(), FieldError>) {
        if let Err(error) = result {
            self.add(name, error);
        }
    }

    /// Hangs a subtree under a name; an empty one is dropped.
    pub fn nest(&mut self, name: &str, errors: ValidationErrors) {
        if !errors.is_empty() && !self.data.contains_key(name) {
            self.data
                .insert(name.to_owned(), Value::Object(errors.data));
        }
    }

    /// `Ok` if nothing failed.
    pub fn into_result(self) -> Result<(), ValidationErrors> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The tree as the `data` of an [`ApiError`].
    pub fn into_data(self) -> Map<String, Value> {
        self.data
    }

    /// The tree as it will be shown.
    pub fn data(&self) -> &Map<String, Value> {
        &self.data
    }
}
