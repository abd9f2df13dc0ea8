//! Blobs in a bucket of an S3 service.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use hangar_core::{Error, Result};
use hangar_uploads::Upload;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes as Headers, ClientOptions, GetOptions, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, RetryConfig, WriteMultipart,
};
use tokio::io::AsyncReadExt;

use crate::local::missing;
use crate::place::S3Options;
use crate::store::{Attributes, Entry, MAX_LISTED};

/// Larger uploads go in parts of this size.
const PART: usize = 8 << 20;
/// Parts on their way at once.
const PARTS: usize = 2;

/// A bucket.
#[derive(Clone)]
pub struct S3(Arc<AmazonS3>);

impl S3 {
    /// The bucket that options describe. Nothing is asked of the service yet.
    pub fn new(options: &S3Options) -> Result<Self> {
        let refuse = |reason: String| {
            Error::new(
                "storage",
                400,
                format!("these S3 settings cannot be used: {reason}"),
            )
        };
        let endpoint = if options.endpoint.contains("://") {
            options.endpoint.clone()
        } else {
            format!("https://{}", options.endpoint)
        };
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        // The crate wants the bucket in the host already.
        let endpoint = match (options.force_path_style, endpoint.split_once("://")) {
            (false, Some((scheme, host))) => format!("{scheme}://{}.{host}", options.bucket),
            _ => endpoint,
        };
        // Whoever may change the settings may name services on private addresses.
        let client = ClientOptions::new()
            .with_allow_http(true)
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout_disabled();
        let retry = RetryConfig {
            max_retries: 2,
            retry_timeout: Duration::from_secs(10),
            ..RetryConfig::default()
        };
        let store = AmazonS3Builder::new()
            .with_bucket_name(&options.bucket)
            .with_region(&options.region)
            .with_endpoint(endpoint)
            .with_access_key_id(&options.access_key)
            .with_secret_access_key(&options.secret)
            .with_virtual_hosted_style_request(!options.force_path_style)
            .with_client_options(client)
            .with_retry(retry)
            .build()
            .map_err(|error| refuse(error.to_string()))?;
        Ok(Self(Arc::new(store)))
    }

    /// Stores an upload, a large one in parts.
    pub async fn put(&self, key: &str, upload: &Upload) -> Result<()> {
        let mut headers = headers(&upload.kind);
        if upload.name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            let name = Attribute::Metadata("original-filename".into());
            headers.insert(name, upload.name.clone().into());
        }
        self.send(key, headers, upload.path()).await
    }

    /// Keeps a file, unless the key is taken.
    pub async fn keep(&self, key: &str, content_type: &str, file: &std::path::Path) -> Result<()> {
        match self.attributes(key).await {
            Err(error) if error.code == "not_found" => {}
            Err(error) => return Err(error),
            Ok(_) => {
                let message = format!("there is a blob {key:?} already");
                return Err(Error::new("exists", 409, message));
            }
        }
        self.send(key, headers(content_type), file).await
    }

    /// Stores a file, a large one in parts.
    async fn send(&self, key: &str, headers: Headers, file: &std::path::Path) -> Result<()> {
        let path = path(key)?;
        let read = |error: std::io::Error| {
            Error::internal(format!("a file for S3 could not be read: {error}"))
        };
        let mut file = tokio::fs::File::open(file).await.map_err(read)?;
        let size = file.metadata().await.map_err(read)?.len();
        if size <= PART as u64 {
            let mut content = Vec::with_capacity(size as usize);
            file.read_to_end(&mut content).await.map_err(read)?;
            return self.put_bytes(&path, key, headers, content.into()).await;
        }
        let options = PutMultipartOptions {
            attributes: headers,
            ..PutMultipartOptions::default()
        };
        let begun = self.0.put_multipart_opts(&path, options).await;
        let mut parts =
            WriteMultipart::new_with_chunk_size(begun.map_err(|e| failed(key, e))?, PART);
        loop {
            let mut content = Vec::with_capacity(PART);
            let read = (&mut file)
                .take(PART as u64)
                .read_to_end(&mut content)
                .await
                .map_err(read);
            let sent = match read {
                Ok(0) => break,
                Ok(_) => parts
                    .wait_for_capacity(PARTS)
                    .await
                    .map_err(|e| failed(key, e)),
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                let _ = parts.abort().await;
                return Err(error);
            }
            parts.put(content.into());
        }
        parts.finish().await.map(drop).map_err(|e| failed(key, e))
    }

    /// Stores bytes.
    pub async fn write(&self, key: &str, content_type: &str, content: Vec<u8>) -> Result<()> {
        self.put_bytes(&path(key)?, key, headers(content_type), content.into())
            .await
    }

    async fn put_bytes(
        &self,
        path: &Path,
        key: &str,
        headers: Headers,
        content: Bytes,
    ) -> Result<()> {
        let options = PutOptions {
            attributes: headers,
            ..PutOptions::default()
        };
        let put = self.0.put_opts(path, content.into(), options).await;
        put.map(drop).map_err(|error| failed(key, error))
    }

    /// What is known about a blob.
    pub async fn attributes(&self, key: &str) -> Result<Attributes> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let found = self.0.get_opts(&path(key)?, options).await;
        let found = found.map_err(|error| failed(key, error))?;
        let content_type = found
            .attributes
            .get(&Attribute::ContentType)
            .map_or("application/octet-stream", |kind| kind.as_ref());
        Ok(Attributes {
            size: found.meta.size,
            modified: SystemTime::from(found.meta.last_modified),
            content_type: content_type.to_owned(),
        })
    }

    /// Some bytes of a blob as they arrive.
    pub async fn stream(
        &self,
        key: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions {
            range: Some(range.into()),
            ..GetOptions::default()
        };
        let found = self.0.get_opts(&path(key)?, options).await;
        let chunks = found.map_err(|error| failed(key, error))?.into_stream();
        Ok(chunks.map_err(std::io::Error::other).boxed())
    }

    /// Copies a blob within the service.
    pub async fn copy(&self, source: &str, target: &str) -> Result<()> {
        let copied = self.0.copy(&path(source)?, &path(target)?).await;
        copied.map_err(|error| failed(source, error))
    }

    /// Deletes a blob, if it is there.
    pub async fn delete(&self, key: &str) -> Result<()> {
        match self.0.delete(&path(key)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(key, error)),
        }
    }

    /// Deletes all blobs under a folder.
    pub async fn delete_folder(&self, folder: &str) -> Result<()> {
        let prefix = path(folder.trim_end_matches('/'))?;
        let found = self.0.list(Some(&prefix)).map_ok(|meta| meta.location);
        let deleted = self.0.delete_stream(found.boxed());
        deleted
            .try_for_each(async |_| Ok(()))
            .await
            .map_err(|error| failed(folder, error))
    }

    /// The blobs under a folder.
    pub async fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        let prefix = path(folder.trim_end_matches('/'))?;
        let prefix = (!folder.is_empty()).then_some(&prefix);
        let found = self.0.list(prefix).take(MAX_LISTED).map_ok(|meta| Entry {
            key: meta.location.to_string(),
            size: meta.size,
            modified: meta.last_modified.into(),
        });
        found
            .try_collect()
            .await
            .map_err(|error| failed(folder, error))
    }
}

/// How many buckets are remembered with their connections.
pub const REMEMBERED: NonZeroUsize = NonZeroUsize::new(8).expect("not zero");

fn headers(content_type: &str) -> Headers {
    Headers::from_iter([(Attribute::ContentType, content_type.to_owned())])
}

fn path(key: &str) -> Result<Path> {
    Path::parse(key).map_err(|error| Error::bad_input(error.to_string()))
}

fn failed(key: &str, error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => missing(key),
        other => Error::new(
            "storage",
            502,
            format!("the S3 service failed at the blob {key:?}: {other}"),
        ),
    }
}
