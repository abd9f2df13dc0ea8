use hangar_core::{Error, Result};
use serde::Deserialize;

/// What is kept, as a plugin sets it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Days an entry is kept; 0: nothing is.
    pub days: u32,
    /// Entries below this level are dropped at once.
    pub min_level: i16,
    /// Most bytes of an entry's data; 0 for [`Settings::DATA_BYTES`].
    pub data_bytes: usize,
    /// Key that tells that data were cut.
    pub cut_key: String,
    /// Whether entries of requests have the addresses of client and peer.
    pub addresses: bool,
    /// Keys of an identity's `log` that entries of requests have; empty for guests.
    pub identity: Vec<String>,
}

impl Settings {
    /// Most bytes of an entry's data where nothing else is set.
    pub const DATA_BYTES: usize = 16 << 10;

    /// Reads settings.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Error::bad_input(format!("settings of the log store: {error}")))
    }

    /// Most bytes of an entry's data.
    pub fn limit(&self) -> usize {
        match self.data_bytes {
            0 => Self::DATA_BYTES,
            bytes => bytes,
        }
    }
}
