use serde_json::Value;

/// The right to set the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant;

impl Grant {
    /// The line that grants it, for errors.
    pub const LINE: &str = "grant.guard = true";

    /// From `grant.guard` of hangar.toml: only `true` grants.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Self),
            other => Err(format!(
                "grant.guard must be true (leave it out to withhold it), not {other}"
            )),
        }
    }
}
