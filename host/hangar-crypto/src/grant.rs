use serde_json::Value;

/// The right to use `hangar:crypto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant;

impl Grant {
    /// The line that grants it, for errors.
    pub const LINE: &str = "grant.crypto = true";

    /// From `grant.crypto` of hangar.toml: only `true` grants.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Self),
            other => Err(format!(
                "grant.crypto must be true (leave it out to withhold it), not {other}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_true_grants() {
        assert_eq!(Grant::parse(&json!(true)), Ok(Grant));
        for value in [json!(false), json!("true"), json!([]), json!(null)] {
            let error = Grant::parse(&value).expect_err("not a grant");
            assert!(error.contains("grant.crypto"), "{error}");
        }
    }
}
