//! What goes wrong in a plugin that answers as PocketBase does, and how it is answered.

use hangar_model::bound::BadBody;
use hangar_model::{ApiError, messages};
use hangar_sdk::http::Response;
use hangar_sdk::{Error, log};

/// Why a request or a service call failed.
#[derive(Debug)]
pub enum Failure {
    /// An answer for the client.
    Api(ApiError),
    /// Something below: the database, another capability or plugin, a hook. Clients are not told what.
    Host(Error),
}

/// The result of most functions.
pub type Outcome<T> = Result<T, Failure>;

/// The result of a route.
pub type Answer = Outcome<Response>;

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Failure> for Error {
    /// The failure as it passes through hooks and to other plugins.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Api(error) => Self::answer(hangar_sdk::Answer {
                status: error.status,
                message: error.message,
                data: error.data,
            }),
            Failure::Host(error) => error,
        }
    }
}

impl From<Error> for Failure {
    /// An `api_error` (a hook or another plugin has decided the answer) becomes that answer.
    fn from(error: Error) -> Self {
        match error.into_answer() {
            Ok(answer) => Self::Api(ApiError {
                status: answer.status,
                message: answer.message,
                data: answer.data,
            }),
            Err(error) => Self::Host(error),
        }
    }
}

impl From<BadBody> for Failure {
    fn from(why: BadBody) -> Self {
        Self::Api(why.into())
    }
}

impl From<hangar_filter::Error> for Failure {
    fn from(error: hangar_filter::Error) -> Self {
        Self::Api(match error.status() {
            403 => ApiError::forbidden(&error.message),
            // PocketBase does not tell what is wrong with a filter.
            _ => ApiError::bad_request(""),
        })
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Host(error.into())
    }
}

impl Failure {
    /// The SQLSTATE, if the database raised this.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Host(error) => error.sqlstate(),
            Self::Api(_) => None,
        }
    }

    /// Whether another transaction stood in the way, or has changed the table, and the same again may succeed.
    pub fn is_conflict(&self) -> bool {
        let Self::Host(error) = self else {
            return false;
        };
        match error.sqlstate() {
            // The last is that of a prepared statement that is gone.
            Some("40001" | "40P01" | "26000") => true,
            // One that was prepared for the table as it was; anything else that PostgreSQL cannot do stays so.
            Some("0A000") => error.message.contains("cached plan"),
            _ => false,
        }
    }

    /// What clients are told in these words, with the details of validation; the rest is logged when it is answered.
    pub fn told(self, message: &str) -> Self {
        match self {
            Self::Api(error) if error.status == 400 => Self::Api(ApiError {
                message: message.to_owned(),
                ..error
            }),
            other => other,
        }
    }

    /// The answer a client gets. What is no answer yet is logged and becomes a 400 with `message`.
    pub fn into_api(self, message: &str) -> ApiError {
        match self {
            Self::Api(error) => error,
            Self::Host(error) => {
                let text = format!("{message} {}: {}", error.code, error.message);
                match error.sqlstate() {
                    // A hook's own error is in the log already; that something is not there is none.
                    _ if matches!(error.code.as_str(), "hook_error" | "not_found") => {}
                    // A value PostgreSQL cannot hold, such as a NUL character: the client's doing.
                    Some(state) if state.starts_with("22") => log::warn(&text),
                    _ => log::error(&text),
                }
                ApiError::bad_request(message)
            }
        }
    }

    /// The response. What is not meant for clients is logged and answered in general words.
    pub fn respond(self) -> Response {
        let error = match self {
            // What a hook looked for was not there, and nobody has made another answer of it.
            Self::Host(error) if error.code == "not_found" => ApiError::not_found(""),
            other => other.into_api(messages::SOMETHING_WRONG),
        };
        Response::json(error.status, error.to_json())
    }
}
