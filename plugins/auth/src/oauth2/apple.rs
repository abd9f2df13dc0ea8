//! Apple tells the name of a user only once, and to the redirect instead of in the id token. It is kept under the
//! code, for the login that brings the same code.

use hangar_sdk::{Result, crypto, log, postgres};
use serde_json::Value;

/// Longest name that is kept.
const MOST: usize = 500;

/// The migrations of the table of names.
pub const MIGRATIONS: &[(&str, &str)] = &[(
    "0001_apple_names",
    "CREATE SCHEMA IF NOT EXISTS hangar_auth; \
     CREATE UNLOGGED TABLE IF NOT EXISTS hangar_auth.apple_names (\
        code text PRIMARY KEY, name text NOT NULL, kept timestamptz NOT NULL DEFAULT now())",
)];

/// Keeps the name in what Apple sent (`{"name":{"firstName","lastName"}}`) for the login with this code.
///
/// # Errors
/// The database's.
pub fn keep_name(code: &str, user: &str) -> Result<()> {
    let name = name(user);
    if name.is_empty() || code.is_empty() {
        return Ok(());
    }
    let digest = crypto::digest::hash("sha256", code.as_bytes())?;
    postgres::query(
        "WITH old AS (DELETE FROM hangar_auth.apple_names WHERE kept < now() - interval '1 minute') \
         INSERT INTO hangar_auth.apple_names (code, name) VALUES ($1, $2) \
         ON CONFLICT (code) DO UPDATE SET name = excluded.name, kept = now()",
        vec![digest.into(), name.into()],
    )?;
    Ok(())
}

/// The name kept for a code, once; empty if there is none.
pub fn take_name(code: &str) -> String {
    match take(code) {
        Ok(name) => name,
        Err(error) => {
            // A login without a name is better than none.
            log::warn(&format!(
                "the name of a user of Apple is lost: {}",
                error.message
            ));
            String::new()
        }
    }
}

fn take(code: &str) -> Result<String> {
    let digest = crypto::digest::hash("sha256", code.as_bytes())?;
    let rows = postgres::query(
        "DELETE FROM hangar_auth.apple_names WHERE code = $1 AND kept > now() - interval '1 minute' RETURNING name",
        vec![digest.into()],
    )?;
    let name = rows.rows.first().and_then(|row| row.first());
    Ok(name.and_then(Value::as_str).unwrap_or_default().to_owned())
}

fn name(user: &str) -> String {
    let user: Value = serde_json::from_str(user).unwrap_or_default();
    let part = |name: &str| user["name"][name].as_str().unwrap_or_default();
    let name = format!("{} {}", part("firstName"), part("lastName"));
    name.trim().chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_of_apple() {
        assert_eq!(
            name(r#"{"name":{"firstName":"Fi","lastName":"La"},"email":"x"}"#),
            "Fi La"
        );
        assert_eq!(name(r#"{"name":{"lastName":"La"}}"#), "La");
        assert_eq!(
            name(r#"{"name":{"firstName":" F ","lastName":" L "}}"#),
            "F   L"
        );
        for none in [r#"{"name":"text"}"#, "{}", "text", ""] {
            assert_eq!(name(none), "");
        }
    }
}
