//! Checking request rates.

use hangar_model::{FieldError, ValidationErrors};
use serde_json::json;

use super::rules::{at_least, network, one_of, required};
use super::{RateLimit, RateLimits};

/// For whom a limit may hold.
const AUDIENCES: [&str; 2] = ["@guest", "@auth"];

impl RateLimits {
    /// What is wrong, under the keys of `rateLimits`.
    pub fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        if self.enabled {
            errors.check("rules", required(!self.rules.is_empty()));
        }
        errors.nest("rules", self.rule_errors());
        errors.nest("excludedIPs", networks(&self.excluded_ips));
        errors
    }

    fn rule_errors(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        for (at, rule) in self.rules.iter().enumerate() {
            errors.nest(&at.to_string(), rule.validate());
        }
        if errors.is_empty()
            && let Some((at, rule)) = self
                .rules
                .iter()
                .enumerate()
                .find(|(at, rule)| self.conflicts(*at, rule))
        {
            let message = format!(
                "Rate limit rule configuration with label {} already exists or conflicts with another rule.",
                rule.label
            );
            let error = FieldError::new("validation_conflicting_rate_limit_rule", message);
            let error = error.with(json!({"label": rule.label}));
            errors.nest(&at.to_string(), ValidationErrors::one("label", error));
        }
        errors
    }

    /// Whether an earlier rule already says something about the same requests.
    fn conflicts(&self, at: usize, rule: &RateLimit) -> bool {
        self.rules[..at].iter().any(|earlier| {
            earlier.label == rule.label
                && (earlier.audience == rule.audience
                    || earlier.audience.is_empty()
                    || rule.audience.is_empty())
        })
    }
}

impl RateLimit {
    fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        errors.check("label", label(&self.label));
        errors.check("audience", one_of(&self.audience, &AUDIENCES));
        errors.check(
            "duration",
            required(self.duration != 0).and_then(|()| at_least(self.duration, 1)),
        );
        errors.check(
            "maxRequests",
            required(self.max_requests != 0).and_then(|()| at_least(self.max_requests, 1)),
        );
        errors
    }
}

/// Errors of a list of networks, by index.
pub fn networks(list: &[String]) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    for (at, item) in list.iter().enumerate() {
        errors.check(&at.to_string(), network(item));
    }
    errors
}

/// `/path`, `METHOD /path`, `collection:action`, `*:action` or a single word.
fn label(text: &str) -> Result<(), FieldError> {
    required(!text.is_empty())?;
    let word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let path = |text: &str| {
        text.starts_with('/')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/'))
    };
    let good = match (text.split_once(' '), text.split_once(':')) {
        (Some((method, rest)), _) => word(method) && path(rest),
        (None, Some((collection, action))) => {
            (collection == "*" || word(collection)) && word(action)
        }
        (None, None) => path(text) || word(text),
    };
    if good {
        Ok(())
    } else {
        Err(FieldError::new(
            "validation_match_invalid",
            "must be in a valid format",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        for good in [
            "/",
            "/a-b/c_d",
            "POST /",
            "get /b",
            "FOO /x",
            "users:list",
            "*:auth",
            "foo",
        ] {
            assert_eq!(label(good), Ok(()), "{good}");
        }
        for bad in [
            "/a.b", "/a{id}", "/a-b/*", "POST ", "*:", "foo:", "GET /ä", "ü", "*:*", " /a", "/a ",
            "*:a-b", "GET  /", "/a?b", "a:b:c", "*", ":x", "/a b",
        ] {
            let error = label(bad).expect_err(bad);
            assert_eq!(error.code, "validation_match_invalid", "{bad}");
        }
    }

    #[test]
    fn the_same_label_twice_conflicts_unless_for_others() {
        let rule = |audience: &str| RateLimit {
            label: "*:auth".into(),
            audience: audience.into(),
            duration: 1,
            max_requests: 1,
        };
        let errors = |audiences: &[&str]| {
            let rules = audiences.iter().map(|audience| rule(audience)).collect();
            RateLimits {
                rules,
                ..RateLimits::default()
            }
            .validate()
        };
        assert!(errors(&["@auth", "@guest"]).is_empty());
        assert!(
            errors(&["@auth", "@guest", "@guest"]).data()["rules"]["2"]["label"]["code"]
                .as_str()
                .is_some_and(|code| code == "validation_conflicting_rate_limit_rule")
        );
        assert!(!errors(&["", "@guest"]).is_empty());
    }
}
