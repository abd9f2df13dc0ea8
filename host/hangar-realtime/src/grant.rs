use serde_json::Value;

/// The right to use `hangar:realtime/broker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant;

impl Grant {
    /// The line that grants it, for errors.
    pub const LINE: &str = "grant.realtime = true";

    /// From `grant.realtime` of hangar.toml: only `true` grants.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Self),
            other => Err(format!(
                "grant.realtime must be true (leave it out to withhold it), not {other}"
            )),
        }
    }
}
