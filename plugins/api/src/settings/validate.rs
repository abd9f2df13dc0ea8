//! Checking settings before they are stored.

use hangar_model::{FieldError, ValidationErrors};

use super::rate_limits::networks;
use super::rules::{at_least, colour, email, host, length, one_of, required, url};
use super::{Backups, Batch, Logs, Meta, S3, Settings, Smtp};

impl Settings {
    /// What is wrong, in the shape of the settings.
    pub fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        errors.nest("superuserIPs", networks(&self.superuser_ips));
        errors.nest("smtp", self.smtp.validate());
        errors.nest("backups", self.backups.validate());
        errors.nest("s3", self.s3.validate());
        errors.nest("meta", self.meta.validate());
        errors.nest("rateLimits", self.rate_limits.validate());
        errors.nest("batch", self.batch.validate());
        errors.nest("logs", self.logs.validate());
        errors
    }
}

impl Smtp {
    fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        if self.enabled {
            errors.check("host", required(!self.host.is_empty()));
            errors.check("port", required(self.port != 0));
        }
        errors.check("host", host(&self.host));
        errors.check("port", at_least(self.port, 0));
        errors.check("authMethod", one_of(&self.auth_method, &["PLAIN", "LOGIN"]));
        errors.check("localName", host(&self.local_name));
        errors
    }
}

impl Backups {
    fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        if !self.cron.is_empty() {
            errors.check(
                "cron",
                hangar_cron::Schedule::parse(&self.cron)
                    .map(drop)
                    .map_err(|why| FieldError::new("validation_invalid_cron", why)),
            );
            errors.check("cronMaxKeep", required(self.cron_max_keep != 0));
        }
        errors.check("cronMaxKeep", at_least(self.cron_max_keep, 1));
        errors.nest("s3", self.s3.validate());
        errors
    }
}

impl S3 {
    fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        if self.enabled {
            for (name, value) in [
                ("bucket", &self.bucket),
                ("region", &self.region),
                ("endpoint", &self.endpoint),
                ("accessKey", &self.access_key),
                ("secret", &self.secret),
            ] {
                errors.check(name, required(!value.is_empty()));
            }
        }
        errors.check("endpoint", url(&self.endpoint));
        errors
    }
}

impl Meta {
    fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        for (name, value) in [
            ("appName", &self.app_name),
            ("senderName", &self.sender_name),
        ] {
            errors.check(
                name,
                required(!value.is_empty()).and_then(|()| length(value, 255)),
            );
        }
        errors.check(
            "appURL",
            required(!self.app_url.is_empty()).and_then(|()| url(&self.app_url)),
        );
        errors.check(
            "senderAddress",
            required(!self.sender_address.is_empty()).and_then(|()| email(&self.sender_address)),
        );
        errors.check("accentColor", colour(&self.accent_color));
        errors
    }
}

impl Batch {
    fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        if self.enabled {
            errors.check("maxRequests", required(self.max_requests != 0));
            errors.check("timeout", required(self.timeout != 0));
        }
        errors.check("maxRequests", at_least(self.max_requests, 0));
        errors.check("timeout", at_least(self.timeout, 0));
        errors.check("maxBodySize", at_least(self.max_body_size, 0));
        errors
    }
}

impl Logs {
    fn validate(&self) -> ValidationErrors {
        let mut errors = ValidationErrors::new();
        errors.check("maxDays", at_least(self.max_days, 0));
        errors.check("maxDataSize", at_least(self.max_data_size, 0));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn data(body: Value) -> Value {
        let settings = Settings::initial()
            .merged(body.as_object().expect("an object"))
            .expect("well-typed");
        Value::Object(settings.validate().into_data())
    }

    #[test]
    fn initial_settings_are_valid() {
        assert_eq!(data(json!({})), json!({}));
    }

    #[test]
    fn errors_mirror_the_settings() {
        let blank = json!({"code": "validation_required", "message": "Cannot be blank."});
        assert_eq!(
            data(
                json!({"meta": {"appName": "", "appURL": "x", "senderName": "", "senderAddress": "y", "accentColor": "zz"}})
            ),
            json!({"meta": {
                "accentColor": {"code": "validation_length_invalid", "message": "The length must be exactly 7.",
                    "params": {"max": 7, "min": 7}},
                "appName": blank,
                "appURL": {"code": "validation_is_url", "message": "Must be a valid URL."},
                "senderAddress": {"code": "validation_is_email", "message": "Must be a valid email address."},
                "senderName": blank,
            }})
        );
        assert_eq!(
            data(
                json!({"smtp": {"enabled": true, "host": "", "port": -1, "authMethod": "foo", "localName": "!!"}})
            ),
            json!({"smtp": {
                "authMethod": {"code": "validation_in_invalid", "message": "Must be a valid value."},
                "host": blank,
                "localName": {"code": "validation_is_host", "message": "Must be a valid IP address or DNS name."},
                "port": {"code": "validation_min_greater_equal_than_required", "message": "Must be no less than 0.",
                    "params": {"threshold": 0}},
            }})
        );
        assert_eq!(
            data(
                json!({"backups": {"cron": "bad", "cronMaxKeep": 0, "s3": {"enabled": true, "endpoint": "::"}}})
            ),
            json!({"backups": {
                "cron": {"code": "validation_invalid_cron", "message":
                    "Invalid cron expression - must be a valid macro or to have exactly 5 space separated segments."},
                "cronMaxKeep": blank,
                "s3": {"accessKey": blank, "bucket": blank, "region": blank, "secret": blank,
                    "endpoint": {"code": "validation_is_url", "message": "Must be a valid URL."}},
            }})
        );
        assert_eq!(
            data(json!({"rateLimits": {"enabled": true, "rules": []}})),
            json!({"rateLimits": {"rules": blank}})
        );
        assert_eq!(
            data(json!({"batch": {"enabled": true, "maxRequests": 0, "timeout": 0}})),
            json!({"batch": {"maxRequests": blank, "timeout": blank}})
        );
    }
}
