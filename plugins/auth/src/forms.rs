//! Checks of submitted values, with PocketBase's codes and messages.

use hangar_model::formats::is_email;
use hangar_model::{FieldError, value_rules};
use serde_json::json;

/// What failed validation answers.
pub const INVALID: &str = "An error occurred while validating the submitted data.";
/// Most bytes of an identity, an email, an id.
pub const MOST: usize = 255;

/// A text of so many bytes, as PocketBase counts them; an empty one counts as missing.
pub fn length(text: &str, min: usize, max: usize) -> Result<(), FieldError> {
    match text.len() {
        0 => Err(value_rules::required()),
        count if (min..=max).contains(&count) => Ok(()),
        _ if min == max => {
            let error = FieldError::new(
                "validation_length_invalid",
                format!("the length must be exactly {min}"),
            );
            Err(error.with(json!({"min": min, "max": max})))
        }
        _ => {
            let error = FieldError::new(
                "validation_length_out_of_range",
                format!("the length must be between {min} and {max}"),
            );
            Err(error.with(json!({"min": min, "max": max})))
        }
    }
}

/// An email that must be there.
pub fn email(text: &str) -> Result<(), FieldError> {
    length(text, 1, MOST)?;
    if is_email(text) {
        Ok(())
    } else {
        Err(FieldError::new(
            "validation_is_email",
            "must be a valid email address",
        ))
    }
}

/// A whole number between the bounds; 0 counts as missing.
pub fn between(number: i64, min: i64, max: i64) -> Result<(), FieldError> {
    if number == 0 {
        return Err(value_rules::required());
    }
    if number < min {
        let error = FieldError::new(
            "validation_min_greater_equal_than_required",
            format!("must be no less than {min}"),
        );
        return Err(error.with(json!({"threshold": min})));
    }
    if number > max {
        let error = FieldError::new(
            "validation_max_less_equal_than_required",
            format!("must be no greater than {max}"),
        );
        return Err(error.with(json!({"threshold": max})));
    }
    Ok(())
}

/// One of a list.
pub fn one_of(text: &str, known: &[&str]) -> Result<(), FieldError> {
    match text {
        "" => Err(value_rules::required()),
        text if known.contains(&text) => Ok(()),
        _ => Err(FieldError::new(
            "validation_in_invalid",
            "must be a valid value",
        )),
    }
}

/// A password and its repetition.
pub fn repeated(password: &str, confirm: &str) -> Result<(), FieldError> {
    if confirm.is_empty() {
        return Err(value_rules::required());
    }
    if confirm == password {
        Ok(())
    } else {
        Err(value_rules::mismatch())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<(), FieldError>) -> String {
        result.map_or_else(|error| error.code.into_owned(), |()| "ok".into())
    }

    #[test]
    fn codes() {
        assert_eq!(code(length("", 1, 5)), "validation_required");
        assert_eq!(code(length("ééé", 1, 5)), "validation_length_out_of_range");
        assert_eq!(code(length("éé", 1, 5)), "ok");
        assert_eq!(code(length("123", 10, 10)), "validation_length_invalid");
        assert_eq!(code(email("x")), "validation_is_email");
        assert_eq!(
            code(email(&format!("{}@b.co", "a".repeat(251)))),
            "validation_length_out_of_range"
        );
        assert_eq!(code(email("a@b.co")), "ok");
        assert_eq!(code(between(0, 1, 9)), "validation_required");
        assert_eq!(
            code(between(-1, 1, 9)),
            "validation_min_greater_equal_than_required"
        );
        assert_eq!(
            code(between(10, 1, 9)),
            "validation_max_less_equal_than_required"
        );
        assert_eq!(code(one_of("c", &["a"])), "validation_in_invalid");
        assert_eq!(code(repeated("a", "b")), "validation_values_mismatch");
        assert_eq!(code(repeated("a", "")), "validation_required");
    }
}
