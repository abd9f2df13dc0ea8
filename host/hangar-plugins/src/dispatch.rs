//! Requests that a plugin sends through the server's own routes, within its call: its identity, its transaction, its
//! deadline, its depth.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hangar_core::{Error, Result};
use hangar_uploads::{Bounds, Spool, Uploads};
use hangar_wit::Content;
use hangar_wit::errors::Error as WitError;

use crate::host::Host;
use crate::links::ServiceGrant;
use crate::links::generated::hangar::http::dispatch::{self, SubRequest, SubResponse};
use crate::requests::{Answer, AnswerBody, Incoming, error_lines};
use crate::state::{CallContext, RequestHead, State};

impl dispatch::Host for State {
    async fn send(&mut self, request: SubRequest) -> Result<SubResponse, WitError> {
        match self.grant::<ServiceGrant>() {
            Some(grant) if grant.dispatch => {}
            _ => {
                let line = "grant.dispatch = true";
                return Err(Error::denied(&self.plugin.name, "hangar:http/dispatch", line).into());
            }
        }
        let cpu_left = self.cpu_left_ms();
        let mut call = self.call.nested(&self.plugin, cpu_left)?;
        if request.timeout_ms > 0 {
            let own = Instant::now() + Duration::from_millis(request.timeout_ms.into());
            call.deadline = call.deadline.min(own);
        }
        let address = |of: fn(&RequestHead) -> &String| {
            call.request.as_deref().map(of).cloned().unwrap_or_default()
        };
        call.request = Some(Arc::new(RequestHead {
            method: request.method.clone(),
            path: request.path.clone(),
            client: address(|head| &head.client),
            peer: address(|head| &head.peer),
        }));
        let host = self.host.clone();
        Ok(host.dispatch(call, request).await?)
    }
}

impl Host {
    async fn dispatch(&self, call: CallContext, request: SubRequest) -> Result<SubResponse> {
        let headers = headers(&request);
        let incoming = |headers: String, body: Vec<u8>| Incoming {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers,
            body,
            // The form of the whole is not that of a part.
            uploads: None,
        };
        let matched = self.graph().route(&request.method, &request.path);
        let body = request.body.clone();
        let answer = match matched {
            Some(matched) => {
                let route = matched.route.path.clone();
                let uploads = match matched.route.forms {
                    true => self.form(&headers, &body).await?,
                    false => None,
                };
                let body = if uploads.is_some() { Vec::new() } else { body };
                let mut incoming = incoming(headers.clone(), body);
                incoming.uploads = uploads;
                self.handle(
                    &matched.generation,
                    route,
                    matched.params,
                    call.clone(),
                    incoming,
                )
                .await
            }
            None => self
                .fallback(call.clone(), incoming(headers.clone(), body))
                .await
                .unwrap_or_else(|| Err(Error::new("not_found", 404, "no plugin serves this path"))),
        };
        let answered = match answer {
            Ok(answer) => produced(answer).await,
            Err(error) => Err(error),
        };
        let error = match answered {
            // Out of time is for the caller to tell: there is none left to put it into words.
            Err(error) if error.code != "timeout" => error,
            other => return other,
        };
        let explained = incoming(headers + &error_lines(&error), Vec::new());
        match self.fallback(call, explained).await {
            Some(Ok(answer)) => produced(answer).await,
            _ => Err(error),
        }
    }

    /// The form of a request within a call, taken apart as the server takes one apart that arrives; `None` if it has none.
    async fn form(&self, headers: &str, body: &[u8]) -> Result<Option<Arc<Uploads>>> {
        let content_type = headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(name, value)| name.eq_ignore_ascii_case("content-type").then_some(value))
            .unwrap_or_default();
        let Some(spool) = self.spool.get().filter(|_| Spool::takes(content_type)) else {
            return Ok(None);
        };
        // The whole is in memory already, so it is within the bounds of bodies.
        let bounds = Bounds {
            body: body.len() as u64,
        };
        let whole = Bytes::copy_from_slice(body);
        let chunks = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(whole) });
        let uploads = spool.receive(content_type, chunks, bounds).await?;
        Ok(Some(Arc::new(uploads)))
    }
}

/// The given lines without the host's own headers, and what the caller says of the request.
fn headers(request: &SubRequest) -> String {
    let mut headers = String::with_capacity(request.headers.len() + 64);
    let given = request.headers.lines().filter(|line| {
        !line
            .get(..9)
            .is_some_and(|start| start.eq_ignore_ascii_case("x-hangar-"))
    });
    for line in given {
        headers.push_str(line);
        headers.push('\n');
    }
    let context: String = request
        .context
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    if !context.is_empty() {
        headers.push_str("x-hangar-context: ");
        headers.push_str(&context);
        headers.push('\n');
    }
    headers
}

async fn produced(answer: Answer) -> Result<SubResponse> {
    let unfit = || {
        Error::new(
            "bad_response",
            500,
            "a plugin answered a request of another plugin with a stream",
        )
    };
    let mut status = answer.status;
    let body = match answer.body {
        AnswerBody::Bytes(bytes) => bytes,
        AnswerBody::Stream(_) => return Err(unfit()),
        AnswerBody::Deferred(body) => {
            let produced = body.0.await?;
            status = produced.status.unwrap_or(status);
            match produced.content {
                Content::Bytes(bytes) => bytes.into(),
                Content::Stream(_) => return Err(unfit()),
            }
        }
    };
    Ok(SubResponse {
        status,
        headers: answer.headers,
        body,
    })
}
