use std::path::{Component, Path, PathBuf};

use hangar_core::{Error, Result};
use hangar_wit::{Content, Produced};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// A folder and nothing outside of it.
pub struct Folder(PathBuf);

/// A file of the folder, open.
pub struct File {
    file: tokio::fs::File,
    length: u64,
    kind: String,
}

impl Folder {
    /// The folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Opens a file by its path in the folder.
    pub async fn open(&self, path: &str) -> Result<File> {
        let missing = || {
            Error::new(
                "not_found",
                404,
                format!("there is no file {path:?} in the granted folder"),
            )
        };
        let plain = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || path.contains('\0') {
            return Err(Error::bad_input(format!(
                "{path:?} is not a path inside the granted folder"
            )));
        }
        // Resolved first, opened by the resolved name: a link that leads out of the folder does not count as inside.
        let root = tokio::fs::canonicalize(&self.0)
            .await
            .map_err(|_| missing())?;
        let file = tokio::fs::canonicalize(root.join(path))
            .await
            .map_err(|_| missing())?;
        if !file.starts_with(&root) {
            return Err(Error::bad_input(format!(
                "{path:?} leads out of the granted folder"
            )));
        }
        let kind = mime_guess::from_path(&file)
            .first_or_octet_stream()
            .to_string();
        let file = tokio::fs::File::open(&file).await.map_err(|_| missing())?;
        let metadata = file.metadata().await.map_err(|_| missing())?;
        if !metadata.is_file() {
            return Err(missing());
        }
        Ok(File {
            file,
            length: metadata.len(),
            kind,
        })
    }
}

impl File {
    /// The file as a response body.
    pub fn produce(self) -> Produced {
        let headers = vec![
            ("content-type".into(), self.kind),
            ("content-length".into(), self.length.to_string()),
        ];
        // Never more than was announced, should the file grow meanwhile.
        let chunks = ReaderStream::with_capacity(self.file.take(self.length), 64 << 10);
        Produced {
            status: None,
            empty: false,
            headers,
            content: Content::Stream(Box::pin(chunks)),
        }
    }

    /// All of it, if it is not larger than `limit` bytes.
    pub async fn read(self, limit: usize) -> Result<Vec<u8>> {
        if self.length > limit as u64 {
            return Err(Error::new(
                "limit",
                413,
                format!(
                    "the file has {} bytes (at most {limit}; setting limits.response-bytes)",
                    self.length
                ),
            ));
        }
        let mut bytes = Vec::with_capacity(self.length as usize);
        let reading = self.file.take(limit as u64).read_to_end(&mut bytes).await;
        reading.map_err(|error| Error::internal(format!("the file could not be read: {error}")))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_files_inside_are_found() {
        let outer = tempfile::tempdir().expect("a folder");
        let inner = outer.path().join("inner");
        std::fs::create_dir_all(inner.join("sub")).expect("a folder");
        std::fs::write(outer.path().join("secret"), "secret").expect("a file");
        std::fs::write(inner.join("sub/a.txt"), "hello").expect("a file");
        std::os::unix::fs::symlink(outer.path().join("secret"), inner.join("link"))
            .expect("a link");
        let folder = Folder::new(&inner);
        let file = folder.open("sub/a.txt").await.expect("found");
        assert_eq!(file.kind, "text/plain");
        assert_eq!(file.read(5).await.expect("read"), b"hello");
        let large = folder.open("sub/a.txt").await.expect("found").read(4).await;
        assert!(
            large
                .expect_err("too large")
                .message
                .contains("limits.response-bytes")
        );
        for path in [
            "../secret",
            "/etc/passwd",
            "sub/../../secret",
            "link",
            "",
            "a\0b",
        ] {
            let error = folder.open(path).await.err().expect("refused");
            assert!(
                ["bad_input", "not_found"].contains(&&*error.code),
                "{path}: {error}"
            );
        }
        for path in ["sub", "nothing"] {
            assert_eq!(
                folder.open(path).await.err().expect("not found").code,
                "not_found"
            );
        }
    }
}
