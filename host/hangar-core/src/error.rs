use std::borrow::Cow;
use std::fmt;

/// A `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error shape of `hangar:types/errors`: the same on both sides of a component boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Stable identifier in snake case, such as `denied` or `sqlstate:23505`.
    pub code: Cow<'static, str>,
    /// What happened and what to change, for operators.
    pub message: String,
    /// Suggested HTTP status, 0 if none applies.
    pub status: u16,
    /// A JSON object.
    pub data: String,
}

impl Error {
    /// An error with an empty `data`.
    pub fn new(
        code: impl Into<Cow<'static, str>>,
        status: u16,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status,
            data: "{}".into(),
        }
    }

    /// The same with a JSON object as `data`.
    pub fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data = data.into();
        self
    }

    /// A capability that hangar.toml does not grant: says which line to add.
    pub fn denied(plugin: &str, capability: &str, line: &str) -> Self {
        Self::new(
            "denied",
            403,
            format!(
                "plugin \"{plugin}\" used {capability}, which is not granted to it; add to hangar.toml under [plugins.{plugin}]: {line}"
            ),
        )
    }

    /// A bound that was hit: names the limit, its value and the setting that moves it.
    pub fn limit(plugin: &str, what: &str, value: impl fmt::Display, setting: &str) -> Self {
        Self::new(
            "limit",
            503,
            format!(
                "plugin \"{plugin}\" exceeded its limit: {what} (at most {value}; setting {setting})"
            ),
        )
    }

    /// A capability whose contract exists but which this build does not serve.
    pub fn unserved(capability: &str) -> Self {
        Self::new(
            "unserved",
            501,
            format!("{capability} is not served by this version of Hangar"),
        )
    }

    /// Input the callee cannot use.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new("bad_input", 400, message)
    }

    /// What should not happen; the message goes to the log, not to clients.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("internal", 500, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Error {}
