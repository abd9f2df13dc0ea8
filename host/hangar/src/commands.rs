use std::path::PathBuf;

use clap::ArgMatches;
use hangar_core::{Error, Result};
use hangar_plugins::{Manifest, read_component};

use crate::database::Database;
use crate::output::say;
use crate::plugins::{self, Manager};
use crate::settings::Settings;
use crate::wiring::{self, Running};

/// Runs a command that a plugin serves, on a host of its own: it works whether or not a server is running.
pub async fn of_plugin(
    settings: &Settings,
    manifests: &[Manifest],
    matches: &ArgMatches,
) -> Result<()> {
    let Some((group, outer)) = matches.subcommand() else {
        return Ok(());
    };
    let (name, inner) = match outer.subcommand() {
        Some((member, inner)) => (format!("{group} {member}"), inner),
        None => (group.to_owned(), outer),
    };
    let mut all = manifests
        .iter()
        .flat_map(|manifest| manifest.commands.iter().map(move |c| (manifest, c)));
    let Some((owner, command)) = all.find(|(_, command)| command.name == name) else {
        return Err(Error::bad_input(format!("there is no command {name:?}")));
    };
    let values = command.arguments.iter().map_while(|argument| {
        let (name, _) = crate::cli::argument_name(argument);
        inner.get_many::<String>(name)
    });
    let mut values: Vec<String> = values.flatten().cloned().collect();
    values.extend(options(command, inner)?);
    let folder = command.folder.as_deref().and_then(|argument| {
        let (name, _) = crate::cli::argument_name(argument);
        inner.get_one::<String>(name).cloned()
    });
    let mut settings = settings.clone();
    if command.long {
        settings.limits = settings.limits.of_long_command();
    }
    let settings = &settings;
    let database = Database::open(settings).await?;
    let done = async {
        let running = Running {
            plugin: owner.name.clone(),
            folder: folder.map(PathBuf::from),
        };
        let host = wiring::host(settings, &database, Some(running))?;
        let nodes = wiring::nodes_of(&host);
        let speaking = tokio::spawn(nodes.clone().speak());
        Manager::for_command(host.clone()).apply(settings).await?;
        let done = host.command(&owner.name, &name, values).await;
        nodes.flush().await;
        speaking.abort();
        done
    }
    .await;
    database.close().await;
    say!("{}", done?.trim_end());
    Ok(())
}

/// The options that were given, as the plugin gets them.
fn options(command: &hangar_plugins::Command, given: &ArgMatches) -> Result<Vec<String>> {
    let mut options = Vec::new();
    for declared in &command.options {
        let (name, value) = declared.split_once('=').unwrap_or((declared, ""));
        if value.is_empty() {
            if given.get_flag(name) {
                options.push(format!("--{name}"));
            }
            continue;
        }
        let Some(text) = given.get_one::<String>(name) else {
            continue;
        };
        let text = if value.starts_with('$') {
            std::env::var(text).map_err(|_| {
                Error::bad_input(format!(
                    "--{name} names the environment variable {text}, which is not set"
                ))
            })?
        } else {
            text.clone()
        };
        options.push(format!("--{name}={text}"));
    }
    Ok(options)
}

/// `hangar plugin …`.
pub async fn plugin(settings: &Settings, matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("inspect", inner)) => {
            let Some(file) = inner.get_one::<PathBuf>("FILE") else {
                return Ok(());
            };
            inspect(file)
        }
        _ => list(settings),
    }
}

fn list(settings: &Settings) -> Result<()> {
    say!(
        "{:<14} {:<9} {:<14} {:<7} GRANTS",
        "PLUGIN",
        "VERSION",
        "DIGEST",
        "ROUTES"
    );
    for wanted in plugins::wanted(settings)? {
        let granted: Vec<_> = wanted
            .settings
            .grant
            .iter()
            .filter(|(_, v)| **v != false)
            .collect();
        let grants: Vec<_> = granted.iter().map(|(name, _)| name.as_str()).collect();
        let missing: Vec<_> = wanted
            .component
            .manifest
            .grants
            .iter()
            .filter(|asked| !grants.contains(&asked.as_str()))
            .collect();
        let note = match missing.as_slice() {
            [] => String::new(),
            missing => format!(
                " (not granted: {})",
                missing
                    .iter()
                    .map(|name| name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        say!(
            "{:<14} {:<9} {:<14} {:<7} {}{note}",
            wanted.component.manifest.name,
            wanted.component.manifest.version,
            &wanted.component.digest[..12],
            wanted.component.manifest.routes.len(),
            grants.join(", ")
        );
    }
    Ok(())
}

fn inspect(file: &std::path::Path) -> Result<()> {
    let bytes = read_component(file)?;
    let manifest = Manifest::read(&file.display().to_string(), &bytes)?;
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Error::internal(error.to_string()))?;
    say!("digest  sha256:{}", hangar_wasm::digest(&bytes));
    say!("size    {} bytes", bytes.len());
    say!("{text}");
    Ok(())
}
