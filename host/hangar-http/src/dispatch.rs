use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hangar_core::{Error, Result};
use hangar_guard::Asked;
use hangar_plugins::{Answer, AnswerBody, Caller, Content, Incoming, RequestHead, error_lines};
use http::request::Parts;
use http::{HeaderMap, Method, header};

use crate::journal::{self, Note};
use crate::server::Inner;
use crate::{bodies, paths, respond};

/// A request with what is known of it before a plugin is called.
pub struct Asking {
    /// `GET` for a HEAD request.
    method: Method,
    pub parts: Parts,
    pub caller: Caller,
}

/// Takes a request to the plugin that owns its route, to a static file, or to the fallback plugin.
pub async fn dispatch(server: &Arc<Inner>, peer: SocketAddr, request: Request) -> Response {
    let Ok(_place) = server.places.try_acquire() else {
        let limit = server.host.limits().requests;
        return respond::plain(&Error::new(
            "limit",
            503,
            format!(
                "the server is busy (at most {limit} requests at once; setting limits.requests)"
            ),
        ));
    };
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    if !paths::is_clean(parts.uri.path()) {
        return respond::cleaned(&with_query(paths::clean(parts.uri.path()), &parts));
    }
    let is_head = parts.method == Method::HEAD;
    let mut asking = Asking::new(server, peer, parts);
    let response = match route(server, &mut asking, body).await {
        Ok(response) => response,
        Err(error) => {
            report(&asking, &error);
            let explained = explain(server, &asking, &error).await;
            let mut response = explained.unwrap_or_else(|error| respond::plain(&error));
            let extensions = response.extensions_mut();
            let note = extensions.remove::<Note>().unwrap_or_default();
            extensions.insert(note.host(&error));
            if error.code == "forbidden_network" {
                extensions.insert(respond::Early);
            }
            response
        }
    };
    if response.extensions().get::<respond::Bare>().is_none() {
        journal::record(&server.telemetry, &asking, &response, began);
    }
    if is_head {
        respond::without_body(response)
    } else {
        response
    }
}

async fn route(server: &Arc<Inner>, asking: &mut Asking, body: Body) -> Result<Response> {
    if let Some(token) = token(&asking.parts.headers) {
        let identity = server.host.identity(&asking.caller.request_id, &token);
        asking.caller.identity = identity.await?;
    }
    server.guard.admit(asking.asked())?;
    let (path, method) = (asking.parts.uri.path(), &asking.method);
    let matched = server.host.route(method.as_str(), &paths::decoded(path));
    if matched.is_none() && !path.ends_with('/') {
        // The route of a whole tree, `/files/{path...}`, begins with a slash: Go's router sends `/files` there.
        let folder = format!("{path}/");
        let tree = server.host.route(method.as_str(), &paths::decoded(&folder));
        if tree.is_some_and(|tree| tree.route.path.ends_with("...}")) {
            return Ok(respond::cleaned(&with_query(folder, &asking.parts)));
        }
    }
    if !matched
        .as_ref()
        .is_some_and(|matched| matched.route.own_limits)
    {
        server.guard.count(asking.asked(), &[])?;
    }
    if matched.is_none()
        && let (Some(files), &Method::GET) = (&server.files, method)
        && let Some(mut response) = files.serve(&asking.parts).await
    {
        response.extensions_mut().insert(Note::quiet());
        return Ok(response);
    }
    let read = bodies::read(
        server,
        matched.as_ref(),
        &asking.method,
        &asking.parts,
        body,
        &asking.caller.request_id,
    )
    .await?;
    let mut incoming = asking.incoming(read.bytes, None);
    incoming.uploads = read.uploads;
    let caller = &asking.caller;
    let answer = match matched {
        Some(matched) => server.host.serve(matched, caller, incoming).await?,
        None => match server.host.serve_fallback(caller, incoming).await {
            Some(answer) => answer?,
            None => return Err(Error::new("not_found", 404, "no plugin serves this path")),
        },
    };
    finish(server, asking, answer).await
}

fn with_query(path: String, parts: &Parts) -> String {
    match parts.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// Lets the fallback plugin put an error of the host into the API's format.
async fn explain(server: &Arc<Inner>, asking: &Asking, error: &Error) -> Result<Response> {
    let incoming = asking.incoming(Vec::new(), Some(error));
    match server.host.serve_fallback(&asking.caller, incoming).await {
        Some(Ok(answer)) => finish(server, asking, answer).await,
        Some(Err(second)) => {
            tracing::error!(error = %second, request = %asking.caller.request_id, "the fallback plugin failed");
            Err(error.clone())
        }
        None => Err(error.clone()),
    }
}

/// Produces the body, now that the instance is free again, and holds the answer back if its plugin wishes.
async fn finish(server: &Inner, asking: &Asking, answer: Answer) -> Result<Response> {
    let mut headers = answer.headers;
    let mut note = Note::of(
        answer.status,
        &headers,
        match &answer.body {
            AnswerBody::Bytes(bytes) => Some(bytes),
            _ => None,
        },
    );
    let mut delay = respond::delay(&headers).map(str::to_owned);
    let (status, body) = match answer.body {
        AnswerBody::Bytes(bytes) => (answer.status, Body::from(bytes)),
        AnswerBody::Stream(chunks) => (answer.status, Body::from_stream(chunks)),
        AnswerBody::Deferred(body) => {
            let produced = body.0.await?;
            delay = delay.filter(|_| produced.empty);
            for (name, value) in produced.headers {
                if !headers
                    .iter()
                    .any(|(known, _)| known.eq_ignore_ascii_case(&name))
                {
                    headers.push((name.into_owned(), value));
                }
            }
            let status = produced.status.unwrap_or(answer.status);
            let body = match produced.content {
                Content::Bytes(bytes) => {
                    note = Note::of(status, &headers, Some(&bytes));
                    Body::from(bytes)
                }
                Content::Stream(chunks) => Body::from_stream(chunks),
            };
            (status, body)
        }
    };
    if let Some(hint) = delay {
        let client = &asking.caller.head.client;
        server.guard.delay(client, &hint).await?;
    }
    let mut response = respond::response(status, headers, body)?;
    response.extensions_mut().insert(note);
    Ok(response)
}

fn report(asking: &Asking, error: &Error) {
    let (method, path) = (&asking.parts.method, asking.parts.uri.path());
    let request = &asking.caller.request_id;
    if error.status >= 500 {
        tracing::error!(%method, path, %request, %error, "request failed");
    } else if error.code == "denied" {
        // The client can do nothing about a missing grant.
        tracing::warn!(%method, path, %request, %error, "request failed");
    } else {
        tracing::debug!(%method, path, %request, %error, "request refused");
    }
}

impl Asking {
    fn new(server: &Inner, peer: SocketAddr, parts: Parts) -> Self {
        let head = RequestHead {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            client: server.guard.client(peer.ip(), &parts.headers),
            peer: peer.ip().to_canonical().to_string(),
        };
        Self {
            method: if parts.method == Method::HEAD {
                Method::GET
            } else {
                parts.method.clone()
            },
            caller: Caller {
                request_id: request_id(&parts.headers),
                identity: None,
                head: Arc::new(head),
            },
            parts,
        }
    }

    /// What the guard looks at.
    fn asked(&self) -> Asked<'_> {
        let Caller { identity, head, .. } = &self.caller;
        Asked {
            method: &head.method,
            path: &head.path,
            client: &head.client,
            identity: identity.as_ref().map(|identity| &*identity.document),
        }
    }

    /// What a plugin gets: the request, or an error of the host to put into words.
    fn incoming(&self, body: Vec<u8>, error: Option<&Error>) -> Incoming {
        let mut headers = lines(&self.parts.headers);
        if let Some(error) = error {
            headers.push_str(&error_lines(error));
        }
        Incoming {
            method: self.method.as_str().to_owned(),
            path: self.parts.uri.path().to_owned(),
            query: self.parts.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
            uploads: None,
        }
    }
}

/// The headers as lines. Clients cannot forge the host's own, `x-hangar-…`.
fn lines(headers: &HeaderMap) -> String {
    let mut lines = String::with_capacity(256);
    for (name, value) in headers {
        if name.as_str().starts_with("x-hangar-") {
            continue;
        }
        lines.push_str(name.as_str());
        lines.push_str(": ");
        match value.to_str() {
            Ok(text) => lines.push_str(text),
            Err(_) => lines.push_str(&String::from_utf8_lossy(value.as_bytes()).replace('\n', " ")),
        }
        lines.push('\n');
    }
    lines
}

/// The token of `Authorization`, with or without `Bearer`.
fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let token = match value.split_at_checked(7) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("bearer ") => rest,
        _ => value,
    };
    (!token.is_empty()).then(|| token.to_owned())
}

/// The identifier a proxy gave the request, if it is a sane one, else a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let given = headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        });
    match given {
        Some(id) => id.into(),
        None => format!("{:016x}", rand::random::<u64>()).into(),
    }
}
