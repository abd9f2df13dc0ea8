//! Names of backups.

use hangar_model::FieldError;
use hangar_sdk::Result;
use serde_json::{Value, json};

use crate::settings;

/// Longest name, bytes.
const MAX: usize = 150;
/// Characters of the application's name that stand in a made one.
const MAX_APP: usize = 50;

/// Refuses what PocketBase refuses.
///
/// # Errors
/// What is wrong with it.
pub fn check(name: &str) -> Result<(), FieldError> {
    if name.len() > MAX {
        let text = format!("The length must be between 1 and {MAX}.");
        return Err(FieldError::new("validation_length_out_of_range", text)
            .with(json!({"max": MAX, "min": 1})));
    }
    let stem = name.strip_suffix(".zip").unwrap_or_default();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if stem.is_empty() || !stem.chars().all(fits) {
        return Err(FieldError::new(
            "validation_match_invalid",
            "Must be in a valid format.",
        ));
    }
    Ok(())
}

/// Whether an uploaded file may keep its name: one segment of a path that hides nothing.
pub fn may_stay(name: &str) -> bool {
    let plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '"');
    !name.is_empty()
        && name.chars().count() <= MAX
        && !name.starts_with('.')
        && name.chars().all(plain)
}

/// A name of now: `pb_backup_<app>_<time>.zip`, with something before it.
///
/// # Errors
/// What the database says.
pub fn generated(before: &str) -> Result<String> {
    let settings = settings::stored()?.unwrap_or_default();
    let settings: Value = serde_json::from_str(&settings).unwrap_or_default();
    let app = settings["meta"]["appName"].as_str().unwrap_or_default();
    let now = hangar_model::date::format(now_ms());
    let digits: String = now.chars().filter(char::is_ascii_digit).take(14).collect();
    Ok(format!("{before}pb_backup_{}_{digits}.zip", snake(app)))
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as i64
}

/// A text in snake case.
fn snake(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            out.push(letter.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.truncate(MAX_APP);
    out.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in ["a.zip", "pb_backup_x-1.zip"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", ".zip", "A.zip", "a.tar", "a/b.zip", "a b.zip"] {
            let error = check(name).expect_err(name);
            assert_eq!(error.code, "validation_match_invalid", "{name}");
        }
        let long = format!("{}.zip", "a".repeat(147));
        assert_eq!(
            check(&long).expect_err("too long").code,
            "validation_length_out_of_range"
        );
    }

    #[test]
    fn uploaded_names_stay_in_their_folder() {
        assert!(may_stay("My Up.zip") && may_stay("y.txt"));
        for name in [
            "", "..", ".hidden", "a/b.zip", "a\\b.zip", "a\"b.zip", "a\nb",
        ] {
            assert!(!may_stay(name), "{name:?}");
        }
    }

    #[test]
    fn application_names_become_plain() {
        assert_eq!(snake("Acme"), "acme");
        assert_eq!(snake(" My  App! "), "my_app");
        assert_eq!(snake("é"), "");
    }
}
