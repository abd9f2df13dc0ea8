//! What goes wrong, and how it is answered.

use hangar_model::{ApiError, messages};
use hangar_sdk::http::Response;
use hangar_sdk::{Error, log};

/// Why a request failed.
#[derive(Debug)]
pub enum Failure {
    /// An answer for the client.
    Api(ApiError),
    /// Something below: the database, another plugin, a hook.
    Host(Error),
}

/// The result of a route.
pub type Answer = Result<Response, Failure>;

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Failure> for Error {
    /// The failure as it passes through hooks.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Host(error) => error,
            Failure::Api(error) => Self::answer(hangar_sdk::Answer {
                status: error.status,
                message: error.message,
                data: error.data,
            }),
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

impl Failure {
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

    /// The response. What is not meant for clients is logged and answered in general words.
    pub fn respond(self) -> Response {
        let error = match self {
            Self::Api(error) => error,
            Self::Host(error) => {
                if error.code != "hook_error" {
                    log::error(&format!(
                        "the request failed: {} ({})",
                        error.message, error.code
                    ));
                }
                ApiError::bad_request(messages::SOMETHING_WRONG)
            }
        };
        Response::json(error.status, error.to_json())
    }
}
