use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hangar_core::{Ambient, Error, Limits, Settle};
use hangar_uploads::Uploads;
use hangar_wasm::{Meter, Metered};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::capability::{Locals, TypeMap};
use crate::chain::Next;
use crate::host::Host;
use crate::stderr::Stderr;
use crate::streaming::Reply;

/// Resources of the host that one instance may hold at once.
const RESOURCES: usize = 4096;

/// What stays the same for all instances of one generation of a plugin.
pub struct Plugin {
    /// Its name.
    pub name: Arc<str>,
    /// Its limits.
    pub limits: Limits,
    /// Its grants, by type.
    pub grants: TypeMap,
    /// Its `config` table, JSON.
    pub config: String,
}

/// What capabilities may know of the request behind a call.
#[derive(Debug)]
pub struct RequestHead {
    /// As the client sent it: `HEAD` is not `GET` here.
    pub method: String,
    /// Percent-encoded path.
    pub path: String,
    /// Address of the client, behind proxies that are trusted.
    pub client: String,
    /// Address of the peer.
    pub peer: String,
}

/// What travels beside a call from plugin to plugin. Guests can neither read most of it nor forge any.
#[derive(Clone)]
pub struct CallContext {
    /// The same in every plugin a request passes through.
    pub request_id: Arc<str>,
    /// Who is asking; JSON made by the plugin that serves identities.
    pub identity: Option<Arc<str>>,
    /// The request behind the call, if it is one.
    pub request: Option<Arc<RequestHead>>,
    /// When the whole request must be done.
    pub deadline: Instant,
    /// CPU time left to the request, milliseconds.
    pub cpu_left_ms: u64,
    /// Plugins entered so far, outermost first.
    pub path: Arc<[Arc<str>]>,
    /// The transaction that capabilities use where they find one. Opaque here.
    pub ambient: Option<Arc<dyn Ambient>>,
    /// The form of the request, if the host has taken one apart.
    pub uploads: Option<Arc<Uploads>>,
    /// Whether a version is being started: the limits of `start` and `activate` hold.
    pub(crate) starting: bool,
}

impl CallContext {
    /// The context of a new request or command.
    pub fn new(request_id: Arc<str>, wall_ms: u64, cpu_ms: u64) -> Self {
        Self {
            request_id,
            identity: None,
            request: None,
            deadline: Instant::now() + Duration::from_millis(wall_ms),
            cpu_left_ms: cpu_ms,
            path: Arc::new([]),
            ambient: None,
            uploads: None,
            starting: false,
        }
    }

    /// The context of `start` or `activate`.
    pub(crate) fn starting(name: &str, limits: &Limits) -> Self {
        Self {
            starting: true,
            ..Self::new(name.into(), limits.start_wall_ms, limits.start_cpu_ms)
        }
    }

    /// The context for a call made by `plugin` while serving this one.
    pub(crate) fn nested(&self, plugin: &Plugin, cpu_left_ms: u64) -> Result<Self, Error> {
        if self.path.len() >= plugin.limits.depth as usize {
            let path = self.path.join(" → ");
            return Err(Error::limit(
                &plugin.name,
                &format!("depth of calls between plugins ({path})"),
                plugin.limits.depth,
                "limits.depth",
            ));
        }
        let path = self
            .path
            .iter()
            .cloned()
            .chain([plugin.name.clone()])
            .collect();
        Ok(Self {
            path,
            cpu_left_ms,
            ..self.clone()
        })
    }
}

/// What a call of one kind of export brings with it.
#[derive(Default)]
pub(crate) struct Entry {
    /// For a hook: the rest of the chain.
    pub next: Option<Next>,
    /// For a request: where a streamed response begins.
    pub reply: Option<Reply>,
}

/// The data of a store.
pub struct State {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) host: Arc<Host>,
    pub(crate) call: CallContext,
    pub(crate) next: Option<Next>,
    pub(crate) reply: Option<Reply>,
    pub(crate) table: ResourceTable,
    /// Payloads of the events this instance has raised and not finished, bytes. The host holds them.
    pub(crate) raised_bytes: usize,
    locals: Locals,
    meter: Meter,
    wasi: WasiCtx,
}

impl State {
    pub(crate) fn new(plugin: Arc<Plugin>, host: Arc<Host>, call: CallContext) -> Self {
        // No folders, no environment, no sockets: WASI gives a plugin clocks, randomness and a log of its last words.
        let wasi = WasiCtx::builder()
            .stderr(Stderr::new(plugin.name.clone()))
            .build();
        let meter = Meter::new(plugin.limits.memory);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self {
            plugin,
            host,
            call,
            next: None,
            reply: None,
            table,
            raised_bytes: 0,
            locals: Locals::default(),
            meter,
            wasi,
        }
    }

    /// The plugin's name.
    pub fn plugin_name(&self) -> &str {
        &self.plugin.name
    }

    /// The plugin's limits.
    pub fn limits(&self) -> &Limits {
        &self.plugin.limits
    }

    /// The plugin's configuration, JSON.
    pub fn config(&self) -> &str {
        &self.plugin.config
    }

    /// The plugin's grant of a capability, by the grant's type.
    pub fn grant<G: Any + Send + Sync>(&self) -> Option<&G> {
        self.plugin.grants.get()
    }

    /// A service of the host, by its type.
    pub fn service<S: Any + Send + Sync>(&self) -> Option<&S> {
        self.host.services().get()
    }

    /// Splits the state for a view that changes the call while it reads the rest.
    pub fn parts(&mut self) -> Parts<'_> {
        Parts {
            plugin: &self.plugin.name,
            limits: &self.plugin.limits,
            config: &self.plugin.config,
            grants: &self.plugin.grants,
            services: self.host.services(),
            settle: &*self.host,
            call: &mut self.call,
            table: &mut self.table,
            locals: &mut self.locals,
        }
    }

    /// Prepares a warm instance for its next call.
    pub(crate) fn begin(&mut self, call: CallContext, entry: Entry) {
        let limits = &self.plugin.limits;
        let cpu = call.cpu_left_ms.min(if call.starting {
            limits.start_cpu_ms
        } else {
            limits.cpu_ms
        });
        self.meter.grant_cpu_ms(cpu);
        self.call = call;
        self.locals.clear();
        self.next = entry.next;
        self.reply = entry.reply;
    }
}

/// What views of capabilities borrow.
pub struct Parts<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// Its limits.
    pub limits: &'a Limits,
    /// Its configuration, JSON.
    pub config: &'a str,
    /// Its grants.
    pub grants: &'a TypeMap,
    /// The host's services.
    pub services: &'a TypeMap,
    /// Does the work that ended transactions have left.
    pub settle: &'a dyn Settle,
    /// The current call.
    pub call: &'a mut CallContext,
    /// Resources handed to the guest.
    pub table: &'a mut ResourceTable,
    /// What capabilities keep during this call.
    pub locals: &'a mut Locals,
}

impl Metered for State {
    fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}
