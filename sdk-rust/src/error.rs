use serde_json::{Map, Value};

use crate::Error;

/// Code of an error that is an answer: some plugin has decided what the client is told.
const ANSWER: &str = "api_error";

/// What a client is told instead of what it has asked for.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// A sentence.
    pub message: String,
    /// Details by field.
    pub data: Map<String, Value>,
}

impl Error {
    /// An error of this plugin with an empty `data`.
    pub fn new(code: &str, status: u16, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status,
            data: "{}".into(),
        }
    }

    /// Something this plugin did not expect; status 500.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("internal", 500, message)
    }

    /// An answer for the client as an error, to pass through hooks and other plugins.
    pub fn answer(answer: Answer) -> Self {
        Self {
            code: ANSWER.into(),
            message: answer.message,
            status: answer.status,
            data: Value::Object(answer.data).to_string(),
        }
    }

    /// The answer that the error is.
    ///
    /// # Errors
    /// The error itself if it is none.
    pub fn into_answer(self) -> Result<Answer, Self> {
        if self.code != ANSWER {
            return Err(self);
        }
        let data = match serde_json::from_str(&self.data) {
            Ok(Value::Object(data)) => data,
            _ => Map::new(),
        };
        Ok(Answer {
            status: self.status,
            message: self.message,
            data,
        })
    }

    /// The SQLSTATE, if the database raised this.
    pub fn sqlstate(&self) -> Option<&str> {
        self.code.strip_prefix("sqlstate:")
    }
}

impl From<serde_json::Error> for Error {
    fn from(e: serde_json::Error) -> Self {
        Self::internal(format!("JSON: {e}"))
    }
}
