//! How a version of a plugin comes into service: staged, activated, put in place.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hangar_core::{Error, Result};

use crate::capability::TypeMap;
use crate::exports::Exports;
use crate::generation::{Generation, Parts, Sources};
use crate::graph::Graph;
use crate::host::Host;
use crate::links::ServiceGrant;
use crate::manifest::Manifest;
use crate::settings::{Isolation, PluginSettings};
use crate::state::{CallContext, Plugin};

impl Host {
    /// Stages a version of a plugin: reads its manifest, compiles it, checks its imports and grants, starts an instance.
    /// Nothing is served by it yet, and an error leaves everything as it was. `file` names the component in messages.
    pub async fn stage(
        &self,
        file: &str,
        component: Cow<'static, [u8]>,
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
            if ServiceGrant::NAMES.contains(&name.as_str()) {
                if *value != serde_json::Value::Bool(true) {
                    return Err(refuse("write true or false"));
                }
                continue;
            }
            let Some(capability) = self.capabilities.iter().find(|known| known.name == name) else {
                let known: Vec<_> = self.capabilities.iter().map(|known| known.name).collect();
                let (known, own) = (known.join(", "), ServiceGrant::NAMES.join(", "));
                return Err(refuse(&format!(
                    "no such capability; there are {known}, {own}"
                )));
            };
            let grant = (capability.parse_grant)(value).map_err(|reason| refuse(&reason))?;
            grants.insert_shared(grant);
        }
        Ok(grants)
    }

    /// Puts staged versions in place of the plugins of the same names (or adds them) and drops the plugins that are not
    /// in `keep`, in one step. New ones are activated in the given order, each seeing those before it. If one fails,
    /// everything stays as it was.
    pub async fn install(&self, staged: Vec<Generation>, keep: &[String]) -> Result<()> {
        let _one_at_a_time = self.swapping.lock().await;
        let before = self.graph();
        let mut plugins = before.plugins().to_vec();
        for generation in staged {
            let generation = Arc::new(generation);
            match plugins
                .iter_mut()
                .find(|known| known.name() == generation.name())
            {
                Some(slot) => *slot = generation.clone(),
                None => plugins.push(generation.clone()),
            }
            // Activation may call other plugins: those of the graph so far.
            self.activate(&generation).await?;
            if before.plugins().is_empty() {
                self.graph.store(Arc::new(Graph::new(plugins.clone())?));
            }
        }
        plugins.retain(|generation| keep.iter().any(|name| name == generation.name()));
        let after = Arc::new(Graph::new(plugins)?);
        self.graph.store(after.clone());
        self.identities.forget_all();
        let kept = |old: &Arc<Generation>| after.plugins().iter().any(|new| Arc::ptr_eq(old, new));
        for replaced in before.plugins().iter().filter(|old| !kept(old)) {
            replaced.retire();
        }
        Ok(())
    }

    /// Activates those plugins again that are renewed by one of these topics, or all: another process has changed what
    /// they stand on. What fails is logged and goes on as it was.
    pub async fn renew(&self, all: bool, topics: &[String]) {
        let _one_at_a_time = self.swapping.lock().await;
        for generation in self.graph().plugins() {
            let named = &generation.manifest.renewed_by;
            if !all && !topics.iter().any(|topic| named.contains(topic)) {
                continue;
            }
            if let Err(error) = self.activate(generation).await {
                tracing::error!(plugin = generation.name(), code = %error.code, "not renewed: {}", error.message);
            }
        }
    }

    async fn activate(&self, generation: &Arc<Generation>) -> Result<()> {
        let limits = &generation.plugin.limits;
        let call = CallContext::starting("activate", limits);
        let done = generation
            .call(&self.this(), call, |functions| &functions.activate, ())
            .await;
        done.map(|_| ())
    }
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
