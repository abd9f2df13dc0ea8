use std::collections::BTreeMap;

use hangar_core::Error;
use serde::{Deserialize, Serialize};

/// Name of the custom section that holds the manifest.
const SECTION: &str = "hangar:manifest";

/// The track of the plugin contract this host serves.
const CONTRACT: &str = "0.1";

/// What a plugin says about itself: JSON in the custom section `hangar:manifest`, readable without instantiating it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// Name, `[a-z][a-z0-9-]*`: the key in hangar.toml.
    pub name: String,
    /// Version of the plugin.
    pub version: String,
    /// Track of the contract it was built for, such as `0.1`.
    #[serde(default)]
    pub hangar: Option<String>,
    /// One line on what it is.
    #[serde(default)]
    pub about: Option<String>,
    /// Capabilities it asks for. hangar.toml decides.
    #[serde(default)]
    pub grants: Vec<String>,
    /// Routes known now; `start` may add more.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Subscriptions known now; `start` may add more.
    #[serde(default)]
    pub hooks: Vec<Subscription>,
    /// Jobs known now; `start` may add more.
    #[serde(default)]
    pub crons: Vec<Cron>,
    /// Commands it adds to the CLI.
    #[serde(default)]
    pub commands: Vec<Command>,
    /// Topics of `hangar:kv/revisions`: when another process has bumped one, the plugin is activated again.
    #[serde(default)]
    pub renewed_by: Vec<String>,
    /// Events: while somebody subscribes to one, messages to event streams pass through the plugin
    /// (`hangar:realtime/matcher.screen-messages`).
    #[serde(default)]
    pub screened_by: Vec<String>,
    /// Whether it takes the files of a folder as sources and wants to be renewed when they change.
    #[serde(default)]
    pub watch: bool,
    /// Whether it answers requests that no route matches and puts the host's own errors into the API's format.
    #[serde(default)]
    pub fallback: bool,
    /// Headers the host adds to every response (only honoured from the fallback plugin).
    #[serde(default)]
    pub response_headers: BTreeMap<String, String>,
    /// Limits it needs beside the general ones. Only honoured for shipped plugins; hangar.toml wins.
    #[serde(default)]
    pub limits: serde_json::Map<String, serde_json::Value>,
}

/// A route: `{name}` captures one segment, `{name...}` the rest of the path.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    /// Upper case; empty means every method.
    #[serde(default)]
    pub method: String,
    /// The pattern.
    pub path: String,
    /// Largest body, bytes; default `limits.body-bytes`.
    #[serde(default)]
    pub body_limit: Option<usize>,
    /// Whether the plugin counts requests itself (`hangar:http/guard.check`), so that the host does not.
    #[serde(default)]
    pub own_limits: bool,
    /// Whether a request may take as long as a long command (`limits.command-ms`).
    #[serde(default)]
    pub long: bool,
    /// Whether the host takes `multipart/form-data` bodies apart as they arrive (`hangar:http/form`).
    #[serde(default)]
    pub forms: bool,
}

/// A subscription to an event.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Subscription {
    /// The event's name.
    pub event: String,
    /// The tags (collection names, say) it wants; empty for all.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Handed back to the plugin with the event.
    pub handler: String,
    /// Lower runs earlier (outermost); equal ones run in the order of plugins and subscriptions.
    #[serde(default)]
    pub priority: i32,
}

/// A job that a plugin runs at certain minutes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cron {
    /// Unique in the plugin.
    pub id: String,
    /// When, as `hangar-cron` reads it. Without it the job waits until a plugin that is granted `crons` sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Whether it may take as long as a long command (`limits.command-ms`).
    #[serde(default)]
    pub long: bool,
}

/// A command of the CLI that a plugin serves.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Command {
    /// Words of the command: `superuser create`.
    pub name: String,
    /// Names of its arguments, `[NAME]` for optional ones, `[NAME...]` for any number of them at the end.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Names of its options: `dry-run` for a switch, `format=NAME` for one with a value, `key=$NAME` for one whose value
    /// is the name of an environment variable. The plugin gets them behind the arguments, as `--dry-run` and
    /// `--format=…`; for the last kind with what the variable holds.
    #[serde(default)]
    pub options: Vec<String>,
    /// The argument that is a folder, which the plugin may then read.
    #[serde(default)]
    pub folder: Option<String>,
    /// Whether it may run for hours: the limits of time are those of `limits.command-ms`.
    #[serde(default)]
    pub long: bool,
    /// One line of help.
    #[serde(default)]
    pub about: String,
    /// Not shown in help.
    #[serde(default)]
    pub hidden: bool,
}

/// What `start` answers: registrations that depend on the sources.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Registrations {
    /// Routes.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Subscriptions.
    #[serde(default)]
    pub hooks: Vec<Subscription>,
    /// Jobs.
    #[serde(default)]
    pub crons: Vec<Cron>,
}

impl Manifest {
    /// Reads the manifest of a component. The error names `file` and says what is wrong.
    pub fn read(file: &str, component: &[u8]) -> Result<Self, Error> {
        let refuse = |reason: String| {
            Error::new(
                "bad_component",
                400,
                format!("{file} cannot be used as a plugin: {reason}"),
            )
        };
        let mut found = None;
        for payload in wasmparser::Parser::new(0).parse_all(component) {
            match payload {
                Ok(wasmparser::Payload::Version { encoding, .. })
                    if found.is_none() && encoding == wasmparser::Encoding::Module =>
                {
                    // A core module inside a component is fine; one at the very start is no component.
                    if component.get(4..8) == Some(&[1, 0, 0, 0]) {
                        return Err(refuse(
                            "it is a core WebAssembly module; build it for wasm32-wasip2".into(),
                        ));
                    }
                }
                Ok(wasmparser::Payload::CustomSection(section)) if section.name() == SECTION => {
                    found = Some(section.data().to_vec());
                }
                Ok(_) => {}
                Err(error) => return Err(refuse(format!("it is not valid WebAssembly: {error}"))),
            }
        }
        let text = found
            .ok_or_else(|| refuse(format!("it has no manifest (custom section \"{SECTION}\")")))?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| refuse(format!("its manifest is not valid: {error}")))?;
        let named = manifest.name.starts_with(|c: char| c.is_ascii_lowercase())
            && manifest
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !named {
            return Err(refuse(format!(
                "its name {:?} is not lower-case letters, digits and dashes",
                manifest.name
            )));
        }
        match manifest.hangar.as_deref() {
            None | Some(CONTRACT) => Ok(manifest),
            Some(other) => Err(refuse(format!(
                "it was built for the plugin contract {other}; this Hangar serves {CONTRACT}"
            ))),
        }
    }
}
