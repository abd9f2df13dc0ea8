//! Requests: who is asking, which plugin answers, with what.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hangar_core::{Error, Result};
use hangar_uploads::Uploads;
use hangar_wit::errors::Error as WitError;
use hangar_wit::{Body, Chunks};
use tokio::sync::oneshot;

use crate::exports::{HttpRequest, HttpResponse, Payload};
use crate::generation::{Generation, Instance};
use crate::graph::Matched;
use crate::host::Host;
use crate::identity::Identity;
use crate::state::{CallContext, Entry, RequestHead};
use crate::streaming::Started;

/// A request as the HTTP server has read it.
pub struct Incoming {
    /// Upper case.
    pub method: String,
    /// Percent-encoded path.
    pub path: String,
    /// Query without `?`.
    pub query: String,
    /// `name: value\n` lines, names in lower case.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
    /// Its form, if the host has taken one apart.
    pub uploads: Option<Arc<Uploads>>,
}

/// Who makes a request.
#[derive(Clone)]
pub struct Caller {
    /// Identifier of the request.
    pub request_id: Arc<str>,
    /// Who is asking, as [`Host::identity`] answered.
    pub identity: Option<Arc<Identity>>,
    /// What capabilities may know of it.
    pub head: Arc<RequestHead>,
}

/// What a plugin answered.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: AnswerBody,
}

/// A body, in memory or still to be made.
pub enum AnswerBody {
    /// All of it.
    Bytes(Vec<u8>),
    /// Made when awaited.
    Deferred(Body),
    /// Sent while the plugin is still at work.
    Stream(Chunks),
}

impl Caller {
    fn call(&self, generation: &Generation) -> CallContext {
        let limits = &generation.plugin.limits;
        let mut call = CallContext::new(self.request_id.clone(), limits.wall_ms, limits.cpu_ms);
        call.identity = self
            .identity
            .as_ref()
            .map(|identity| identity.document.clone());
        call.request = Some(self.head.clone());
        call
    }
}

/// An error of the host as the headers by which the fallback plugin is asked to put it into words.
pub fn error_lines(error: &Error) -> String {
    let message = error.message.replace(['\r', '\n'], " ");
    format!(
        "x-hangar-error: {}\nx-hangar-status: {}\nx-hangar-message: {message}\n",
        error.code, error.status
    )
}

/// How a plugin takes a request.
enum Begun {
    /// With an answer, or `None` if it has no handler.
    Answered(Option<Result<Answer, WitError>>),
    /// With a stream, at which it may still be at work.
    Streaming(Started, Pin<Box<dyn Future<Output = Result<()>> + Send>>),
}

impl Host {
    /// Serves a request with the plugin that owns its route.
    pub async fn serve(
        &self,
        matched: Matched,
        caller: &Caller,
        incoming: Incoming,
    ) -> Result<Answer> {
        let route = matched.route.path.clone();
        let mut call = caller.call(&matched.generation);
        if matched.route.long {
            let limits = &matched.generation.plugin.limits;
            call.deadline = Instant::now() + Duration::from_millis(limits.command_ms);
        }
        self.handle(&matched.generation, route, matched.params, call, incoming)
            .await
    }

    /// Serves a request that no route matches, or one that carries an error of the host; `None` without a fallback.
    pub async fn serve_fallback(
        &self,
        caller: &Caller,
        incoming: Incoming,
    ) -> Option<Result<Answer>> {
        let call = caller.call(self.graph.load().fallback()?);
        self.fallback(call, incoming).await
    }

    /// Asks the plugin that owns a route how large a form it takes, for one past the route's `body-limit`. `None` if it
    /// has no say in it.
    pub async fn form_limit(
        &self,
        matched: &Matched,
        method: &str,
        request_id: &Arc<str>,
    ) -> Result<Option<u64>> {
        let generation = &matched.generation;
        let limits = &generation.plugin.limits;
        let call = CallContext::new(request_id.clone(), limits.wall_ms, limits.cpu_ms);
        let asked = (
            method.to_owned(),
            matched.route.path.clone(),
            matched.params.clone(),
        );
        let limit = generation
            .call(&self.this(), call, |functions| &functions.form_limit, asked)
            .await?;
        Ok(limit.map(|bytes| bytes.max(0.0) as u64))
    }

    /// Lets the plugin that makes blobs out of others make one.
    pub async fn derive(
        &self,
        place: String,
        source: String,
        target: String,
        recipe: String,
    ) -> Result<()> {
        let graph = self.graph();
        let unserved = || {
            Error::new(
                "unserved",
                501,
                "no installed plugin serves hangar:files/derive",
            )
        };
        let generation = graph.deriver().ok_or_else(unserved)?;
        let limits = &generation.plugin.limits;
        let call = CallContext::new("derive".into(), limits.wall_ms, limits.cpu_ms);
        let params = (place, source, target, recipe);
        let made = generation
            .call(&self.this(), call, |functions| &functions.derive, params)
            .await?;
        made.ok_or_else(unserved)
    }

    /// The same within a call.
    pub(crate) async fn fallback(
        &self,
        call: CallContext,
        incoming: Incoming,
    ) -> Option<Result<Answer>> {
        let fallback = self.graph.load().fallback()?.clone();
        let answer = self.handle(&fallback, String::new(), Vec::new(), call, incoming);
        Some(answer.await)
    }

    pub(crate) async fn handle(
        &self,
        generation: &Arc<Generation>,
        route: String,
        params: Vec<String>,
        mut call: CallContext,
        incoming: Incoming,
    ) -> Result<Answer> {
        let limits = &generation.plugin.limits;
        call.uploads = incoming.uploads;
        let request = HttpRequest {
            method: incoming.method,
            path: incoming.path,
            query: incoming.query,
            headers: incoming.headers,
            body: incoming.body,
            route,
            params,
            identity: call.identity.as_deref().map(str::to_owned),
            remote_address: call
                .request
                .as_ref()
                .map(|head| head.peer.clone())
                .unwrap_or_default(),
        };
        let bound = limits.response_bytes;
        let (reply, mut started) = oneshot::channel();
        let entry = Entry {
            next: None,
            reply: Some(reply),
        };
        let (host, owner) = (self.this(), generation.clone());
        // In a box of its own: a plugin that streams goes on with it after its response has begun.
        let mut running = Box::pin(async move {
            owner
                .run(&host, call, entry, async |instance: &mut Instance| {
                    answer(instance, request).await
                })
                .await
        });
        let begun = tokio::select! {
            biased;
            ended = &mut running => match started.try_recv() {
                // It has begun and ended without ever waiting.
                Ok(begun) => Begun::Streaming(begun, Box::pin(std::future::ready(ended.map(drop)))),
                Err(_) => Begun::Answered(ended?),
            },
            Ok(begun) = &mut started => {
                Begun::Streaming(begun, Box::pin(async move { running.await.map(drop) }))
            }
        };
        let answer = match begun {
            Begun::Answered(answer) => answer,
            Begun::Streaming(Started { answer, abort }, rest) => {
                let name = generation.plugin.name.clone();
                tokio::spawn(async move {
                    if let Err(error) = rest.await {
                        tracing::error!(plugin = %name, %error, "a streamed response was cut off");
                        let _ = abort.send(Err(std::io::Error::other("cut off"))).await;
                    }
                });
                return Ok(answer);
            }
        };
        let answer = match answer {
            Some(answer) => answer.map_err(Error::from)?,
            None => {
                return Err(Error::new(
                    "bad_component",
                    500,
                    format!(
                        "plugin \"{}\" declares routes but does not export hangar:http/handler",
                        generation.name()
                    ),
                ));
            }
        };
        match &answer.body {
            AnswerBody::Bytes(bytes) if bytes.len() > bound => Err(Error::limit(
                generation.name(),
                "size of a response body",
                format!("{} MiB", bound >> 20),
                "limits.response-bytes",
            )),
            _ => Ok(answer),
        }
    }

    /// Asks the plugin that serves identities who is behind a token, unless that is known.
    pub async fn identity(
        &self,
        request_id: &Arc<str>,
        token: &str,
    ) -> Result<Option<Arc<Identity>>> {
        if let Some(known) = self.identities.get(token) {
            return Ok(Some(known));
        }
        let graph = self.graph();
        let Some(generation) = graph.identities() else {
            return Ok(None);
        };
        let mark = self.identities.mark();
        let limits = &generation.plugin.limits;
        let call = CallContext::new(request_id.clone(), limits.wall_ms, limits.cpu_ms);
        let params = (token.to_owned(),);
        let answer = generation
            .call(
                &self.this(),
                call,
                |functions| &functions.authenticate,
                params,
            )
            .await?;
        let identity = answer
            .flatten()
            .map(|document| Arc::new(Identity::new(document)));
        if let Some(identity) = &identity {
            self.identities.keep(mark, token, identity.clone());
        }
        Ok(identity)
    }
}

/// Calls the handler of an instance; `None` if it has none.
async fn answer(
    instance: &mut Instance,
    request: HttpRequest,
) -> wasmtime::Result<Option<Result<Answer, WitError>>> {
    let Instance { store, functions } = instance;
    let Some(handle) = &functions.http else {
        return Ok(None);
    };
    let HttpResponse {
        status,
        headers,
        payload,
    } = match handle.call_async(&mut *store, (request,)).await?.0 {
        Ok(response) => response,
        Err(error) => return Ok(Some(Err(error))),
    };
    let body = match payload {
        Payload::Empty => AnswerBody::Bytes(Vec::new()),
        Payload::Text(text) => AnswerBody::Bytes(text.into_bytes()),
        Payload::Bytes(bytes) => AnswerBody::Bytes(bytes),
        Payload::Body(body) => AnswerBody::Deferred(store.data_mut().table.delete(body)?),
    };
    Ok(Some(Ok(Answer {
        status,
        headers,
        body,
    })))
}
