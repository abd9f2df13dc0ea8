use crate::Error;

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
