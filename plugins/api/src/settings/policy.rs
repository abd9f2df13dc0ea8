//! What the host enforces of the settings.

use hangar_sdk::{Result, guard, log};
use serde_json::{Value, json};

use super::{RateLimit, Settings};
use crate::crons;

/// Hands the settings to the host, on this node.
pub fn apply(settings: &Settings) -> Result<()> {
    guard::configure(&policy(settings).to_string())?;
    log::configure(&kept(settings).to_string())?;
    crons::apply(settings)
}

/// What the log store keeps.
fn kept(settings: &Settings) -> Value {
    let logs = &settings.logs;
    let identity: &[&str] = if logs.log_auth_id {
        &["auth", "authId"]
    } else {
        &["auth"]
    };
    json!({
        "days": logs.max_days.clamp(0, 36_500),
        "min-level": logs.min_level.clamp(i16::MIN.into(), i16::MAX.into()),
        "data-bytes": logs.max_data_size.max(0),
        "cut-key": "__pb_truncated__",
        "addresses": logs.log_ip,
        "identity": identity,
    })
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
