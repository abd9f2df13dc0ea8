//! Errors of parsing and compiling.

use std::fmt;

/// What an [`Error`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is not a filter, rule or sort list. Status 400.
    Syntax,
    /// A field, collection, macro, function or modifier is unknown or may not be used here. Status 400.
    Field,
    /// A path names a field or a back relation that is not there. Status 400, but null where it begins at the request.
    Missing,
    /// A bound was exceeded; the message names it. Status 400.
    Limit,
    /// A client used something only superusers may. Status 403.
    Forbidden,
}

/// Why a filter, rule or sort list was refused. The message names the offending part of the input, never SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Category, which decides the HTTP status.
    pub kind: ErrorKind,
    /// One sentence without trailing period.
    pub message: String,
}

impl Error {
    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Error {
            kind: ErrorKind::Syntax,
            message: message.into(),
        }
    }

    pub(crate) fn field(message: impl Into<String>) -> Self {
        Error {
            kind: ErrorKind::Field,
            message: message.into(),
        }
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Error {
            kind: ErrorKind::Missing,
            message: message.into(),
        }
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Error {
            kind: ErrorKind::Limit,
            message: message.into(),
        }
    }

    /// The same error, with what it happened in before the message.
    pub(crate) fn within(self, what: &str) -> Self {
        Error {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }

    /// The HTTP status that fits: 400 or 403.
    pub fn status(&self) -> u16 {
        if self.kind == ErrorKind::Forbidden {
            403
        } else {
            400
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
