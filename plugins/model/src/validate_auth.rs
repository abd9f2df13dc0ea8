//! Validation of auth options.

use serde_json::json;

use crate::auth_options::*;
use crate::collection::Collection;
use crate::error::{FieldError, ValidationErrors};
use crate::formats::is_url;
use crate::providers::oauth2_provider;
use crate::validate::{Checks, check_length, check_rule};
use crate::validate_fields::{between, is_identity_type};
use crate::value_rules::required;

/// Longest life of a token: three years.
const MAX_DURATION: i64 = 94_670_856;
/// Longest life of one-time passwords and started multi-factor logins: a day.
const MAX_SHORT_DURATION: i64 = 86_400;

pub(crate) fn validate(
    collection: &Collection,
    auth: &AuthOptions,
    checks: &Checks<'_>,
    errors: &mut ValidationErrors,
) {
    let wrong_already = errors.data().len();
    if let Some(rule) = &auth.auth_rule {
        errors.check("authRule", check_rule(collection, rule, checks));
    }
    match &auth.manage_rule {
        Some(rule) if rule.is_empty() => {
            errors.add(
                "manageRule",
                FieldError::new("validation_nil_or_not_empty_required", "Cannot be blank."),
            );
        }
        Some(rule) => errors.check("manageRule", check_rule(collection, rule, checks)),
        None => {}
    }
    for (name, token) in auth.tokens() {
        errors.nest(name, check_token(token));
    }
    for (name, template) in [
        ("verificationTemplate", &auth.verification_template),
        ("resetPasswordTemplate", &auth.reset_password_template),
        (
            "confirmEmailChangeTemplate",
            &auth.confirm_email_change_template,
        ),
    ] {
        errors.nest(name, check_template(template));
    }
    let mut alert = ValidationErrors::new();
    alert.nest(
        "emailTemplate",
        check_template(&auth.auth_alert.email_template),
    );
    errors.nest("authAlert", alert);
    errors.nest("otp", check_otp(&auth.otp));
    errors.nest("mfa", check_mfa(&auth.mfa));
    if auth.password_auth.enabled && auth.password_auth.identity_fields.is_empty() {
        errors.nest(
            "passwordAuth",
            ValidationErrors::one("identityFields", required()),
        );
    }
    errors.nest("oauth2", check_oauth2(&auth.oauth2));
    // These compare options with each other and the collection and would only repeat what is wrong already.
    if errors.data().len() == wrong_already {
        errors.nest(
            "passwordAuth",
            check_identity_fields(collection, &auth.password_auth),
        );
        let mut mfa = check_methods(auth);
        if auth.mfa.enabled && mfa.is_empty() {
            mfa.check("rule", check_rule(collection, &auth.mfa.rule, checks));
        }
        errors.nest("mfa", mfa);
    }
}

fn check_token(token: &Token) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    if token.secret.is_empty() {
        errors.add("secret", required());
    }
    errors.check("secret", check_length(&token.secret, 30, 255));
    if token.duration == 0 {
        errors.add("duration", required());
    }
    errors.check("duration", between(token.duration, 10, MAX_DURATION));
    errors
}

fn check_template(template: &Template) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    for (name, text) in [("subject", &template.subject), ("body", &template.body)] {
        if text.is_empty() {
            errors.add(name, required());
        }
    }
    errors
}

fn check_otp(otp: &Otp) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    let limits = [
        ("duration", otp.duration, 10, MAX_SHORT_DURATION),
        ("length", otp.length, 4, i64::MAX),
    ];
    for (name, value, min, max) in limits.into_iter().filter(|_| otp.enabled) {
        if value == 0 {
            errors.add(name, required());
        }
        errors.check(name, between(value, min, max));
    }
    errors.nest("emailTemplate", check_template(&otp.email_template));
    errors
}

fn check_mfa(mfa: &Mfa) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    if !mfa.enabled {
        return errors;
    }
    if mfa.duration == 0 {
        errors.add("duration", required());
    }
    errors.check("duration", between(mfa.duration, 10, MAX_SHORT_DURATION));
    errors
}

fn check_oauth2(oauth2: &OAuth2) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    if !oauth2.enabled {
        return errors;
    }
    let twice = check_twice(&oauth2.providers);
    if !twice.is_empty() {
        errors.nest("providers", twice);
        return errors;
    }
    let mut tree = ValidationErrors::new();
    for (at, provider) in oauth2.providers.iter().enumerate() {
        let mut inner = ValidationErrors::new();
        for (name, text) in [
            ("name", &provider.name),
            ("clientId", &provider.client_id),
            ("clientSecret", &provider.client_secret),
        ] {
            if text.is_empty() {
                inner.add(name, required());
            }
        }
        let name = &provider.name;
        if !name.is_empty() && oauth2_provider(name).is_none() {
            let text = format!("Invalid or missing provider with name {name}.");
            let error = FieldError::new("validation_missing_provider", text);
            inner.add("name", error.with(json!({"name": name})));
        }
        for (name, url) in [
            ("authURL", &provider.auth_url),
            ("tokenURL", &provider.token_url),
            ("userInfoURL", &provider.user_info_url),
        ] {
            if !url.is_empty() && !is_url(url) {
                inner.add(
                    name,
                    FieldError::new("validation_is_url", "Must be a valid URL."),
                );
            }
        }
        tree.nest(&at.to_string(), inner);
    }
    errors.nest("providers", tree);
    errors
}

/// The first provider whose name is there already.
fn check_twice(providers: &[Provider]) -> ValidationErrors {
    let is_twice = |at: &usize| {
        let name = &providers[*at].name;
        !name.is_empty() && providers[..*at].iter().any(|other| other.name == *name)
    };
    let Some(at) = (0..providers.len()).find(is_twice) else {
        return ValidationErrors::new();
    };
    let name = &providers[at].name;
    let text = format!("The provider {name} is already registered.");
    let error = FieldError::new("validation_duplicated_provider", text).with(json!({"name": name}));
    let mut tree = ValidationErrors::new();
    tree.nest(&at.to_string(), ValidationErrors::one("name", error));
    tree
}

fn check_identity_fields(collection: &Collection, password: &PasswordAuth) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    for name in password.identity_fields.iter().filter(|_| password.enabled) {
        let known = collection
            .field(name)
            .is_some_and(|field| is_identity_type(field.kind()) || name == "password");
        if !known {
            let text = format!("Invalid or missing field {name}.");
            let error = FieldError::new("validation_missing_field", text);
            errors.add("identityFields", error.with(json!({"fieldName": name})));
        } else if collection.unique_index(name).is_none() {
            let text = format!("The field {name} doesn't have a UNIQUE constraint.");
            let error = FieldError::new("validation_missing_unique_constraint", text);
            errors.add("identityFields", error.with(json!({"fieldName": name})));
        }
    }
    errors
}

fn check_methods(auth: &AuthOptions) -> ValidationErrors {
    let methods = [
        auth.password_auth.enabled,
        auth.oauth2.enabled,
        auth.otp.enabled,
    ];
    if auth.mfa.enabled && methods.into_iter().filter(|on| *on).count() < 2 {
        let text = "MFA requires at least 2 auth methods to be enabled.";
        return ValidationErrors::one(
            "enabled",
            FieldError::new("validation_mfa_not_enough_auths", text),
        );
    }
    ValidationErrors::new()
}
