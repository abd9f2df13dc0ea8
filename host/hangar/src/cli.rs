use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use hangar_core::{Error, Result};
use hangar_plugins::Manifest;

use crate::settings::{Flags, Settings};
use crate::{commands, doctor, output, plugins, serve};

/// Reads the command line and does what it says. Commands that plugins add come from their manifests, so the plugins
/// must be known before the command line is understood.
pub async fn run() -> Result<()> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Errors in the settings are reported once the command line is understood: `--help` works without them.
    let manifests = early_flags(&arguments)
        .and_then(|flags| Settings::resolve(&flags))
        .and_then(|settings| plugins::manifests(&settings))
        .unwrap_or_else(|_| plugins::shipped_manifests());
    let matches = command(&manifests).get_matches_from(arguments);
    let Some((name, inner)) = matches.subcommand() else {
        return Ok(());
    };
    let flags = flags(inner);
    let settings = Settings::resolve(&flags)?;
    output::init(settings.dev, name == "serve");
    match name {
        "serve" => serve::run(settings, flags).await,
        "doctor" => doctor::run(&settings).await,
        "plugin" => commands::plugin(&settings, inner).await,
        _ => commands::of_plugin(&settings, &manifests, &matches).await,
    }
}

fn command(manifests: &[Manifest]) -> Command {
    let mut command = Command::new("hangar")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A PocketBase-compatible backend on PostgreSQL whose parts are WebAssembly components")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(shared())
        .subcommand(
            Command::new("serve")
                .about("Starts the server")
                .after_help("Without --database-url, a local PostgreSQL is made and run inside the data directory.")
                .args(of_serve()),
        )
        .subcommand(Command::new("doctor").about("Checks what Hangar needs on this machine and says what to do"))
        .subcommand(
            Command::new("plugin")
                .about("Shows plugins")
                .subcommand_required(true)
                .subcommand(Command::new("list").about("Lists the plugins this server would run, with their grants"))
                .subcommand(
                    Command::new("inspect")
                        .about("Shows the manifest and the imports of a component")
                        .arg(Arg::new("FILE").required(true).value_parser(value_parser!(PathBuf))),
                ),
        );
    let mut groups: BTreeMap<&str, Vec<&hangar_plugins::Command>> = BTreeMap::new();
    for added in manifests.iter().flat_map(|manifest| &manifest.commands) {
        if !added.hidden {
            let group = added.name.split(' ').next().unwrap_or_default();
            groups.entry(group).or_default().push(added);
        }
    }
    for (group, members) in groups {
        command = command.subcommand(group_of(group, &members));
    }
    command
}

/// The bare name of a plugin command's argument, and whether it stands for several: `[NAME...]`.
pub fn argument_name(argument: &str) -> (&str, bool) {
    let bare = argument.trim_matches(['[', ']']);
    match bare.strip_suffix("...") {
        Some(name) => (name, true),
        None => (bare, false),
    }
}

/// Commands that begin with the same word. One may be that word alone, with arguments.
fn group_of(group: &str, members: &[&hangar_plugins::Command]) -> Command {
    let mut parent = Command::new(group.to_owned());
    let alone = members.iter().find(|member| member.name == group);
    parent = match (alone, members) {
        (Some(alone), [_]) => with_arguments(parent, alone).about(alone.about.clone()),
        (Some(alone), _) => with_arguments(parent, alone)
            .about(alone.about.clone())
            .subcommand_negates_reqs(true),
        (None, [only]) => parent.about(only.about.clone()).subcommand_required(true),
        (None, _) => parent
            .about(format!("Commands for {group}s"))
            .subcommand_required(true),
    };
    for member in members {
        if let Some((_, name)) = member.name.split_once(' ') {
            let child = Command::new(name.to_owned()).about(member.about.clone());
            parent = parent.subcommand(with_arguments(child, member));
        }
    }
    parent
}

fn with_arguments(mut command: Command, declared: &hangar_plugins::Command) -> Command {
    for argument in &declared.arguments {
        let (name, several) = argument_name(argument);
        command = command.arg(
            Arg::new(name.to_owned())
                .required(!argument.starts_with('['))
                .num_args(if several {
                    clap::builder::ValueRange::from(0..)
                } else {
                    1.into()
                })
                // An argument may start with a dash: a made-up password, say. Not beside options, which do so too.
                .allow_hyphen_values(declared.options.is_empty() && !several),
        );
    }
    for option in &declared.options {
        command = command.arg(option_of(option));
    }
    command
}

/// An option of a plugin's command: `dry-run`, `format=NAME` or `key=$NAME`.
fn option_of(declared: &str) -> Arg {
    let (name, value) = declared.split_once('=').unwrap_or((declared, ""));
    let arg = Arg::new(name.to_owned()).long(name.to_owned());
    match value.strip_prefix('$') {
        _ if value.is_empty() => arg.action(ArgAction::SetTrue),
        Some(value) => arg
            .value_name(value.to_owned())
            .help("Name of the environment variable that holds it"),
        None => arg.value_name(value.to_owned()),
    }
}

fn shared() -> Vec<Arg> {
    let path = || -> ValueParser { value_parser!(PathBuf) };
    vec![
        option(
            "dir",
            "DIR",
            "Data directory [default: ./hangar_data]",
            path(),
        )
        .env("HANGAR_DIR"),
        option(
            "database-url",
            "URL",
            "PostgreSQL to use instead of a managed local one",
            text(),
        )
        .env("HANGAR_DATABASE_URL")
        .hide_env_values(true),
        option(
            "config",
            "FILE",
            "Settings [default: ./hangar.toml if there is one]",
            path(),
        )
        .env("HANGAR_CONFIG"),
        option(
            "postgres-bin",
            "DIR",
            "Folder of PostgreSQL's programs",
            path(),
        )
        .env("HANGAR_POSTGRES_BIN"),
        Arg::new("dev")
            .long("dev")
            .global(true)
            .action(ArgAction::SetTrue)
            .env("HANGAR_DEV")
            .help("Development mode: plugins log more"),
    ]
}

fn of_serve() -> Vec<Arg> {
    let path = || -> ValueParser { value_parser!(PathBuf) };
    vec![
        option(
            "http",
            "ADDRESS",
            "Address to listen on [default: 127.0.0.1:8090]",
            text(),
        )
        .global(false)
        .env("HANGAR_HTTP"),
        option(
            "hooks",
            "DIR",
            "Folder of hook files [default: ./pb_hooks]",
            path(),
        )
        .global(false)
        .env("HANGAR_HOOKS"),
        option(
            "public",
            "DIR",
            "Folder of static files [default: ./pb_public]",
            path(),
        )
        .global(false)
        .env("HANGAR_PUBLIC"),
        option(
            "origins",
            "LIST",
            "Origins browsers may call from, by commas [default: *]",
            text(),
        )
        .global(false)
        .value_delimiter(',')
        .env("HANGAR_ORIGINS"),
    ]
}

fn text() -> ValueParser {
    ValueParser::string()
}

fn option(name: &'static str, value: &'static str, help: &'static str, parser: ValueParser) -> Arg {
    Arg::new(name)
        .long(name)
        .global(true)
        .value_name(value)
        .help(help)
        .value_parser(parser)
}

fn flags(matches: &ArgMatches) -> Flags {
    let path = |name: &str| matches.try_get_one::<PathBuf>(name).ok().flatten().cloned();
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    let origins = matches.try_get_many::<String>("origins").ok().flatten();
    Flags {
        config: path("config"),
        dir: path("dir"),
        http: text("http"),
        database_url: text("database-url"),
        hooks: path("hooks"),
        public: path("public"),
        dev: matches.get_flag("dev"),
        origins: origins
            .map(|values| values.cloned().collect())
            .unwrap_or_default(),
        postgres_bin: path("postgres-bin"),
    }
}

/// The flags that decide which plugins there are, read before the commands are known.
fn early_flags(arguments: &[OsString]) -> Result<Flags> {
    let shared = Command::new("hangar")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .ignore_errors(true)
        .args(shared())
        .arg(Arg::new("rest").num_args(0..).trailing_var_arg(false));
    let matches = shared
        .try_get_matches_from(arguments)
        .map_err(|error| Error::bad_input(error.to_string()))?;
    Ok(flags(&matches))
}
