//! Merging a request body into the settings.

use serde_json::{Map, Value};

use super::Settings;

impl Settings {
    /// The settings with the body's values: objects merge key by key, anything else replaces, `null` gives the zero
    /// value. Keys match in any case, unknown ones are ignored. `None` if a value has the wrong type or a key is there
    /// twice.
    pub fn merged(&self, body: &Map<String, Value>) -> Option<Self> {
        let Ok(Value::Object(mut current)) = serde_json::to_value(self) else {
            return None;
        };
        merge_object(&mut current, body)?;
        serde_json::from_value(Value::Object(current)).ok()
    }
}

fn merge_object(target: &mut Map<String, Value>, body: &Map<String, Value>) -> Option<()> {
    let mut seen: Vec<String> = Vec::with_capacity(body.len());
    for (sent, value) in body {
        let key = target
            .keys()
            .find(|key| key.eq_ignore_ascii_case(sent))
            .unwrap_or(sent)
            .clone();
        if seen.contains(&key) {
            return None;
        }
        match (target.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge_object(old, new)?,
            // Serde would take a list for an object, value by value.
            (Some(Value::Object(_)), Value::Array(_)) => return None,
            // What is missing is read as its zero value.
            (_, Value::Null) => {
                target.remove(&key);
            }
            _ => {
                target.insert(key.clone(), without_nulls(value));
            }
        }
        seen.push(key);
    }
    Some(())
}

/// The same value, its objects without keys that are null. Elements of arrays stay: their place counts.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(body: Value) -> Option<Settings> {
        Settings::initial().merged(body.as_object().expect("an object"))
    }

    #[test]
    fn objects_merge_and_lists_replace() {
        let settings = merged(json!({
            "meta": {"appName": "Mine"},
            "rateLimits": {"rules": [{"label": "*:list", "duration": 1, "maxRequests": 2, "audience": null}, null]},
            "superuserIPs": ["1.2.3.4", null],
            "unknown": {"x": 1},
        }))
        .expect("valid");
        assert_eq!(settings.meta.app_name, "Mine");
        assert_eq!(settings.meta.sender_name, "Support");
        assert_eq!(settings.rate_limits.rules.len(), 2);
        assert_eq!(settings.rate_limits.rules[0].label, "*:list");
        assert_eq!(
            settings.rate_limits.rules[1],
            super::super::RateLimit::default()
        );
        assert_eq!(settings.superuser_ips, ["1.2.3.4", ""]);
    }

    #[test]
    fn null_gives_the_zero_value() {
        let settings = merged(json!({"meta": null, "smtp": {"port": null}, "superuserIPs": null}))
            .expect("valid");
        assert_eq!(settings.meta, super::super::Meta::default());
        assert_eq!(
            (settings.smtp.port, settings.smtp.host.as_str()),
            (0, "smtp.example.com")
        );
    }

    #[test]
    fn keys_match_in_any_case_but_once() {
        assert_eq!(
            merged(json!({"META": {"APPNAME": "zz"}}))
                .expect("valid")
                .meta
                .app_name,
            "zz"
        );
        assert_eq!(merged(json!({"META": {}, "meta": {}})), None);
    }

    #[test]
    fn wrong_types_are_refused() {
        for body in [
            json!({"meta": 5}),
            json!({"meta": []}),
            json!({"backups": {"s3": []}}),
            json!({"rateLimits": {"rules": [[]]}}),
            json!({"meta": {"appName": 5}}),
            json!({"smtp": {"port": "587"}}),
            json!({"smtp": {"port": 58.7}}),
            json!({"smtp": {"enabled": 1}}),
            json!({"superuserIPs": "x"}),
            json!({"trustedProxy": {"headers": ["", 2]}}),
        ] {
            assert_eq!(merged(body.clone()), None, "{body}");
        }
    }

    #[test]
    fn secrets_stay_unless_sent_and_are_never_shown() {
        let first =
            merged(json!({"smtp": {"password": "p"}, "s3": {"secret": "s"}})).expect("valid");
        let second = first.merged(
            json!({"smtp": {"username": "u"}, "s3": {"secret": ""}})
                .as_object()
                .expect("an object"),
        );
        let second = second.expect("valid");
        assert_eq!(
            (second.smtp.password.as_str(), second.s3.secret.as_str()),
            ("p", "")
        );
        let shown = serde_json::to_string(&first.without_secrets()).expect("JSON");
        assert!(
            !shown.contains("password") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
