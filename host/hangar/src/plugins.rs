//! Which plugins run: the shipped ones, those of hangar.toml in their place or beside them, and what each is granted.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use hangar_core::{Error, Result};
use hangar_plugins::{Host, Manifest, PluginSettings, Sources, read_component};
use serde_json::Value;

use crate::settings::Settings;
use crate::sources;

/// The shipped components, in the order of their activation.
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// A plugin as it shall run.
pub struct Wanted {
    /// For messages.
    pub file: String,
    /// The component.
    pub component: Component,
    /// Settings, with the grants of shipped plugins.
    pub settings: PluginSettings,
    /// Its sources.
    pub sources: Sources,
}

/// A component with what can be read off it.
#[derive(Clone)]
pub struct Component {
    /// WebAssembly.
    pub bytes: Cow<'static, [u8]>,
    /// SHA-256 of the bytes.
    pub digest: String,
    /// What it says of itself.
    pub manifest: Manifest,
}

impl Component {
    fn read(file: &str, bytes: Cow<'static, [u8]>) -> Result<Self> {
        Ok(Self {
            manifest: Manifest::read(file, &bytes)?,
            digest: hangar_wasm::digest(&bytes),
            bytes,
        })
    }
}

/// The shipped components, read once: they are megabytes.
static SHIPPED: LazyLock<Vec<Component>> = LazyLock::new(|| {
    let read =
        |(name, bytes): &(&str, &'static [u8])| Component::read(name, Cow::Borrowed(bytes)).ok();
    EMBEDDED.iter().filter_map(read).collect()
});

/// Manifests of the shipped plugins.
pub fn shipped_manifests() -> Vec<Manifest> {
    SHIPPED
        .iter()
        .map(|component| component.manifest.clone())
        .collect()
}

/// Manifests of the plugins the settings ask for.
pub fn manifests(settings: &Settings) -> Result<Vec<Manifest>> {
    Ok(wanted(settings)?
        .into_iter()
        .map(|wanted| wanted.component.manifest)
        .collect())
}

/// The plugins the settings ask for: shipped ones first, then the others by name.
pub fn wanted(settings: &Settings) -> Result<Vec<Wanted>> {
    let mut all = Vec::new();
    for component in SHIPPED.iter() {
        let name = &component.manifest.name;
        let own = settings.plugins.get(name).cloned().unwrap_or_default();
        if own.enabled != Some(false) {
            all.push(one(settings, name, Some(component), own)?);
        }
    }
    let shipped = |name: &String| {
        SHIPPED
            .iter()
            .any(|component| component.manifest.name == *name)
    };
    let added = settings
        .plugins
        .iter()
        .filter(|(name, own)| own.enabled != Some(false) && !shipped(name));
    for (name, own) in added {
        all.push(one(settings, name, None, own.clone())?);
    }
    Ok(all)
}

fn one(
    settings: &Settings,
    name: &str,
    shipped: Option<&Component>,
    mut own: PluginSettings,
) -> Result<Wanted> {
    let (file, component) = match (&own.path, shipped) {
        (Some(path), _) => {
            let file = path.display().to_string();
            let component = Component::read(&file, Cow::Owned(read_component(path)?))?;
            (file, component)
        }
        (None, Some(component)) => (format!("the shipped component {name}"), component.clone()),
        (None, None) => {
            return Err(Error::bad_input(format!(
                "hangar.toml, [plugins.{name}]: there is no shipped plugin of this name; write path = \"….wasm\""
            )));
        }
    };
    if !settings.security.is_empty() {
        let security = Value::Object(settings.security.clone());
        own.config.entry("security").or_insert(security);
    }
    let manifest = &component.manifest;
    if manifest.name != name {
        return Err(Error::bad_input(format!(
            "{file} is plugin \"{}\", but hangar.toml has it under [plugins.{name}]",
            manifest.name
        )));
    }
    if let Some(shipped) = shipped {
        // What takes a shipped plugin's place gets its grants, unless hangar.toml says otherwise.
        for grant in shipped.manifest.grants.clone() {
            let (name, default) = default_grant(&grant);
            own.grant.entry(name.to_owned()).or_insert(default);
        }
        for (limit, value) in shipped.manifest.limits.clone() {
            own.limits.entry(limit).or_insert(value);
        }
    }
    let folder = match (manifest.watch, &own.watch) {
        (true, Some(folder)) => Some(folder.clone()),
        (true, None) => Some(settings.hooks.clone()),
        (false, _) => None,
    };
    let sources = match &folder {
        Some(folder) => sources::read(folder, settings.dev)?,
        None => Sources {
            files: Vec::new(),
            dev: settings.dev,
            command: false,
        },
    };
    Ok(Wanted {
        file,
        component,
        settings: own,
        sources,
    })
}

/// What a shipped plugin gets that asks for `grant`: all of it, but private addresses only if it says so.
fn default_grant(grant: &str) -> (&str, Value) {
    match grant {
        "fetch" => ("fetch", Value::from(["*"].as_slice())),
        "fetch-private" => ("fetch", Value::from(["*", "private"].as_slice())),
        other => (other, Value::Bool(true)),
    }
}

/// Keeps the plugins of a running host as the settings want them.
pub struct Manager {
    host: Arc<Host>,
    /// Whether this process only runs a command.
    command: bool,
    /// What runs, by name: a change of this text means a new version.
    running: tokio::sync::Mutex<HashMap<String, String>>,
}

impl Manager {
    /// Manages the plugins of a host that serves.
    pub fn new(host: Arc<Host>) -> Self {
        Self {
            host,
            command: false,
            running: tokio::sync::Mutex::default(),
        }
    }

    /// Manages the plugins of a host that runs a command of one of them.
    pub fn for_command(host: Arc<Host>) -> Self {
        Self {
            command: true,
            ..Self::new(host)
        }
    }

    /// Stages what differs from what runs and installs it in one step, without the plugins that are no longer wanted;
    /// answers the names of all these. Nothing changes on an error.
    pub async fn apply(&self, settings: &Settings) -> Result<Vec<String>> {
        let mut running = self.running.lock().await;
        let mut tasks = Vec::new();
        let all = wanted(settings)?;
        let names = all
            .iter()
            .map(|wanted| wanted.component.manifest.name.clone());
        let keep: Vec<String> = names.collect();
        for mut wanted in all {
            wanted.sources.command = self.command;
            let name = wanted.component.manifest.name.clone();
            let version = fingerprint(&wanted);
            if running.get(&name) == Some(&version) {
                continue;
            }
            let host = self.host.clone();
            let staged = tokio::spawn(async move {
                let Wanted {
                    file,
                    component,
                    settings,
                    sources,
                } = wanted;
                host.stage(&file, component.bytes, &settings, sources).await
            });
            tasks.push((name, version, staged));
        }
        let mut staged = Vec::new();
        let mut changed = Vec::new();
        for (name, version, task) in tasks {
            let generation = task
                .await
                .map_err(|_| Error::internal(format!("staging plugin {name} failed")))??;
            staged.push(generation);
            changed.push((name, version));
        }
        let gone: Vec<String> = running
            .keys()
            .filter(|name| !keep.contains(name))
            .cloned()
            .collect();
        if staged.is_empty() && gone.is_empty() {
            return Ok(Vec::new());
        }
        self.host.install(staged, &keep).await?;
        running.retain(|name, _| keep.contains(name));
        let names = changed
            .iter()
            .map(|(name, _)| name.clone())
            .chain(gone)
            .collect();
        running.extend(changed);
        Ok(names)
    }
}

fn fingerprint(wanted: &Wanted) -> String {
    let sources = serde_json::to_vec(&wanted.sources).unwrap_or_default();
    format!(
        "{} {} {:?}",
        wanted.component.digest,
        hangar_wasm::digest(&sources),
        wanted.settings
    )
}
