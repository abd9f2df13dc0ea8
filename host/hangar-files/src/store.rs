use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hangar_core::{Error, Result};
use hangar_uploads::Uploads;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::{ReaderStream, StreamReader};

use crate::local::Local;
use crate::place::{Place, S3Options, check_folder, check_key};
use crate::s3::{REMEMBERED, S3};

/// Blobs that one listing answers at most.
pub const MAX_LISTED: usize = 10_000;

/// What is known about a blob.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributes {
    /// Bytes.
    pub size: u64,
    /// Last change.
    pub modified: SystemTime,
    /// Content type.
    pub content_type: String,
}

/// A blob in a listing.
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Last change.
    pub modified: SystemTime,
}

/// Milliseconds since 1970.
fn milliseconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as f64
}

impl Attributes {
    /// As plugins see it.
    pub fn to_json(&self) -> Value {
        json!({"size": self.size, "modified": milliseconds(self.modified), "type": self.content_type})
    }
}

impl Entry {
    /// As plugins see it.
    pub fn to_json(&self) -> Value {
        json!({"key": self.key, "size": self.size, "modified": milliseconds(self.modified)})
    }
}

/// Where the blobs of this host lie.
pub struct Areas {
    folders: HashMap<&'static str, PathBuf>,
    buckets: Mutex<Vec<(S3Options, S3)>>,
}

/// Blobs at one place.
#[derive(Clone)]
pub enum Store {
    /// In a folder.
    Local(Local),
    /// In a bucket.
    S3(S3),
}

impl Areas {
    /// Folders by the name of their area.
    pub fn new(folders: impl IntoIterator<Item = (&'static str, PathBuf)>) -> Self {
        Self {
            folders: folders.into_iter().collect(),
            buckets: Mutex::default(),
        }
    }

    /// The store at a place.
    pub fn store(&self, place: &Place) -> Result<Store> {
        let folder = self.folders.get(place.area.as_str()).ok_or_else(|| {
            Error::bad_input(format!("there is no area {:?} for blobs", place.area))
        })?;
        match &place.s3 {
            None => Ok(Store::Local(Local::new(folder.clone()))),
            Some(options) => Ok(Store::S3(self.bucket(options)?)),
        }
    }

    /// A bucket, with the connections it has open from earlier.
    fn bucket(&self, options: &S3Options) -> Result<S3> {
        let mut buckets = self
            .buckets
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((_, known)) = buckets.iter().find(|(other, _)| other == options) {
            return Ok(known.clone());
        }
        let bucket = S3::new(options)?;
        buckets.truncate(REMEMBERED.get() - 1);
        buckets.insert(0, (options.clone(), bucket.clone()));
        Ok(bucket)
    }
}

/// Runs file work off the async threads.
async fn off<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::internal("work on blobs was cut off"))?
}

impl Store {
    /// Stores an upload of the request.
    pub async fn put(&self, key: String, uploads: Arc<Uploads>, handle: u32) -> Result<()> {
        check_key(&key)?;
        match self.clone() {
            Self::Local(local) => off(move || local.put(&key, uploads.get(handle)?)).await,
            Self::S3(s3) => s3.put(&key, uploads.get(handle)?).await,
        }
    }

    /// Stores bytes.
    pub async fn write(&self, key: String, content_type: String, content: Vec<u8>) -> Result<()> {
        check_key(&key)?;
        match self.clone() {
            Self::Local(local) => off(move || local.write(&key, &content_type, &content)).await,
            Self::S3(s3) => s3.write(&key, &content_type, content).await,
        }
    }

    /// Keeps a file that is nobody else's, under a key that is not taken; `exists` if it is.
    pub async fn keep(&self, key: String, content_type: &'static str, file: PathBuf) -> Result<()> {
        check_key(&key)?;
        match self.clone() {
            Self::Local(local) => off(move || local.keep(&key, content_type, &file)).await,
            Self::S3(s3) => s3.keep(&key, content_type, &file).await,
        }
    }

    /// A blob as a file: its own, or a copy in the folder `work`.
    pub async fn fetch(&self, key: &str, work: &Path) -> Result<PathBuf> {
        let size = self.attributes(key).await?.size;
        if let Self::Local(local) = self {
            return Ok(local.path(key));
        }
        let failed =
            |error| Error::internal(format!("the blob {key:?} could not be fetched: {error}"));
        let copy = work.join("fetched");
        let mut file = tokio::fs::File::create(&copy).await.map_err(failed)?;
        let chunks = self.stream(key, 0..size).await?;
        tokio::io::copy(&mut StreamReader::new(chunks), &mut file)
            .await
            .map_err(failed)?;
        file.flush().await.map_err(failed)?;
        Ok(copy)
    }

    /// What is known about a blob.
    pub async fn attributes(&self, key: &str) -> Result<Attributes> {
        check_key(key)?;
        match self.clone() {
            Self::Local(local) => {
                let key = key.to_owned();
                off(move || local.attributes(&key)).await
            }
            Self::S3(s3) => s3.attributes(key).await,
        }
    }

    /// All of a blob of at most `limit` bytes.
    pub async fn read(&self, key: &str, limit: usize) -> Result<Vec<u8>> {
        let size = self.attributes(key).await?.size;
        if size > limit as u64 {
            return Err(Error::new(
                "limit",
                413,
                format!("the blob {key:?} has {size} bytes; at most {limit} are wanted"),
            ));
        }
        let mut content = Vec::with_capacity(size as usize);
        let mut chunks = self.stream(key, 0..size).await?;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| {
                Error::internal(format!("the blob {key:?} could not be read: {error}"))
            })?;
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }

    /// Some bytes of a blob as they come.
    pub async fn stream(
        &self,
        key: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        check_key(key)?;
        match self.clone() {
            Self::Local(local) => {
                let key = key.to_owned();
                let file = off(move || local.open(&key)).await?;
                let mut file = tokio::fs::File::from_std(file);
                let sought = file.seek(std::io::SeekFrom::Start(range.start)).await;
                sought
                    .map_err(|error| Error::internal(format!("a blob cannot be read: {error}")))?;
                // Never more than was announced, should the file grow meanwhile.
                let taken = file.take(range.end - range.start);
                Ok(ReaderStream::with_capacity(taken, 64 << 10).boxed())
            }
            Self::S3(s3) => s3.stream(key, range).await,
        }
    }

    /// Copies a blob.
    pub async fn copy(&self, source: String, target: String) -> Result<()> {
        check_key(&source)?;
        check_key(&target)?;
        match self.clone() {
            Self::Local(local) => off(move || local.copy(&source, &target)).await,
            Self::S3(s3) => s3.copy(&source, &target).await,
        }
    }

    /// Deletes a blob, if it is there.
    pub async fn delete(&self, key: String) -> Result<()> {
        check_key(&key)?;
        match self.clone() {
            Self::Local(local) => off(move || local.delete(&key)).await,
            Self::S3(s3) => s3.delete(&key).await,
        }
    }

    /// Deletes all blobs under a folder; never all there are.
    pub async fn delete_folder(&self, folder: String) -> Result<()> {
        check_folder(&folder)?;
        if folder.is_empty() {
            return Err(Error::bad_input("all blobs cannot be deleted at once"));
        }
        match self.clone() {
            Self::Local(local) => off(move || local.delete_folder(&folder)).await,
            Self::S3(s3) => s3.delete_folder(&folder).await,
        }
    }

    /// The blobs under a folder.
    pub async fn list(&self, folder: String) -> Result<Vec<Entry>> {
        check_folder(&folder)?;
        match self.clone() {
            Self::Local(local) => off(move || local.list(&folder)).await,
            Self::S3(s3) => s3.list(&folder).await,
        }
    }
}
