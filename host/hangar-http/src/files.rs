use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use tower::ServiceExt;
use tower_http::services::ServeDir;

use crate::server::Compressible;

/// The folder of static files.
pub struct Files {
    root: PathBuf,
    service: ServeDir,
}

impl Files {
    /// Serves a folder. It need not exist yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), service: ServeDir::new(root) }
    }

    /// The file of a path (or the `index.html` of a folder), `None` if there is none. Dot files are not served.
    pub async fn serve(&self, parts: &Parts) -> Option<Response> {
        let path = parts.uri.path();
        let hidden = |segment: &str| segment.starts_with('.') || segment.starts_with("%2e") || segment.starts_with("%2E");
        if path.split('/').any(hidden) || !self.root.is_dir() {
            return None;
        }
        let mut request = http::Request::new(Body::empty());
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers.clone();
        let response = self.service.clone().oneshot(request).await.ok()?;
        if response.status() == http::StatusCode::NOT_FOUND || response.status().is_redirection() {
            return (response.status() == http::StatusCode::NOT_MODIFIED)
                .then(|| response.map(Body::new));
        }
        let mut response = response.map(Body::new);
        response.extensions_mut().insert(Compressible);
        Some(response)
    }
}
