use hangar_core::{Error, Result};
use serde::Deserialize;

/// Longest key, bytes, as S3 has it.
const MAX_KEY: usize = 1024;
/// Longest part of a key between slashes: what file systems can hold, with room for what is put behind it.
const MAX_PART: usize = 240;
/// Ending of the files beside blobs that hold their attributes.
pub const ATTRIBUTES: &str = ".attrs";

/// Where blobs lie.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    /// One of the folders of the data directory.
    pub area: String,
    /// The bucket to use instead.
    #[serde(default)]
    pub s3: Option<S3Options>,
}

/// A bucket and how to reach it.
#[derive(Clone, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct S3Options {
    /// Name of the bucket.
    pub bucket: String,
    /// Region.
    pub region: String,
    /// Address of the service.
    pub endpoint: String,
    /// Name of the key.
    pub access_key: String,
    /// The key.
    pub secret: String,
    /// Whether the bucket is named in the path instead of the host.
    pub force_path_style: bool,
}

impl std::fmt::Debug for S3Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "S3Options({} at {})", self.bucket, self.endpoint)
    }
}

impl Place {
    /// Reads a place as plugins give it.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Error::bad_input(format!("this is no place for blobs: {error}")))
    }
}

/// Refuses keys that are no plain relative path.
pub fn check_key(key: &str) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::bad_input(format!(
            "{key:?} is no key of a blob: {why}"
        )))
    };
    if key.len() > MAX_KEY {
        return Err(Error::bad_input(
            "a key of a blob is longer than 1024 bytes",
        ));
    }
    if key.contains(|letter: char| letter.is_control() || letter == '\\') {
        return refuse("it has control characters or backslashes");
    }
    if key.ends_with(ATTRIBUTES) {
        return refuse("this ending is kept for attributes");
    }
    if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return refuse("a part of it is empty or made of dots");
    }
    if key.split('/').any(|part| part.len() > MAX_PART) {
        return refuse("a part of it is longer than 240 bytes");
    }
    Ok(())
}

/// Refuses what is no folder of keys. Empty stands for all.
pub fn check_folder(folder: &str) -> Result<()> {
    match folder.strip_suffix('/') {
        Some(path) => check_key(path),
        None if folder.is_empty() => Ok(()),
        None => Err(Error::bad_input(format!(
            "{folder:?} is no folder of blobs: it ends with a slash"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_keys_pass() {
        for key in [
            "a",
            "a/b.txt",
            "a/thumbs_b.txt/10x10_b.txt",
            "ü/…",
            "a/..b",
            "a b",
        ] {
            assert!(check_key(key).is_ok(), "{key}");
        }
        let long = "x".repeat(241);
        let longest = "x/".repeat(513);
        for key in [
            "", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a\0b", "a\\b", "a\n", "a.attrs",
            &long, &longest,
        ] {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        for folder in ["", "a/", "a/b/"] {
            assert!(check_folder(folder).is_ok(), "{folder}");
        }
        for folder in ["a", "/", "../", "a//", "a/./"] {
            assert!(check_folder(folder).is_err(), "{folder}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let place = Place::parse(r#"{"area":"storage","s3":{"bucket":"b","secret":"hidden"}}"#);
        assert!(!format!("{:?}", place.expect("a place")).contains("hidden"));
    }
}
