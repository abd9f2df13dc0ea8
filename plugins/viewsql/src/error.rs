//! What is wrong with a query, in SQLite's words where it has some.

/// Why a query cannot be a view. The text follows "Invalid view query. Raw error:".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// One line for the superuser.
    pub message: String,
    /// The missing column, if that is what is wrong.
    pub missing_column: Option<String>,
    /// Whether PostgreSQL may take the text as it is.
    pub may_be_postgres: bool,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            missing_column: None,
            may_be_postgres: false,
        }
    }

    /// What SQLite finds wrong, with its frame.
    pub(crate) fn syntax(message: &str) -> Self {
        Self::new(format!("SQL logic error: {message} (1)"))
    }

    pub(crate) fn no_column(name: &str) -> Self {
        Self {
            missing_column: Some(name.to_owned()),
            ..Self::syntax(&format!("no such column: {name}"))
        }
    }

    pub(crate) fn no_table(name: &str) -> Self {
        Self::syntax(&format!("no such table: main.{name}"))
    }

    pub(crate) fn no_function(name: &str) -> Self {
        Self {
            may_be_postgres: true,
            ..Self::syntax(&format!("no such function: {name}"))
        }
    }

    /// Something SQLite takes and Hangar does not.
    pub(crate) fn unsupported(what: &str) -> Self {
        Self {
            may_be_postgres: true,
            ..Self::new(format!("{what} is not supported in view queries of Hangar"))
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
