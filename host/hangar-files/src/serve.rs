//! A blob as a response body.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use hangar_core::{Error, Result};
use hangar_wit::{Chunks, Content, Produced};
use serde::Deserialize;

use crate::Files;
use crate::conditional::{Conditions, Verdict};
use crate::derive::Order;
use crate::store::{Attributes, Store};

/// Headers that make no sense without the content.
const OF_CONTENT: [&str; 3] = ["cache-control", "last-modified", "content-encoding"];

/// How a blob is to be served.
#[derive(Deserialize)]
pub struct Options {
    /// The request's header lines.
    #[serde(default)]
    request: String,
    #[serde(flatten)]
    blob: Manner,
    #[serde(default)]
    derived: Option<Derived>,
}

/// What goes with one blob.
#[derive(Default, Deserialize)]
struct Manner {
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Instead of the stored content type.
    #[serde(default, rename = "type")]
    content_type: Option<String>,
}

#[derive(Deserialize)]
struct Derived {
    key: String,
    recipe: String,
    #[serde(flatten)]
    blob: Manner,
}

/// A blob to serve.
pub struct Served {
    /// Where stores are.
    pub files: Arc<Files>,
    /// The store.
    pub store: Store,
    /// Its place, as the plugin gave it.
    pub place: String,
    /// The blob.
    pub key: String,
    /// How.
    pub options: Options,
}

impl Served {
    /// Makes what has to be made and answers the request.
    pub async fn produce(self) -> Result<Produced> {
        let Self {
            files,
            store,
            place,
            key,
            options,
        } = self;
        if let Some(derived) = options.derived {
            let order = Order {
                place,
                source: key.clone(),
                target: derived.key.clone(),
                recipe: derived.recipe,
            };
            match derive(&files, &store, order).await {
                Ok(attributes) => {
                    return answer(
                        &store,
                        &derived.key,
                        attributes,
                        derived.blob,
                        &options.request,
                    )
                    .await;
                }
                Err(error) => {
                    tracing::debug!(source = key, target = derived.key, %error, "serving the source instead")
                }
            }
        }
        let attributes = store.attributes(&key).await?;
        answer(&store, &key, attributes, options.blob, &options.request).await
    }
}

/// The attributes of a derived blob, made if need be.
async fn derive(files: &Files, store: &Store, order: Order) -> Result<Attributes> {
    let target = order.target.clone();
    match store.attributes(&target).await {
        Err(error) if error.code == "not_found" => {}
        other => return other,
    }
    let there = async || store.attributes(&target).await.is_ok();
    files.workshop.make(order, there).await?;
    store.attributes(&target).await
}

async fn answer(
    store: &Store,
    key: &str,
    attributes: Attributes,
    manner: Manner,
    request: &str,
) -> Result<Produced> {
    let Attributes {
        size,
        modified,
        content_type,
    } = attributes;
    let content_type = manner.content_type.unwrap_or(content_type);
    let mut headers: Vec<(Cow<'static, str>, String)> = manner
        .headers
        .into_iter()
        .map(|(name, value)| (Cow::Owned(name.to_ascii_lowercase()), value))
        .collect();
    headers.push(("last-modified".into(), httpdate::fmt_http_date(modified)));
    let produced = |status, headers, content| Produced {
        status: Some(status),
        empty: false,
        headers,
        content,
    };
    let nothing = || Content::Bytes(Bytes::new());
    match Conditions::read(request).judge(size, modified) {
        Verdict::NotModified => Ok(produced(304, headers, nothing())),
        Verdict::Failed => {
            headers.push(("content-type".into(), content_type));
            Ok(produced(412, headers, nothing()))
        }
        Verdict::Unsatisfiable(outside) => {
            headers.retain(|(name, _)| !OF_CONTENT.contains(&name.as_ref()));
            headers.push(("content-type".into(), "text/plain; charset=utf-8".into()));
            if outside {
                headers.push(("content-range".into(), format!("bytes */{size}")));
            }
            let text = match outside {
                true => "invalid range: failed to overlap\n",
                false => "invalid range\n",
            };
            Ok(produced(
                416,
                headers,
                Content::Bytes(Bytes::from_static(text.as_bytes())),
            ))
        }
        Verdict::Whole => {
            headers.push(("accept-ranges".into(), "bytes".into()));
            headers.push(("content-type".into(), content_type));
            headers.push(("content-length".into(), size.to_string()));
            let chunks = store.stream(key, 0..size).await?;
            Ok(produced(200, headers, Content::Stream(chunks)))
        }
        Verdict::Ranges(ranges) => {
            headers.push(("accept-ranges".into(), "bytes".into()));
            let (length, chunks) = match <[Range<u64>; 1]>::try_from(ranges) {
                Ok([range]) => {
                    headers.push(("content-type".into(), content_type));
                    headers.push(("content-range".into(), content_range(&range, size)));
                    let length = range.end - range.start;
                    (length, store.stream(key, range).await?)
                }
                Err(ranges) => {
                    let boundary = format!(
                        "{:032x}{:028x}",
                        rand::random::<u128>(),
                        rand::random::<u64>()
                    );
                    let kind = format!("multipart/byteranges; boundary={boundary}");
                    headers.push(("content-type".into(), kind));
                    several(store, key, ranges, size, &boundary, &content_type)
                }
            };
            headers.push(("content-length".into(), length.to_string()));
            Ok(produced(206, headers, Content::Stream(chunks)))
        }
    }
}

/// `bytes 0-3/11`; of an empty range the end stands before the start, as Go writes it.
fn content_range(range: &Range<u64>, size: u64) -> String {
    let last = range.end as i128 - 1;
    format!("bytes {}-{last}/{size}", range.start)
}

/// Several ranges, each behind headers of its own.
fn several(
    store: &Store,
    key: &str,
    ranges: Vec<Range<u64>>,
    size: u64,
    boundary: &str,
    content_type: &str,
) -> (u64, Chunks) {
    let end = format!("\r\n--{boundary}--\r\n");
    let mut length = end.len() as u64;
    let mut parts = Vec::new();
    for (at, range) in ranges.into_iter().enumerate() {
        let head = format!(
            "{}--{boundary}\r\nContent-Range: {}\r\nContent-Type: {content_type}\r\n\r\n",
            if at == 0 { "" } else { "\r\n" },
            content_range(&range, size),
        );
        length += head.len() as u64 + (range.end - range.start);
        parts.push((head, range));
    }
    let (store, key) = (store.clone(), key.to_owned());
    let chunks = stream::iter(parts).then(move |(head, range)| {
        let (store, key) = (store.clone(), key.clone());
        async move {
            let chunks = store.stream(&key, range).await.map_err(cut_off)?;
            let head = stream::once(async move { Ok(Bytes::from(head)) });
            Ok::<_, std::io::Error>(head.chain(chunks))
        }
    });
    let end = stream::once(async move { Ok(Bytes::from(end)) });
    (length, chunks.try_flatten().chain(end).boxed())
}

fn cut_off(error: Error) -> std::io::Error {
    std::io::Error::other(error.message)
}
