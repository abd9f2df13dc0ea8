use serde_json::Value;

/// The right to use `hangar:mail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant;

impl Grant {
    /// The line that grants it, for errors.
    pub const LINE: &str = "grant.mail = true";

    /// From `grant.mail` of hangar.toml: only `true` grants.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(true) => Ok(Self),
            other => Err(format!(
                "grant.mail must be true (leave it out to withhold it), not {other}"
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
            assert!(error.contains("grant.mail"), "{error}");
        }
    }
}
