//! Validation of one value in normal form by its field's options.
//!
//! What needs other records is the caller's: whether related ids exist, uniqueness, whether file names are known.

use serde_json::{Value, json};

use crate::error::FieldError;
use crate::field::Field;
use crate::formats::{is_email, is_url, url_host};
use crate::json::to_json;
use crate::options::*;
use crate::value::{is_zero, to_list};

/// Judges a value in normal form; of a password, the plain text.
pub fn validate(field: &Field, value: &Value) -> Result<(), FieldError> {
    if field.required && is_zero(field, value) {
        return Err(required());
    }
    let text = value.as_str().unwrap_or_default();
    match &field.options {
        FieldOptions::Text(options) => validate_text(options, text),
        FieldOptions::Password(options) => validate_password(options, text),
        FieldOptions::Editor(options) => validate_editor(options, text),
        FieldOptions::Email(options) => validate_email(options, text),
        FieldOptions::Url(options) => validate_url(options, text),
        FieldOptions::Number(options) => validate_number(options, value),
        FieldOptions::Date(options) => validate_date(options, text),
        FieldOptions::Select(options) => validate_select(options, &to_list(value)),
        FieldOptions::Relation(options) => validate_relation(options, &to_list(value)),
        FieldOptions::File(options) => validate_files(options, &to_list(value)),
        FieldOptions::Json(options) => validate_json(options, value),
        FieldOptions::GeoPoint => validate_geo(value),
        FieldOptions::Bool | FieldOptions::Autodate(_) => Ok(()),
    }
}

/// "Cannot be blank."
pub fn required() -> FieldError {
    FieldError::new("validation_required", "Cannot be blank.")
}

/// "Value must be unique."
pub fn not_unique() -> FieldError {
    FieldError::new("validation_not_unique", "Value must be unique.")
}

/// Some related id does not exist.
pub fn missing_relations() -> FieldError {
    FieldError::new(
        "validation_missing_rel_records",
        "Failed to find all relation records with the provided ids.",
    )
}

/// An attempt to change a record's id.
pub fn id_change() -> FieldError {
    FieldError::new(
        "validation_pk_change",
        "The record primary key cannot be changed.",
    )
}

/// Password and its confirmation differ, or a value that only the server may change was sent.
pub fn mismatch() -> FieldError {
    FieldError::new("validation_values_mismatch", "Values don't match.")
}

fn invalid_format() -> FieldError {
    FieldError::new("validation_invalid_format", "Invalid value format.")
}

/// PostgreSQL cannot hold NUL characters; PocketBase can (a declared difference).
fn refuse_nul(text: &str) -> Result<(), FieldError> {
    if text.contains('\0') {
        Err(invalid_format())
    } else {
        Ok(())
    }
}

fn validate_text(options: &TextOptions, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return Ok(());
    }
    refuse_nul(text)?;
    let length = text.chars().count();
    if options.min > 0 && (length as i64) < options.min {
        return Err(FieldError::new(
            "validation_min_text_constraint",
            format!("Must be at least {} character(s).", options.min),
        )
        .with(json!({"min": options.min})));
    }
    let max = options.limit();
    if length > max {
        return Err(FieldError::new(
            "validation_max_text_constraint",
            format!("Must be no more than {max} character(s)."),
        )
        .with(json!({"max": max})));
    }
    check_pattern(&options.pattern, text)?;
    if options.primary_key {
        validate_id(text)?;
    }
    Ok(())
}

fn check_pattern(pattern: &str, text: &str) -> Result<(), FieldError> {
    // The default pattern of ids, met by every create, needs no engine.
    let matches = match pattern {
        "" => true,
        crate::collection::ID_PATTERN => {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        }
        _ => crate::pattern::matches(pattern, text).unwrap_or(false),
    };
    if matches {
        Ok(())
    } else {
        Err(invalid_format())
    }
}

const FORBIDDEN_ID_CHARACTERS: &str = "./\\|\"'`<>:?*%$\n\r\t ";
/// Names that some file systems keep for themselves.
const RESERVED_IDS: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8",
    "COM9", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];

fn validate_id(id: &str) -> Result<(), FieldError> {
    if let Some(letter) = id
        .chars()
        .find(|letter| FORBIDDEN_ID_CHARACTERS.contains(*letter))
    {
        return Err(FieldError::new(
            "validation_forbidden_pk_character",
            format!("'{letter}' is not a valid primary key character."),
        )
        .with(json!({"ch": letter.to_string()})));
    }
    if let Some(name) = RESERVED_IDS
        .into_iter()
        .find(|name| name.eq_ignore_ascii_case(id))
    {
        return Err(FieldError::new(
            "validation_reserved_pk",
            format!("The primary key '{name}' is reserved and cannot be used."),
        )
        .with(json!({"reserved": name})));
    }
    Ok(())
}

fn validate_password(options: &PasswordOptions, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return Ok(());
    }
    let length = text.chars().count();
    if options.min > 0 && (length as i64) < options.min {
        return Err(FieldError::new(
            "validation_min_text_constraint",
            format!("Must be at least {} character(s).", options.min),
        ));
    }
    let max = options.limit();
    if length > max {
        return Err(FieldError::new(
            "validation_max_text_constraint",
            format!("Must be less than {max} character(s)."),
        ));
    }
    check_pattern(&options.pattern, text)
}

fn validate_editor(options: &EditorOptions, text: &str) -> Result<(), FieldError> {
    refuse_nul(text)?;
    let max = options.limit();
    if text.len() > max {
        return Err(FieldError::new(
            "validation_content_size_limit",
            format!("The maximum allowed content size is {max} bytes."),
        )
        .with(json!({"maxSize": max})));
    }
    Ok(())
}

fn validate_email(options: &DomainOptions, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return Ok(());
    }
    if !is_email(text) {
        return Err(FieldError::new(
            "validation_is_email",
            "Must be a valid email address.",
        ));
    }
    let domain = text.rsplit('@').next().unwrap_or_default();
    if allowed(options, domain) {
        Ok(())
    } else {
        Err(FieldError::new(
            "validation_email_domain_not_allowed",
            "Email domain is not allowed.",
        ))
    }
}

fn validate_url(options: &DomainOptions, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return Ok(());
    }
    if !is_url(text) {
        return Err(FieldError::new(
            "validation_invalid_url",
            "Must be a valid url.",
        ));
    }
    if allowed(options, url_host(text)) {
        Ok(())
    } else {
        Err(FieldError::new(
            "validation_url_domain_not_allowed",
            "Url domain is not allowed.",
        ))
    }
}

fn allowed(options: &DomainOptions, domain: &str) -> bool {
    let listed = |list: &[String]| list.iter().any(|other| other == domain);
    (options.only_domains.is_empty() || listed(&options.only_domains))
        && !listed(&options.except_domains)
}

fn validate_number(options: &NumberOptions, value: &Value) -> Result<(), FieldError> {
    let Some(number) = value.as_f64() else {
        return Err(FieldError::new(
            "validation_not_a_number",
            "The submitted number is not properly formatted.",
        ));
    };
    if number == 0.0 {
        return Ok(());
    }
    // Go's whole numbers have 64 bits.
    let whole = number.fract() == 0.0 && (-(2f64.powi(63))..2f64.powi(63)).contains(&number);
    if options.only_int && !whole {
        return Err(only_int());
    }
    match (options.min, options.max) {
        (Some(min), _) if number < min => Err(below(min)),
        (_, Some(max)) if number > max => Err(FieldError::new(
            "validation_max_number_constraint",
            format!("Must be less or equal than {}.", show(max)),
        )
        .with(json!({"max": max}))),
        _ => Ok(()),
    }
}

pub(crate) fn only_int() -> FieldError {
    FieldError::new(
        "validation_only_int_constraint",
        "Decimal numbers are not allowed.",
    )
}

pub(crate) fn below(min: f64) -> FieldError {
    FieldError::new(
        "validation_min_number_constraint",
        format!("Must be greater or equal than {}.", show(min)),
    )
    .with(json!({"min": min}))
}

/// A number as Go prints it in messages: with an exponent from a million and below a ten-thousandth.
fn show(number: f64) -> String {
    let text = format!("{number:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    format!(
        "{digits}e{}{:02}",
        if exponent < 0 { '-' } else { '+' },
        exponent.abs()
    )
}

fn validate_date(options: &DateOptions, date: &str) -> Result<(), FieldError> {
    let Some(moment) = crate::date::parse(date) else {
        return Ok(());
    };
    match (
        crate::date::parse(&options.min),
        crate::date::parse(&options.max),
    ) {
        (Some(min), _) if moment < min => Err(date_limit(
            "validation_min_greater_equal_than_required",
            "less",
            &options.min,
        )),
        (_, Some(max)) if moment > max => Err(date_limit(
            "validation_max_less_equal_than_required",
            "greater",
            &options.max,
        )),
        _ => Ok(()),
    }
}

/// The limit as Go prints times in messages (`2020-01-01 00:00:00 +0000 UTC`) and writes them in JSON.
pub(crate) fn date_limit(code: &'static str, word: &str, limit: &str) -> FieldError {
    let (whole, decimals) = limit
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((limit, ""));
    let decimals = decimals.trim_end_matches('0');
    let stamp = if decimals.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{decimals}")
    };
    FieldError::new(code, format!("Must be no {word} than {stamp} +0000 UTC."))
        .with(json!({"threshold": format!("{}Z", stamp.replacen(' ', "T", 1))}))
}

fn validate_select(options: &SelectOptions, list: &[String]) -> Result<(), FieldError> {
    if list.len() > options.max_select.max(1) as usize {
        return Err(too_many(options.max_select.max(1)));
    }
    match list.iter().find(|value| !options.values.contains(value)) {
        None => Ok(()),
        Some(value) => Err(FieldError::new(
            "validation_invalid_value",
            format!("Invalid value {value}"),
        )
        .with(json!({"value": value}))),
    }
}

fn too_many(max: i64) -> FieldError {
    FieldError::new(
        "validation_too_many_values",
        format!("Select no more than {max}."),
    )
    .with(json!({"maxSelect": max}))
}

fn validate_relation(options: &RelationOptions, list: &[String]) -> Result<(), FieldError> {
    if list.is_empty() {
        return Ok(());
    }
    let count = list.len() as i64;
    if options.min_select > 0 && count < options.min_select {
        return Err(FieldError::new(
            "validation_not_enough_values",
            format!("Select at least {}.", options.min_select),
        )
        .with(json!({"minSelect": options.min_select})));
    }
    let max = options.max_select.max(1);
    if count > max {
        Err(too_many(max))
    } else {
        Ok(())
    }
}

fn validate_files(options: &FileOptions, list: &[String]) -> Result<(), FieldError> {
    let max = options.max_select.max(1);
    if list.len() as i64 > max {
        return Err(FieldError::new(
            "validation_too_many_files",
            format!("The maximum allowed files is {max}."),
        )
        .with(json!({"maxSelect": max})));
    }
    Ok(())
}

/// Names that are neither stored nor uploaded.
pub fn unknown_files(names: &[String]) -> FieldError {
    FieldError::new(
        "validation_invalid_file",
        format!("Invalid new files: [{}].", names.join(" ")),
    )
    .with(json!({"invalidFiles": names}))
}

/// Judges one new file: `original` is what the client called it, `stored` the name it gets, `kind` what its content is.
pub fn validate_upload(
    options: &FileOptions,
    original: &str,
    stored: &str,
    size: u64,
    kind: &str,
) -> Result<(), FieldError> {
    let max = options.limit();
    if size > max {
        return Err(FieldError::new(
            "validation_file_size_limit",
            format!("Failed to upload {original} - the maximum allowed file size is {max} bytes."),
        )
        .with(json!({"file": original, "maxSize": max})));
    }
    let plain = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    };
    let allowed = &options.mime_types;
    if allowed.is_empty() || allowed.iter().any(|other| plain(other) == plain(kind)) {
        return Ok(());
    }
    Err(FieldError::new(
        "validation_invalid_mime_type",
        format!(
            "\"{stored}\" mime type must be one of: {}.",
            allowed.join(", ")
        ),
    ))
}

fn validate_json(options: &JsonOptions, value: &Value) -> Result<(), FieldError> {
    if has_nul(value) {
        return Err(FieldError::new(
            "validation_invalid_json",
            "Must be a valid json value.",
        ));
    }
    let max = options.limit();
    // Nothing has no size.
    if !value.is_null() && to_json(value).len() > max {
        return Err(FieldError::new(
            "validation_json_size_limit",
            format!("The maximum allowed JSON size is {max} bytes."),
        )
        .with(json!({"maxSize": max})));
    }
    Ok(())
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn validate_geo(value: &Value) -> Result<(), FieldError> {
    let part = |key: &str| value[key].as_f64().unwrap_or(0.0);
    if !(-90.0..=90.0).contains(&part("lat")) {
        return Err(FieldError::new(
            "validation_invalid_latitude",
            "Latitude must be between -90 and 90 degrees.",
        ));
    }
    if !(-180.0..=180.0).contains(&part("lon")) {
        return Err(FieldError::new(
            "validation_invalid_longitude",
            "Longitude must be between -180 and 180 degrees.",
        ));
    }
    Ok(())
}
