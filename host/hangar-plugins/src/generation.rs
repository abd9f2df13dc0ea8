use std::sync::Arc;
use std::time::Duration;

use hangar_core::{Error, Limits, Result, Settle};
use hangar_wasm::{Metered, Pool, Refused, describe};
use serde::Serialize;
use wasmtime::component::{ComponentNamedList, InstancePre, Lift, Lower};

use crate::exports::{Answer, Export, Exports, Functions};
use crate::host::Host;
use crate::manifest::{Manifest, Registrations};
use crate::settings::Isolation;
use crate::state::{CallContext, Entry, Plugin, State};

/// The files a plugin is started with.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sources {
    /// Path relative to the watched folder, and text.
    pub files: Vec<SourceFile>,
    /// Whether the server runs with `--dev`.
    pub dev: bool,
    /// Whether this process only runs a command of a plugin.
    pub command: bool,
}

/// One source file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceFile {
    /// Relative to the watched folder, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// One version of a plugin, ready to serve: compiled code, limits, sources, warm instances. A swap replaces the whole
/// generation; calls in flight end on the one they began with.
pub struct Generation {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) manifest: Manifest,
    pub(crate) digest: String,
    pub(crate) number: u64,
    pub(crate) exports: Exports,
    pub(crate) registrations: Registrations,
    pre: InstancePre<State>,
    /// Boxed: a lease is moved several times in a call, and an instance is large.
    pool: Pool<Box<Instance>>,
    sources: Arc<str>,
    isolation: Isolation,
}

/// A store with its typed exports.
pub(crate) struct Instance {
    pub store: wasmtime::Store<State>,
    pub functions: Functions,
}

/// What a generation is made of.
pub(crate) struct Parts {
    pub plugin: Plugin,
    pub manifest: Manifest,
    pub digest: String,
    pub number: u64,
    pub exports: Exports,
    pub pre: InstancePre<State>,
    pub sources: Sources,
    pub isolation: Isolation,
}

impl Generation {
    /// Makes the first instance, which proves that the component starts and tells its registrations.
    pub(crate) async fn stage(host: &Arc<Host>, parts: Parts) -> Result<Self> {
        let limits = &parts.plugin.limits;
        let pool = Pool::new(
            limits.pool_size,
            limits.instances,
            limits.reuse,
            Duration::from_millis(limits.queue_ms),
        );
        let sources = serde_json::to_string(&parts.sources)
            .map_err(|error| Error::internal(format!("sources of a plugin: {error}")))?;
        let mut generation = Self {
            plugin: Arc::new(parts.plugin),
            manifest: parts.manifest,
            digest: parts.digest,
            number: parts.number,
            exports: parts.exports,
            registrations: Registrations::default(),
            pre: parts.pre,
            pool,
            sources: sources.into(),
            isolation: parts.isolation,
        };
        let (instance, registrations) = generation.instantiate(host).await?;
        drop(instance);
        generation.registrations = registrations;
        crate::crons::check(generation.name(), &generation.manifest.crons)?;
        crate::crons::check(generation.name(), &generation.registrations.crons)?;
        Ok(generation)
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.plugin.name
    }

    /// A new instance, started; with what `start` answered.
    async fn instantiate(&self, host: &Arc<Host>) -> Result<(Box<Instance>, Registrations)> {
        let limits = &self.plugin.limits;
        let call = CallContext::starting("start", limits);
        let state = State::new(self.plugin.clone(), host.clone(), call.clone());
        let mut store = host.runtime().store(state);
        store.data_mut().begin(call, Entry::default());
        let made = tokio::time::timeout(Duration::from_millis(limits.start_wall_ms), async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let functions = Functions::new(&mut store, &instance, &self.exports)?;
            let registrations = match &functions.start {
                Some(start) => {
                    start
                        .call_async(&mut store, (self.sources.to_string(),))
                        .await?
                        .0
                }
                None => Ok("{}".to_owned()),
            };
            Ok((functions, registrations))
        })
        .await;
        let (functions, registrations) = match made {
            Ok(Ok((functions, answer))) => (functions, answer.map_err(Error::from)?),
            Ok(Err(error)) => {
                return Err(describe(
                    &self.plugin.name,
                    &error,
                    store.data_mut().meter(),
                    limits,
                    true,
                ));
            }
            Err(_) => return Err(timeout(&self.plugin.name, limits, true)),
        };
        let registrations = serde_json::from_str(&registrations).map_err(|error| {
            Error::new(
                "bad_component",
                500,
                format!(
                    "plugin \"{}\" answered registrations that are not valid: {error}",
                    self.plugin.name
                ),
            )
        })?;
        Ok((Box::new(Instance { store, functions }), registrations))
    }

    /// Runs one call on an instance: a warm one if there is one. After an error of the guest (a trap, a timeout) the
    /// instance is gone; an error the guest answers leaves it usable.
    pub(crate) async fn run<R>(
        &self,
        host: &Arc<Host>,
        call: CallContext,
        entry: Entry,
        work: impl AsyncFnOnce(&mut Instance) -> wasmtime::Result<R>,
    ) -> Result<R> {
        let nested = !call.path.is_empty();
        let make = async || Ok::<_, Error>(self.instantiate(host).await?.0);
        let mut lease = match self.pool.acquire(nested, make).await {
            Ok(made) => made?,
            Err(Refused::Saturated) => {
                return Err(Error::limit(
                    &self.plugin.name,
                    "all its instances are busy; the request waited for one",
                    format!(
                        "{} instances, {} ms",
                        self.plugin.limits.instances, self.plugin.limits.queue_ms
                    ),
                    "limits.instances, limits.queue-ms",
                ));
            }
        };
        let (deadline, starting) = (call.deadline, call.starting);
        let had_ambient = call.ambient.is_some();
        lease.instance.store.data_mut().begin(call, entry);
        let done = tokio::time::timeout_at(deadline.into(), work(&mut lease.instance)).await;
        let state = lease.instance.store.data_mut();
        state.next = None;
        state.reply = None;
        // Its files go with the request, not with the instance.
        state.call.uploads = None;
        // A transaction the guest has left open goes with the instance: dropping its store rolls it back.
        let ambient = state.call.ambient.take();
        let left_open = ambient.is_some() != had_ambient;
        let left_work = match ambient {
            Some(ambient) if left_open => ambient.afterwards().take(),
            _ => Vec::new(),
        };
        let answer = match done {
            Ok(Ok(value)) => {
                // So does an event it has not finished, with the handlers that wait in it.
                let sound =
                    !left_open && state.raised_bytes == 0 && !state.meter().memory_nearly_full();
                if sound && self.isolation == Isolation::Warm {
                    self.pool.give_back(lease);
                }
                Ok(value)
            }
            Ok(Err(error)) => {
                let fault = describe(
                    &self.plugin.name,
                    &error,
                    state.meter(),
                    &self.plugin.limits,
                    starting,
                );
                if fault.code == "trap" {
                    tracing::error!(plugin = %self.plugin.name, error = format!("{error:?}"), "plugin failed");
                }
                Err(fault)
            }
            Err(_) => Err(timeout(&self.plugin.name, &self.plugin.limits, starting)),
        };
        if !left_work.is_empty() {
            // Nobody has ended that transaction, so nobody waits for what it left.
            let host = host.clone();
            tokio::spawn(async move { host.settle(left_work, false).await });
        }
        answer
    }

    /// Calls an export on an instance; `None` if the plugin does not have it.
    pub(crate) async fn call<P, R>(
        &self,
        host: &Arc<Host>,
        call: CallContext,
        export: impl FnOnce(&Functions) -> &Export<P, R>,
        params: P,
    ) -> Result<Option<R>>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: Send + Sync + 'static,
        Answer<R>: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let work = async |instance: &mut Instance| {
            let Instance { store, functions } = instance;
            match export(functions) {
                Some(function) => Ok(Some(function.call_async(store, params).await?.0)),
                None => Ok(None),
            }
        };
        let answer = self.run(host, call, Entry::default(), work).await?;
        answer.transpose().map_err(Error::from)
    }

    /// Drops the warm instances of a generation that has been replaced.
    pub(crate) fn retire(&self) {
        self.pool.clear();
    }

    /// Drops warm instances that were not needed since the last call of this.
    pub(crate) fn shrink(&self) {
        self.pool.shrink();
    }

    /// How many instances wait idle.
    pub(crate) fn idle(&self) -> usize {
        self.pool.idle_count()
    }
}

fn timeout(plugin: &str, limits: &Limits, starting: bool) -> Error {
    let (milliseconds, setting) = if starting {
        (limits.start_wall_ms, "limits.start-wall-ms")
    } else {
        (limits.wall_ms, "limits.wall-ms")
    };
    Error::new(
        "timeout",
        504,
        format!("plugin \"{plugin}\" took longer than {milliseconds} ms (setting {setting})"),
    )
}
