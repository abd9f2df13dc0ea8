//! What the host enforces of the settings.

use hangar_sdk::{Result, guard};
use serde_json::{Value, json};

use super::{RateLimit, Settings};

/// Hands the settings to the host, on this node.
pub fn apply(settings: &Settings) -> Result<()> {
    guard::configure(&policy(settings).to_string())
}

fn policy(settings: &Settings) -> Value {
    let limits = &settings.rate_limits;
    let rules: Vec<Value> = if limits.enabled {
        limits.rules.iter().map(limit).collect()
    } else {
        Vec::new()
    };
    json!({
        "proxy-headers": settings.trusted_proxy.headers,
        "proxy-leftmost": settings.trusted_proxy.use_leftmost_ip,
        "privileged-networks": settings.superuser_ips,
        "unlimited-networks": limits.excluded_ips,
        "limits": rules,
    })
}

fn limit(rule: &RateLimit) -> Value {
    let bounded = |number: i64| number.clamp(0, u32::MAX.into());
    json!({
        "label": rule.label,
        "audience": match rule.audience.as_str() {
            "@guest" => "guests",
            "@auth" => "known",
            _ => "all",
        },
        "seconds": bounded(rule.duration),
        "requests": bounded(rule.max_requests),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_only_when_enabled() {
        let mut settings = Settings::initial();
        assert_eq!(policy(&settings)["limits"], json!([]));
        settings.rate_limits.enabled = true;
        settings.rate_limits.rules[0].audience = "@guest".into();
        let policy = policy(&settings);
        assert_eq!(
            policy["limits"][0],
            json!({"label": "*:auth", "audience": "guests", "seconds": 3, "requests": 2})
        );
        assert_eq!(policy["limits"][3]["audience"], "all");
    }
}
