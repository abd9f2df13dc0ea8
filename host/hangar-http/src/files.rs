use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;
use tower::ServiceExt;
use tower_http::services::ServeFile;

use crate::server::Compressible;
use crate::{paths, respond};

/// The page of a folder, and the answer for paths that do not exist: the router of a single-page application runs
/// there.
const INDEX: &str = "index.html";

/// The folder of static files, with the manners of PocketBase's `pb_public`.
pub struct Files {
    root: PathBuf,
}

enum Found {
    File(PathBuf),
    /// The same content has another address.
    Moved(String),
    Nothing,
}

impl Files {
    /// Serves a folder. It need not exist yet.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The answer for a path, `None` if the folder has none (not even an index page).
    pub async fn serve(&self, parts: &Parts) -> Option<Response> {
        match self.find(parts.uri.path()).await {
            Found::File(file) => self.send(&file, parts).await,
            Found::Moved(to) => Some(respond::moved(&to)),
            Found::Nothing => None,
        }
    }

    async fn find(&self, path: &str) -> Found {
        let found = self.exact(path).await;
        if !matches!(found, Found::Nothing) {
            return found;
        }
        let index = self.root.join(INDEX);
        if is_file(&index).await {
            Found::File(index)
        } else {
            Found::Nothing
        }
    }

    async fn exact(&self, path: &str) -> Found {
        let Ok(decoded) = percent_decode_str(path).decode_utf8() else {
            return Found::Nothing;
        };
        if decoded.contains(['\0', '\\']) {
            return Found::Nothing;
        }
        // Cleaned as a whole: what would lead out of the folder ends at its root.
        let clean = paths::clean(&decoded);
        let file = self.root.join(clean.trim_matches('/'));
        let Ok(metadata) = tokio::fs::metadata(&file).await else {
            return Found::Nothing;
        };
        let as_folder = decoded.ends_with('/');
        if metadata.is_dir() {
            if !as_folder {
                return Found::Moved(format!("{path}/"));
            }
            let index = file.join(INDEX);
            return if is_file(&index).await {
                Found::File(index)
            } else {
                Found::Nothing
            };
        }
        if as_folder {
            return Found::Moved(path.trim_end_matches('/').to_owned());
        }
        match path.strip_suffix(INDEX) {
            Some(folder) if folder.ends_with('/') => Found::Moved(folder.to_owned()),
            _ => Found::File(file),
        }
    }

    async fn send(&self, file: &Path, parts: &Parts) -> Option<Response> {
        let mut request = http::Request::new(Body::empty());
        *request.headers_mut() = parts.headers.clone();
        let response = ServeFile::new(file).oneshot(request).await.ok()?;
        let mut response = response.map(Body::new);
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            *response.body_mut() = Body::from("invalid range: failed to overlap\n");
            response.headers_mut().remove(header::ACCEPT_RANGES);
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(paths::TEXT));
            return Some(response);
        }
        let kind = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        if let Some(kind) =
            kind.filter(|kind| kind.starts_with("text/") && !kind.contains("charset"))
            && let Ok(value) = HeaderValue::try_from(format!("{kind}; charset=utf-8"))
        {
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        response.extensions_mut().insert(Compressible);
        Some(response)
    }
}

async fn is_file(path: &Path) -> bool {
    tokio::fs::metadata(path)
        .await
        .is_ok_and(|metadata| metadata.is_file())
}
