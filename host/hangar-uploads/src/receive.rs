//! Bodies as they arrive: plain values into memory, files to disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use hangar_core::{Error, Result};
use md5::{Digest, Md5};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use crate::form::{Broken, Found, Reader};
use crate::{Form, SNIFFED, Upload, Uploads, parameter, sniff};

/// Text of all plain values of a form, bytes.
const MAX_TEXT: usize = 26 << 20;
/// Parts of a form.
const MAX_PARTS: usize = 1000;

/// What a request may bring.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The whole body, bytes.
    pub body: u64,
}

/// Where uploads wait.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: Arc<PathBuf>,
    used: Arc<AtomicU64>,
    limit: u64,
}

/// A file that is removed when dropped, and the room it takes.
#[derive(Debug)]
pub(crate) struct Spooled {
    path: TempPath,
    size: u64,
    used: Arc<AtomicU64>,
}

impl Spooled {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        self.used.fetch_sub(self.size, Ordering::Relaxed);
    }
}

/// Why receiving ended.
enum Stop {
    /// The form is broken.
    Broken(Broken),
    /// The request fails.
    Failed(Error),
}

impl From<Broken> for Stop {
    fn from(reason: Broken) -> Self {
        Self::Broken(reason)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(Error::internal(format!(
            "an upload could not be written to disk: {error}"
        )))
    }
}

impl Spool {
    /// Keeps uploads in `folder`, at most `limit` bytes at once. What an earlier process has left there is removed.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        if let Ok(entries) = std::fs::read_dir(&folder) {
            for entry in entries.flatten() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Self {
            folder: Arc::new(folder),
            used: Arc::default(),
            limit,
        }
    }

    /// Whether a content type is one of a form with files.
    pub fn takes(content_type: &str) -> bool {
        content_type.split(';').next().unwrap_or_default().trim() == "multipart/form-data"
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// 413 past the bounds, 503 without room on disk, what the connection says. A broken form is none.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        content_type: &str,
        body: impl Stream<Item = std::result::Result<Bytes, E>>,
        bounds: Bounds,
    ) -> Result<Uploads> {
        match self.form(content_type, body, bounds).await {
            Ok(form) => Ok(Uploads(Ok(form))),
            Err(Stop::Broken(reason)) => Ok(Uploads(Err(reason))),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    async fn form<E: std::fmt::Display>(
        &self,
        content_type: &str,
        body: impl Stream<Item = std::result::Result<Bytes, E>>,
        bounds: Bounds,
    ) -> std::result::Result<Form, Stop> {
        let boundary = parameter(content_type, "boundary").unwrap_or_default();
        let mut reader = Reader::new(&boundary)?;
        let mut body = std::pin::pin!(body);
        let mut received = 0_u64;
        let mut form = Form::default();
        let mut part = Part::Skipped;
        let (mut parts, mut text) = (0, 0);
        loop {
            match reader.next()? {
                Found::Head(head) => {
                    parts += 1;
                    if parts > MAX_PARTS {
                        return Err("it has more than 1000 parts".into());
                    }
                    part = self.part(&head).await?;
                }
                Found::Data(data) => match &mut part {
                    Part::Skipped => {}
                    Part::Value(_, value) => {
                        text += data.len();
                        if text > MAX_TEXT {
                            return Err("its plain values are too large".into());
                        }
                        value.extend_from_slice(&data);
                    }
                    Part::File(file) => file.write(&data, self.limit).await?,
                },
                Found::PartEnd => match std::mem::replace(&mut part, Part::Skipped) {
                    Part::Skipped => {}
                    Part::Value(name, value) => {
                        text += name.len();
                        let value = String::from_utf8(value).unwrap_or_else(|error| {
                            String::from_utf8_lossy(error.as_bytes()).into()
                        });
                        form.fields.push((name, value));
                    }
                    Part::File(file) => form.files.push(file.finish().await?.into()),
                },
                Found::End => return Ok(form),
                Found::More => match body.next().await {
                    None => reader.finish(),
                    Some(Err(error)) => {
                        return Err(Stop::Failed(Error::bad_input(format!(
                            "the request body could not be read: {error}"
                        ))));
                    }
                    Some(Ok(bytes)) => {
                        received += bytes.len() as u64;
                        if received > bounds.body {
                            return Err(Stop::Failed(too_large(bounds.body)));
                        }
                        reader.feed(&bytes);
                    }
                },
            }
        }
    }

    async fn part(&self, head: &str) -> std::result::Result<Part, Stop> {
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case("content-disposition")
                .then_some(value.trim())
        });
        let disposition = disposition.unwrap_or_default();
        let kind = disposition.split(';').next().unwrap_or_default().trim();
        let field = parameter(disposition, "name").unwrap_or_default();
        if field.is_empty() || !kind.eq_ignore_ascii_case("form-data") {
            return Ok(Part::Skipped);
        }
        let name = parameter(disposition, "filename").unwrap_or_default();
        if name.is_empty() {
            return Ok(Part::Value(field, Vec::new()));
        }
        let file = self.begin(field, &name).await?;
        Ok(Part::File(Box::new(file)))
    }

    /// Keeps bytes that a plugin has as if they had come in a form.
    ///
    /// # Errors
    /// 503 without room on disk.
    pub async fn keep(&self, field: String, name: &str, content: &[u8]) -> Result<Upload> {
        let kept = async {
            let mut file = self.begin(field, name).await?;
            file.write(content, self.limit).await?;
            file.finish().await
        };
        kept.await.map_err(|stop| match stop {
            Stop::Failed(error) => error,
            Stop::Broken(reason) => Error::internal(reason),
        })
    }

    async fn begin(&self, field: String, name: &str) -> std::result::Result<Writing, Stop> {
        tokio::fs::create_dir_all(&*self.folder).await?;
        let folder = self.folder.clone();
        let temporary = tokio::task::spawn_blocking(move || {
            tempfile::Builder::new()
                .prefix("upload-")
                .tempfile_in(&*folder)
        });
        let (file, path) = temporary
            .await
            .map_err(std::io::Error::other)??
            .into_parts();
        Ok(Writing {
            field,
            name: base_name(name).to_owned(),
            output: tokio::io::BufWriter::with_capacity(256 << 10, file.into()),
            digest: Md5::new(),
            first: Vec::new(),
            spooled: Spooled {
                path,
                size: 0,
                used: self.used.clone(),
            },
        })
    }
}

enum Part {
    Skipped,
    Value(String, Vec<u8>),
    File(Box<Writing>),
}

/// A file on its way to disk.
struct Writing {
    field: String,
    name: String,
    output: tokio::io::BufWriter<tokio::fs::File>,
    digest: Md5,
    first: Vec<u8>,
    spooled: Spooled,
}

impl Writing {
    async fn write(&mut self, data: &[u8], limit: u64) -> std::result::Result<(), Stop> {
        let length = data.len() as u64;
        self.spooled.size += length;
        if self.spooled.used.fetch_add(length, Ordering::Relaxed) + length > limit {
            return Err(Stop::Failed(Error::new(
                "limit",
                503,
                format!(
                    "uploads that are being received take more than {limit} bytes on disk (setting limits.uploads-bytes)"
                ),
            )));
        }
        let missing = SNIFFED - self.first.len();
        self.first
            .extend_from_slice(&data[..data.len().min(missing)]);
        self.digest.update(data);
        self.output.write_all(data).await?;
        Ok(())
    }

    async fn finish(mut self) -> std::result::Result<Upload, Stop> {
        self.output.flush().await?;
        let kind = sniff(&self.first, self.spooled.size <= SNIFFED as u64);
        Ok(Upload {
            field: self.field,
            name: self.name,
            size: self.spooled.size,
            kind: kind.mime,
            extension: kind.extension,
            md5: self.digest.finalize().into(),
            file: self.spooled,
        })
    }
}

/// The last part of a path, as Go's `filepath.Base` has it.
fn base_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return "/";
    }
    trimmed.rsplit('/').next().unwrap_or(trimmed)
}

/// The error for a body past a bound.
fn too_large(limit: u64) -> Error {
    Error::new(
        "body_too_large",
        413,
        format!("the request body is larger than {limit} bytes, which its route allows"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn receive(spool: &Spool, body: Vec<u8>, limit: u64) -> Result<Uploads> {
        let chunks: Vec<_> = body
            .chunks(1000)
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
            .collect();
        let body = futures_util::stream::iter(chunks);
        spool
            .receive(
                "multipart/form-data; boundary=B",
                body,
                Bounds { body: limit },
            )
            .await
    }

    fn file(name: &str, content: &[u8]) -> Vec<u8> {
        let head = format!(
            "--B\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nhello\r\n--B\r\n\
             Content-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n"
        );
        [head.as_bytes(), content, b"\r\n--B--\r\n"].concat()
    }

    #[tokio::test]
    async fn files_lie_on_disk_until_the_uploads_are_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::new(folder.path().join("uploads"), 10 << 20);
        let content: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
        let uploads = receive(&spool, file("../a.bin", &content), 4 << 20)
            .await
            .expect("received");
        let form = uploads.form().expect("sound");
        assert_eq!(form.fields, [("t".to_owned(), "hello".to_owned())]);
        let upload = uploads.get(0).expect("a file");
        assert_eq!((upload.name.as_str(), upload.size), ("a.bin", 2_000_000));
        assert_eq!(std::fs::read(upload.path()).expect("there"), content);
        assert_eq!(
            upload.md5(),
            <[u8; 16]>::from(Md5::digest(&content)).as_slice()
        );
        assert!(uploads.get(1).is_err());
        let path = upload.path().to_owned();
        drop(uploads);
        assert!(!path.exists());
        assert_eq!(spool.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_a_plugin_adds_is_a_file_like_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::new(folder.path().to_owned(), 100);
        let first = receive(&spool, file("a.bin", b"x"), 1 << 20).await;
        let first = first.expect("received");
        let kept = spool.keep("f".into(), "b/c.x", b"%PDF-1.7").await;
        let (uploads, handle) = first.with(kept.expect("kept")).expect("sound");
        // Who has the first list still has it.
        assert!(first.get(1).is_err());
        let added = uploads.get(handle).expect("added");
        assert_eq!((handle, added.name.as_str(), added.size), (1, "c.x", 8));
        assert_eq!(added.kind, "application/pdf");
        let error = spool.keep("f".into(), "d", &[b'x'; 100]).await;
        assert_eq!(error.expect_err("no room").status, 503);
        drop((first, uploads));
        assert_eq!(spool.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn bounds_hold_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::new(folder.path().to_owned(), 50_000);
        let error = receive(&spool, file("a", &[b'x'; 30_000]), 20_000)
            .await
            .expect_err("too large");
        assert_eq!(error.status, 413);
        let error = receive(&spool, file("a", &[b'x'; 60_000]), 1 << 20)
            .await
            .expect_err("no room");
        assert!(error.message.contains("limits.uploads-bytes"));
        let broken = receive(&spool, b"--B\r\n\r\nx".to_vec(), 1 << 20)
            .await
            .expect("received");
        assert_eq!(broken.form().expect_err("broken").code, "bad_form");
        let many =
            "--B\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n\r\n".repeat(1001) + "--B--";
        assert!(
            receive(&spool, many.into_bytes(), 1 << 20)
                .await
                .expect("received")
                .form()
                .is_err()
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            0
        );
        assert_eq!(spool.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn names_lose_their_folders() {
        for (path, base) in [
            ("a.txt", "a.txt"),
            ("../../etc/passwd", "passwd"),
            ("a/", "a"),
            ("/", "/"),
            ("..", ".."),
        ] {
            assert_eq!(base_name(path), base);
        }
    }
}
