use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hangar_core::{Error, Limits, Result};
use hangar_plugins::PluginSettings;
use serde::Deserialize;

/// hangar.toml. Every key may be left out; flags and `HANGAR_…` variables win over it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FileSettings {
    /// Data directory.
    pub dir: Option<PathBuf>,
    /// Address to listen on.
    pub http: Option<String>,
    /// Database to use instead of the managed one.
    pub database_url: Option<String>,
    /// Folder of hook files.
    pub hooks: Option<PathBuf>,
    /// Folder of static files.
    pub public: Option<PathBuf>,
    /// Development mode.
    pub dev: Option<bool>,
    /// Origins that browsers may call from.
    pub origins: Vec<String>,
    /// The database server.
    pub postgres: PostgresSettings,
    /// Bounds.
    pub limits: Limits,
    /// Handed to every plugin, as `security` within its own settings.
    pub security: serde_json::Map<String, serde_json::Value>,
    /// Plugins, by name.
    pub plugins: BTreeMap<String, PluginSettings>,
}

/// `[postgres]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PostgresSettings {
    /// Folder of the server's programs.
    pub bin: Option<PathBuf>,
    /// Shared connections; default one per core.
    pub connections: Option<usize>,
    /// Connections for transactions; default 24.
    pub transactions: Option<usize>,
    /// Further settings of the managed server, such as `shared_buffers = "1GB"`.
    pub settings: BTreeMap<String, String>,
}

/// What the command line and the environment say.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--dir`.
    pub dir: Option<PathBuf>,
    /// `--http`.
    pub http: Option<String>,
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--hooks`.
    pub hooks: Option<PathBuf>,
    /// `--public`.
    pub public: Option<PathBuf>,
    /// `--dev`.
    pub dev: bool,
    /// `--origins`.
    pub origins: Vec<String>,
    /// `HANGAR_POSTGRES_BIN`.
    pub postgres_bin: Option<PathBuf>,
}

/// All settings, resolved.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file they were read from, if there is one.
    pub file: Option<PathBuf>,
    /// Data directory.
    pub dir: PathBuf,
    /// Address to listen on.
    pub http: String,
    /// Database to use instead of the managed one.
    pub database_url: Option<String>,
    /// Folder of hook files.
    pub hooks: PathBuf,
    /// Folder of static files.
    pub public: PathBuf,
    /// Development mode.
    pub dev: bool,
    /// Origins that browsers may call from.
    pub origins: Vec<String>,
    /// The database server.
    pub postgres: PostgresSettings,
    /// Bounds.
    pub limits: Limits,
    /// Handed to every plugin, as `security` within its own settings.
    pub security: serde_json::Map<String, serde_json::Value>,
    /// Plugins, by name.
    pub plugins: BTreeMap<String, PluginSettings>,
}

impl Settings {
    /// Reads hangar.toml and puts the flags over it.
    pub fn resolve(flags: &Flags) -> Result<Self> {
        let file = flags.config.clone().or_else(|| {
            let here = PathBuf::from("hangar.toml");
            here.is_file().then_some(here)
        });
        let from_file = match &file {
            Some(path) => read(path)?,
            None => FileSettings::default(),
        };
        let mut postgres = from_file.postgres;
        postgres.bin = flags.postgres_bin.clone().or(postgres.bin);
        Ok(Self {
            file,
            dir: pick(&flags.dir, from_file.dir, "./hangar_data"),
            http: flags
                .http
                .clone()
                .or(from_file.http)
                .unwrap_or_else(|| "127.0.0.1:8090".into()),
            database_url: flags.database_url.clone().or(from_file.database_url),
            hooks: pick(&flags.hooks, from_file.hooks, "./pb_hooks"),
            public: pick(&flags.public, from_file.public, "./pb_public"),
            dev: flags.dev || from_file.dev.unwrap_or(false),
            origins: if flags.origins.is_empty() {
                from_file.origins
            } else {
                flags.origins.clone()
            },
            postgres,
            limits: from_file.limits,
            security: from_file.security,
            plugins: from_file.plugins,
        })
    }
}

fn pick(flag: &Option<PathBuf>, file: Option<PathBuf>, default: &str) -> PathBuf {
    flag.clone().or(file).unwrap_or_else(|| default.into())
}

fn read(path: &Path) -> Result<FileSettings> {
    let refuse = |reason: String| Error::bad_input(format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    toml::from_str(&text).map_err(|error| refuse(error.to_string()))
}
