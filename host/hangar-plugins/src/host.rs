use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use hangar_core::{Error, Limits, Result};
use hangar_wasm::Runtime;
use hangar_wit::errors::Error as WitError;
use hangar_wit::{Body, Chunks};
use tokio::sync::oneshot;
use wasmtime::component::Linker;

use crate::capability::{Capability, TypeMap};
use crate::exports::{Exports, HttpRequest, HttpResponse, Payload};
use crate::generation::{Generation, Instance, Parts, Sources};
use crate::graph::{Graph, Matched, PluginSummary};
use crate::identity::Identities;
use crate::links::{self, ServiceGrant};
use crate::manifest::{Command, Manifest};
use crate::settings::{Isolation, PluginSettings};
use crate::state::{CallContext, Entry, Plugin, State};
use crate::streaming::Started;

/// How often warm instances that nobody needed are dropped.
const RECLAIM: Duration = Duration::from_secs(60);

/// The plugins of one server and what they run on.
pub struct Host {
    runtime: Runtime,
    linker: Linker<State>,
    capabilities: Vec<Capability>,
    services: TypeMap,
    limits: Limits,
    graph: ArcSwap<Graph>,
    /// One swap at a time: a graph is derived from the one before.
    swapping: tokio::sync::Mutex<()>,
    identities: Identities,
    generations: AtomicU64,
    this: Weak<Self>,
}

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
    /// Address of the peer.
    pub remote_address: String,
    /// Identifier of the request.
    pub request_id: Arc<str>,
    /// The token it carries, if any.
    pub token: Option<String>,
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

impl Host {
    /// A host without plugins. `services` is what capabilities work with; `limits` the general limits.
    pub fn new(
        runtime: Runtime,
        capabilities: Vec<Capability>,
        services: TypeMap,
        limits: Limits,
    ) -> wasmtime::Result<Arc<Self>> {
        let mut linker = Linker::new(runtime.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        links::add_to_linker(&mut linker)?;
        for capability in &capabilities {
            (capability.link)(&mut linker)?;
        }
        Ok(Arc::new_cyclic(|this| Self {
            runtime,
            linker,
            capabilities,
            services,
            limits,
            graph: ArcSwap::default(),
            swapping: tokio::sync::Mutex::new(()),
            identities: Identities::new(),
            generations: AtomicU64::new(0),
            this: this.clone(),
        }))
    }

    /// Gives back the memory of warm instances that are no longer needed, once a minute, for as long as the host lives.
    pub async fn reclaim(host: Arc<Self>) {
        let weak = Arc::downgrade(&host);
        drop(host);
        loop {
            tokio::time::sleep(RECLAIM).await;
            let Some(host) = weak.upgrade() else { return };
            for generation in host.graph().plugins() {
                generation.shrink();
            }
        }
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The services of capability crates.
    pub fn services(&self) -> &TypeMap {
        &self.services
    }

    /// The general limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn graph(&self) -> Arc<Graph> {
        self.graph.load_full()
    }

    pub(crate) fn identities(&self) -> &Identities {
        &self.identities
    }

    fn this(&self) -> Arc<Self> {
        self.this
            .upgrade()
            .expect("a host is only reached through its Arc")
    }

    /// Stages a version of a plugin: reads its manifest, compiles it, checks its imports and grants, starts an instance.
    /// Nothing is served by it yet, and an error leaves everything as it was. `file` names the component in messages.
    pub async fn stage(
        &self,
        file: &str,
        component: Vec<u8>,
        settings: &PluginSettings,
        sources: Sources,
    ) -> Result<Generation> {
        let manifest = Manifest::read(file, &component)?;
        let name: Arc<str> = manifest.name.as_str().into();
        let limits = settings.limits(&name, &self.limits)?;
        let grants = self.grants(&name, settings)?;
        let digest = hangar_wasm::digest(&component);
        let runtime = self.runtime.clone();
        let refuse = |error: wasmtime::Error| {
            Error::new(
                "bad_component",
                400,
                format!(
                    "{file} cannot be used as plugin \"{name}\": {}",
                    causes(&error)
                ),
            )
        };
        let component = tokio::task::spawn_blocking(move || runtime.compile(&component))
            .await
            .map_err(|_| Error::internal(format!("compiling {file} failed")))?
            .map_err(refuse)?;
        let exports = Exports::probe(&component);
        let pre = self.linker.instantiate_pre(&component).map_err(refuse)?;
        let config = serde_json::Value::Object(settings.config.clone()).to_string();
        let parts = Parts {
            plugin: Plugin {
                name: name.clone(),
                limits,
                grants,
                config,
            },
            manifest,
            digest,
            number: self.generations.fetch_add(1, Ordering::Relaxed) + 1,
            exports,
            pre,
            sources,
            isolation: settings.isolation.unwrap_or(Isolation::Warm),
        };
        Generation::stage(&self.this(), parts).await
    }

    fn grants(&self, plugin: &str, settings: &PluginSettings) -> Result<TypeMap> {
        let mut grants = TypeMap::default();
        grants.insert(ServiceGrant::new(&settings.grant));
        for (name, value) in &settings.grant {
            if *value == serde_json::Value::Bool(false) {
                continue;
            }
            let refuse = |reason: &str| {
                Error::bad_input(format!(
                    "hangar.toml, [plugins.{plugin}.grant], {name}: {reason}"
                ))
            };
            if matches!(name.as_str(), "collections" | "auth") {
                if *value != serde_json::Value::Bool(true) {
                    return Err(refuse("write true or false"));
                }
                continue;
            }
            let Some(capability) = self.capabilities.iter().find(|known| known.name == name) else {
                let known: Vec<_> = self.capabilities.iter().map(|known| known.name).collect();
                let known = known.join(", ");
                return Err(refuse(&format!(
                    "no such capability; there are {known}, collections, auth"
                )));
            };
            let grant = (capability.parse_grant)(value).map_err(|reason| refuse(&reason))?;
            grants.insert_shared(grant);
        }
        Ok(grants)
    }

    /// Puts staged versions in place of the plugins of the same names (or adds them), in one step. They are activated in
    /// the given order, each seeing those before it. If one fails, everything stays as it was.
    pub async fn install(&self, staged: Vec<Generation>) -> Result<()> {
        let _one_at_a_time = self.swapping.lock().await;
        let before = self.graph();
        let mut plugins = before.plugins().to_vec();
        let mut replaced = Vec::new();
        for generation in staged {
            let generation = Arc::new(generation);
            match plugins
                .iter_mut()
                .find(|known| known.name() == generation.name())
            {
                Some(slot) => replaced.push(std::mem::replace(slot, generation.clone())),
                None => plugins.push(generation.clone()),
            }
            // Activation may call other plugins: those of the graph so far.
            self.activate(&generation).await?;
            if before.plugins().is_empty() {
                self.graph.store(Arc::new(Graph::new(plugins.clone())?));
            }
        }
        self.graph.store(Arc::new(Graph::new(plugins)?));
        self.identities.forget_all();
        for generation in replaced {
            generation.retire();
        }
        Ok(())
    }

    async fn activate(&self, generation: &Arc<Generation>) -> Result<()> {
        let limits = &generation.plugin.limits;
        let call = CallContext::starting("activate", limits);
        let done = generation
            .run(
                &self.this(),
                call,
                Entry::default(),
                async |instance: &mut Instance| {
                    let Instance { store, functions } = instance;
                    match &functions.activate {
                        Some(activate) => Ok(activate.call_async(store, ()).await?.0),
                        None => Ok(Ok(())),
                    }
                },
            )
            .await?;
        done.map_err(Error::from)
    }

    /// What is installed.
    pub fn summary(&self) -> Vec<PluginSummary> {
        self.graph().summary()
    }

    /// Commands that plugins add to the CLI, with their plugin's name.
    pub fn commands(&self) -> HashMap<String, (String, Command)> {
        let mut commands = HashMap::new();
        for generation in self.graph().plugins() {
            for command in &generation.manifest.commands {
                let owner = generation.name().to_owned();
                commands.insert(command.name.clone(), (owner, command.clone()));
            }
        }
        commands
    }

    /// Runs a plugin's command; answers the text to print.
    pub async fn command(
        &self,
        plugin: &str,
        name: &str,
        arguments: Vec<String>,
    ) -> Result<String> {
        let graph = self.graph();
        let missing = || {
            Error::new(
                "not_found",
                404,
                format!("no installed plugin has the command {name:?}"),
            )
        };
        let generation = graph.plugin(plugin).ok_or_else(missing)?;
        let limits = &generation.plugin.limits;
        let call = CallContext::new("command".into(), limits.wall_ms, limits.cpu_ms);
        let answer = generation
            .run(
                &self.this(),
                call,
                Entry::default(),
                async |instance: &mut Instance| {
                    let Instance { store, functions } = instance;
                    match &functions.command {
                        Some(run) => Ok(Some(
                            run.call_async(store, (name.to_owned(), arguments)).await?.0,
                        )),
                        None => Ok(None),
                    }
                },
            )
            .await?;
        answer.ok_or_else(missing)?.map_err(Error::from)
    }

    /// Headers for every response.
    pub fn response_headers(&self) -> Arc<Vec<(http::HeaderName, http::HeaderValue)>> {
        self.graph.load().headers.clone()
    }

    /// The route for a request, if a plugin declares one.
    pub fn route(&self, method: &str, path: &str) -> Option<Matched> {
        self.graph.load().route(method, path)
    }

    /// Serves a request with the plugin that owns its route.
    pub async fn serve(&self, matched: Matched, incoming: Incoming) -> Result<Answer> {
        let route = matched.route.path.clone();
        self.handle(&matched.generation, route, matched.params, incoming)
            .await
    }

    /// Serves a request that no route matches, or one that carries an error of the host; `None` without a fallback.
    pub async fn serve_fallback(&self, incoming: Incoming) -> Option<Result<Answer>> {
        let fallback = self.graph.load().fallback()?.clone();
        Some(
            self.handle(&fallback, String::new(), Vec::new(), incoming)
                .await,
        )
    }

    async fn handle(
        &self,
        generation: &Arc<Generation>,
        route: String,
        params: Vec<String>,
        incoming: Incoming,
    ) -> Result<Answer> {
        let limits = &generation.plugin.limits;
        let mut call = CallContext::new(incoming.request_id.clone(), limits.wall_ms, limits.cpu_ms);
        if let Some(token) = &incoming.token {
            call.identity = self.identify(&call, token).await?;
        }
        let request = HttpRequest {
            method: incoming.method,
            path: incoming.path,
            query: incoming.query,
            headers: incoming.headers,
            body: incoming.body,
            route,
            params,
            identity: call.identity.as_deref().map(str::to_owned),
            remote_address: incoming.remote_address,
        };
        let bound = limits.response_bytes;
        let (reply, started) = oneshot::channel();
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
        let answer = tokio::select! {
            biased;
            answer = &mut running => answer?,
            Ok(Started { answer, abort }) = started => {
                let name = generation.plugin.name.clone();
                tokio::spawn(async move {
                    if let Err(error) = running.await {
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
    async fn identify(&self, call: &CallContext, token: &str) -> Result<Option<Arc<str>>> {
        if let Some(known) = self.identities.get(token) {
            return Ok(Some(known));
        }
        let graph = self.graph();
        let Some(generation) = graph.identities() else {
            return Ok(None);
        };
        let mark = self.identities.mark();
        let answer = generation
            .run(
                &self.this(),
                call.clone(),
                Entry::default(),
                async |instance: &mut Instance| {
                    let Instance { store, functions } = instance;
                    match &functions.authenticate {
                        Some(authenticate) => {
                            Ok(authenticate.call_async(store, (token.to_owned(),)).await?.0)
                        }
                        None => Ok(Ok(None)),
                    }
                },
            )
            .await?;
        let document: Option<Arc<str>> = answer.map_err(Error::from)?.map(Arc::from);
        if let Some(document) = &document {
            self.identities.keep(mark, token, document.clone());
        }
        Ok(document)
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

/// An error and its causes in one line.
fn causes(error: &wasmtime::Error) -> String {
    error
        .chain()
        .map(|cause| cause.to_string())
        .collect::<Vec<_>>()
        .join(": ")
}

/// Reads a component from a file.
pub fn read_component(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        Error::bad_input(format!(
            "cannot read the component {}: {error}",
            path.display()
        ))
    })
}
