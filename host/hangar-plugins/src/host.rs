use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use hangar_core::{Error, Limits, Result};
use hangar_uploads::Spool;
use hangar_wasm::Runtime;
use wasmtime::component::Linker;

use crate::background::Background;
use crate::capability::{Capability, TypeMap};
use crate::graph::{Graph, Matched, PluginSummary};
use crate::identity::Identities;
use crate::links;
use crate::manifest::Command;
use crate::state::{CallContext, State};

/// How often warm instances that nobody needed are dropped.
const RECLAIM: Duration = Duration::from_secs(60);

/// The plugins of one server and what they run on.
pub struct Host {
    pub(crate) runtime: Runtime,
    pub(crate) linker: Linker<State>,
    pub(crate) capabilities: Vec<Capability>,
    services: TypeMap,
    pub(crate) limits: Limits,
    pub(crate) graph: ArcSwap<Graph>,
    /// One swap at a time: a graph is derived from the one before.
    pub(crate) swapping: tokio::sync::Mutex<()>,
    pub(crate) identities: Identities,
    /// Jobs added by plugins while they run.
    pub(crate) added: crate::crons::Added,
    pub(crate) generations: AtomicU64,
    /// Where files of forms wait, once a server takes forms apart.
    pub(crate) spool: OnceLock<Spool>,
    pub(crate) background: Background,
    this: Weak<Self>,
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
            added: crate::crons::Added::default(),
            generations: AtomicU64::new(0),
            spool: OnceLock::new(),
            background: Background::default(),
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

    pub(crate) fn this(&self) -> Arc<Self> {
        self.this
            .upgrade()
            .expect("a host is only reached through its Arc")
    }

    /// From now on forms within calls are taken apart, too, into the place where a server keeps its uploads.
    pub fn take_forms(&self, spool: Spool) {
        let _ = self.spool.set(spool);
    }

    /// Says whom to tell of every identity that a plugin has forgotten, once: other processes on the same data, say.
    pub fn tell_forgotten(&self, told: impl Fn(&str) + Send + Sync + 'static) {
        self.identities.tell(told);
    }

    /// Drops what is cached about an identity, as `hangar:plugin/context.forget-identity` does, and tells nobody.
    pub fn forget_identity_here(&self, subject: &str) {
        self.identities.forget(subject);
    }

    /// Where files of requests wait, in a server.
    pub(crate) fn spool(&self) -> Option<&Spool> {
        self.spool.get()
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
        self.run_command(plugin, name, arguments, "command".into())
            .await
    }

    pub(crate) async fn run_command(
        &self,
        plugin: &str,
        name: &str,
        arguments: Vec<String>,
        request_id: Arc<str>,
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
        let call = CallContext::new(request_id, limits.wall_ms, limits.cpu_ms);
        let params = (name.to_owned(), arguments);
        let done = generation
            .call(&self.this(), call, |functions| &functions.command, params)
            .await?;
        done.ok_or_else(missing)
    }

    /// Headers for every response.
    pub fn response_headers(&self) -> Arc<Vec<(http::HeaderName, http::HeaderValue)>> {
        self.graph.load().headers.clone()
    }

    /// The route for a request, if a plugin declares one.
    pub fn route(&self, method: &str, path: &str) -> Option<Matched> {
        self.graph.load().route(method, path)
    }
}
