//! Request bodies: into memory up to the route's limit, or taken apart as forms whose files go to disk.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use hangar_core::{Error, Result};
use hangar_plugins::{Matched, Uploads};
use hangar_uploads::{Bounds, Spool};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, BodyStream, Limited};

use crate::server::Inner;

/// How long a request body may take to arrive, as in PocketBase.
const READ: Duration = Duration::from_secs(300);
/// How long the rest of a refused body is taken.
const DRAIN: Duration = Duration::from_secs(10);

/// What came of a body.
#[derive(Default)]
pub struct Read {
    /// All of it, unless it was a form.
    pub bytes: Vec<u8>,
    /// The form.
    pub uploads: Option<Arc<Uploads>>,
}

/// Reads a body to its end.
pub async fn read(
    server: &Inner,
    matched: Option<&Matched>,
    method: &Method,
    parts: &Parts,
    body: Body,
    request_id: &Arc<str>,
) -> Result<Read> {
    let route = matched.map(|matched| &matched.route);
    let limit = route
        .and_then(|route| route.body_limit)
        .unwrap_or(server.host.limits().body_bytes);
    let content_type = text(&parts.headers, header::CONTENT_TYPE);
    let announced: Option<u64> = text(&parts.headers, header::CONTENT_LENGTH).parse().ok();
    let mut body = body;
    let reading = async {
        match (matched, &server.options.spool) {
            (Some(matched), Some(spool))
                if matched.route.forms && announced != Some(0) && Spool::takes(content_type) =>
            {
                let mut limit = limit as u64;
                if announced.is_none_or(|length| length > limit) {
                    let asked = server.host.form_limit(matched, method.as_str(), request_id);
                    limit = asked.await?.unwrap_or(limit).max(limit);
                }
                if announced.is_some_and(|length| length > limit) {
                    return Err(too_large(limit));
                }
                let chunks = BodyStream::new(&mut body).filter_map(async |frame| match frame {
                    Ok(frame) => frame.into_data().ok().map(Ok),
                    Err(error) => Some(Err(error)),
                });
                let uploads = spool.receive(content_type, chunks, Bounds { body: limit });
                Ok(Read {
                    uploads: Some(Arc::new(uploads.await?)),
                    ..Read::default()
                })
            }
            _ if announced.is_some_and(|length| length > limit as u64) => {
                Err(too_large(limit as u64))
            }
            _ => Ok(Read {
                bytes: collect(&mut body, limit).await?,
                ..Read::default()
            }),
        }
    };
    let read = tokio::time::timeout(READ, reading)
        .await
        .unwrap_or_else(|_| {
            let message = format!(
                "the request body did not arrive within {} s",
                READ.as_secs()
            );
            Err(Error::new("timeout", 408, message))
        });
    if read.is_err() {
        tokio::spawn(drain(body));
    }
    read
}

/// Takes what a client is still sending, for a while: one that is cut off would not read why.
async fn drain(mut body: Body) {
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

async fn collect(body: &mut Body, limit: usize) -> Result<Vec<u8>> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(too_large(limit as u64))
        }
        Err(error) => Err(Error::bad_input(format!(
            "the request body could not be read: {error}"
        ))),
    }
}

fn text(headers: &HeaderMap, name: http::HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn too_large(limit: u64) -> Error {
    Error::new(
        "body_too_large",
        413,
        format!(
            "the request body is larger than {limit} bytes (the route's body-limit, else limits.body-bytes)"
        ),
    )
}
