//! The picture of a service's user, as a file for a new record.

use hangar_model::file_names::stored_name;
use hangar_model::{FieldType, Random};
use hangar_sdk::{Result, crypto, fetch, log, uploads};
use serde_json::json;

use super::user::User;
use crate::accounts::Accounts;

/// The address comes from a stranger: it shall not lead into the operator's network.
const OPTIONS: &str = r#"{"timeoutMs":15000,"private":false}"#;

/// Handle of the user's picture among the files of the request; none if the collection keeps no pictures as files, or if
/// there is none to be had: nobody is kept out for that.
pub fn take(accounts: &Accounts, user: &User) -> Option<u32> {
    let name = &accounts.options.oauth2.mapped_fields.avatar_url;
    let field = accounts.collection.field(name)?;
    let url = &user.profile.avatar_url;
    if field.kind() != FieldType::File || url.is_empty() {
        return None;
    }
    match download(name, url) {
        Ok(handle) => Some(handle),
        Err(why) => {
            let fields = json!({"reason": why}).to_string();
            let message = "the picture of another service's user is not kept";
            log::log(log::Level::Warn, message, &fields);
            None
        }
    }
}

fn download(field: &str, url: &str) -> Result<u32, String> {
    let request = fetch::Request {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        options: OPTIONS.into(),
    };
    let response = fetch::send(&request).map_err(|error| error.message)?;
    if response.status >= 400 {
        return Err(format!("status {}", response.status));
    }
    if response.body.is_empty() {
        return Err("it is empty".into());
    }
    uploads::add(field, &file_name(url, &mut Letters), &response.body)
        .map_err(|error| error.message)
}

/// The last part of the address, with the random letters that PocketBase, too, gives it before those of every file.
fn file_name(url: &str, random: &mut dyn Random) -> String {
    let path = url.trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or(path);
    stored_name(last, "", random)
}

struct Letters;

impl Random for Letters {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        // The name gets letters once more, which must not fail.
        crypto::random::text(u32::try_from(length).unwrap_or(u32::MAX), alphabet)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Random for Fixed {
        fn text(&mut self, length: usize, _: &str) -> String {
            "x".repeat(length)
        }
    }

    #[test]
    fn named_by_the_end_of_the_address() {
        for (url, name) in [
            ("https://a.test/p/face", "face_xxxxxxxxxx"),
            ("https://a.test/picture/", "picture_xxxxxxxxxx"),
            (
                "https://a.test/Ada%20L.jpg?size=3",
                "ada_20_l_xxxxxxxxxx.jpgsize=3",
            ),
        ] {
            assert_eq!(file_name(url, &mut Fixed), name);
        }
    }
}
