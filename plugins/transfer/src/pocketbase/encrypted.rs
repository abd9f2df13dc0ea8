//! The settings of a data directory, perhaps encrypted.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hangar_sdk::Result;
use serde_json::Value;

use super::source::{Source, refused, text};

/// Bytes of a nonce, which stands before the encrypted text.
const NONCE: usize = 12;
/// Bytes of a key.
const KEY: usize = 32;

/// The settings' document. `key` is what they are encrypted with, if they are.
///
/// # Errors
/// A key that is missing or wrong, and what SQLite says.
pub fn settings(source: &Source, key: Option<&str>) -> Result<Option<Value>> {
    let mut stored = None;
    source.each("SELECT value FROM _params WHERE id = 'settings'", |row| {
        stored = Some(text(row.first()));
        Ok(())
    })?;
    stored.map(|stored| decoded(&stored, key)).transpose()
}

fn decoded(stored: &str, key: Option<&str>) -> Result<Value> {
    let damaged = |error| refused(format!("its settings are no JSON ({error})"));
    // An encrypted document is a text of base64, with or without the quotes that make it JSON.
    let encrypted = match serde_json::from_str(stored) {
        Ok(Value::Object(plain)) => return Ok(Value::Object(plain)),
        Ok(Value::String(text)) => text,
        _ => stored.to_owned(),
    };
    let Ok(bytes) = STANDARD.decode(encrypted.trim()) else {
        return Err(refused(
            "its settings are neither JSON nor encrypted: they are damaged",
        ));
    };
    let Some(key) = key else {
        return Err(refused(
            "its settings are encrypted; name the environment variable with the key: --encryption-env=VARIABLE",
        ));
    };
    let wrong = || {
        refused(format!(
            "its settings cannot be decrypted with the given key (it must be the {KEY} characters that PocketBase was started with)"
        ))
    };
    let cipher = Aes256Gcm::new_from_slice(key.as_bytes()).map_err(|_| wrong())?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or_else(wrong)?;
    let nonce = Nonce::try_from(nonce).map_err(|_| wrong())?;
    let plain = cipher.decrypt(&nonce, sealed).map_err(|_| wrong())?;
    serde_json::from_slice(&plain).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn encrypted(text: &str) -> String {
        let cipher = Aes256Gcm::new_from_slice(SECRET.as_bytes()).expect("a key");
        let nonce = Nonce::try_from(&[7; NONCE][..]).expect("a nonce");
        let mut bytes = vec![7; NONCE];
        bytes.extend(cipher.encrypt(&nonce, text.as_bytes()).expect("encrypted"));
        STANDARD.encode(bytes)
    }

    #[test]
    fn plain_and_encrypted_documents_are_read() {
        let document = r#"{"meta":{"appName":"A"}}"#;
        let wanted = json!({"meta": {"appName": "A"}});
        assert_eq!(decoded(document, None).expect("plain"), wanted);
        assert_eq!(
            decoded(&encrypted(document), Some(SECRET)).expect("read"),
            wanted
        );
        let quoted = json!(encrypted(document)).to_string();
        assert_eq!(decoded(&quoted, Some(SECRET)).expect("read"), wanted);
    }

    #[test]
    fn a_missing_or_wrong_key_is_told() {
        let document = encrypted("{}");
        let told = |key| decoded(&document, key).expect_err("refused").message;
        assert!(told(None).contains("--encryption-env"));
        assert!(told(Some("short")).contains("32 characters"));
        assert!(told(Some("00000000000000000000000000000000")).contains("given key"));
        assert!(
            decoded("%", None)
                .expect_err("refused")
                .message
                .contains("damaged")
        );
    }
}
