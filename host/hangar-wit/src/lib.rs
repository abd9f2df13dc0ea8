//! The generated types that capability crates share: the error record and the opaque response body.
//!
//! A capability crate names them in its own `bindgen!`:
//! `with: { "hangar:types/errors@0.1.0": hangar_wit::errors, "hangar:http/types@0.1.0": hangar_wit::http }`.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use futures_util::Stream;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:shared;
            world shared {
                import hangar:types/errors@0.1.0;
                import hangar:http/types@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/http"],
        with: { "hangar:http/types.body": crate::Body },
    });
}

pub use generated::hangar::http::types as http;
pub use generated::hangar::types::errors;

impl From<hangar_core::Error> for errors::Error {
    fn from(e: hangar_core::Error) -> Self {
        Self {
            code: e.code.into_owned(),
            message: e.message,
            status: e.status,
            data: e.data,
        }
    }
}

impl From<errors::Error> for hangar_core::Error {
    fn from(e: errors::Error) -> Self {
        Self {
            code: e.code.into(),
            message: e.message,
            status: e.status,
            data: e.data,
        }
    }
}

/// The bytes of a body.
pub enum Content {
    /// All there.
    Bytes(bytes::Bytes),
    /// Still coming. An error cuts the connection.
    Stream(Chunks),
}

/// Chunks of a body.
pub type Chunks = Pin<Box<dyn Stream<Item = std::io::Result<bytes::Bytes>> + Send>>;

/// What producing a deferred body gives.
pub struct Produced {
    /// Replaces the status the plugin answered (a plan's fallback).
    pub status: Option<u16>,
    /// Whether there was nothing to show: the first rows of a plan were none.
    pub empty: bool,
    /// Headers that the body brings with it, unless the plugin has set them.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub content: Content,
}

impl Produced {
    /// A body that is all there.
    pub fn bytes(status: Option<u16>, bytes: impl Into<bytes::Bytes>) -> Self {
        Self {
            status,
            empty: false,
            headers: Vec::new(),
            content: Content::Bytes(bytes.into()),
        }
    }
}

/// A response body that the host produces after the plugin has returned.
pub struct Body(pub Pin<Box<dyn Future<Output = hangar_core::Result<Produced>> + Send>>);

impl Body {
    /// Wraps the work that makes the body; it starts when the host awaits it.
    pub fn new(work: impl Future<Output = hangar_core::Result<Produced>> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }
}
