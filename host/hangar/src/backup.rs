//! What backups need: the database, and the stores of blobs as places to keep them.

use std::any::Any;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hangar_backup::{Backup, Database as Target, Later, Lock, Shelf};
use hangar_cluster::Programs;
use hangar_core::{Error, Result};
use hangar_files::Files;
use hangar_telemetry::Connect;
use tokio_postgres::config::{Host, SslMode};

use crate::database::Database;
use crate::news::News;
use crate::nodes::Nodes;
use crate::settings::Settings;
use crate::wiring::Running;

/// The service for backups.
pub fn service(
    settings: &Settings,
    database: &Database,
    files: Arc<Files>,
    nodes: Arc<Nodes>,
    running: Option<&Running>,
) -> Backup {
    let named = running.and_then(|running| {
        let folder = running.folder.clone()?;
        Some((running.plugin.clone(), folder))
    });
    Backup::new(
        settings.dir.clone(),
        target(settings, database),
        Arc::new(OnDatabase(database.connector())),
        Arc::new(Blobs(files)),
        Arc::new(move || nodes.tell(News::everything())),
        named,
    )
}

/// An advisory lock, held by a connection of its own: PostgreSQL lets go of it if the process dies.
struct OnDatabase(Connect);

const LOCK: &str = "SELECT pg_try_advisory_lock(73106, 14327)";
const HELD: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND classid = 73106 AND objid = 14327 AND objsubid = 2)";

impl OnDatabase {
    /// Asks on a connection of its own; answers that, too.
    async fn ask(&self, sql: &str) -> Result<(bool, tokio_postgres::Client)> {
        let asked = async {
            let client = (self.0)().await?;
            let answer = client.query_one(sql, &[]).await?.get(0);
            Ok::<_, tokio_postgres::Error>((answer, client))
        };
        asked.await.map_err(|error| {
            let message = format!("the database cannot be reached: {error}");
            Error::new("unavailable", 503, message)
        })
    }
}

impl Lock for OnDatabase {
    fn take(&self) -> Later<'_, Option<Box<dyn Any + Send>>> {
        Box::pin(async move {
            let (locked, client) = self.ask(LOCK).await?;
            Ok(locked.then(|| Box::new(client) as Box<dyn Any + Send>))
        })
    }

    fn held(&self) -> Later<'_, bool> {
        Box::pin(async move { Ok(self.ask(HELD).await?.0) })
    }
}

/// Keeps backups as blobs.
struct Blobs(Arc<Files>);

impl Shelf for Blobs {
    fn has<'a>(&'a self, place: &'a str, name: &'a str) -> Later<'a, bool> {
        Box::pin(async move {
            match self.0.store(place)?.attributes(name).await {
                Ok(_) => Ok(true),
                Err(error) if error.code == "not_found" => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    fn keep<'a>(&'a self, place: &'a str, name: &'a str, file: PathBuf) -> Later<'a, ()> {
        Box::pin(async move {
            let store = self.0.store(place)?;
            store.keep(name.to_owned(), "application/zip", file).await
        })
    }

    fn fetch<'a>(&'a self, place: &'a str, name: &'a str, work: &'a Path) -> Later<'a, PathBuf> {
        Box::pin(async move { self.0.store(place)?.fetch(name, work).await })
    }
}

fn target(settings: &Settings, database: &Database) -> Target {
    if let Some(cluster) = &database.cluster {
        let config = cluster.connection_config();
        return Target {
            programs: Ok(cluster.programs().folder().to_owned()),
            environment: vec![
                ("PGHOST", config.socket_dir.clone().into()),
                ("PGPORT", config.port.to_string().into()),
                ("PGUSER", config.user.clone().into()),
                ("PGDATABASE", config.database.clone().into()),
            ],
        };
    }
    let found = Programs::find(settings.postgres.bin.as_deref());
    Target {
        programs: found
            .map(|programs| programs.folder().to_owned())
            .map_err(|error| error.to_string()),
        environment: settings
            .database_url
            .as_deref()
            .map(environment)
            .unwrap_or_default(),
    }
}

/// A database's URL as the variables that libpq reads. It was understood before, else there were no connection.
fn environment(url: &str) -> Vec<(&'static str, OsString)> {
    let Ok(config) = url.parse::<tokio_postgres::Config>() else {
        return Vec::new();
    };
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.to_string_lossy().into_owned(),
        })
        .collect();
    let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
    let mode = match config.get_ssl_mode() {
        SslMode::Disable => "disable",
        SslMode::Require => "require",
        _ => "prefer",
    };
    let mut variables: Vec<(&'static str, OsString)> = vec![("PGSSLMODE", mode.into())];
    if !hosts.is_empty() {
        variables.push(("PGHOST", hosts.join(",").into()));
    }
    if !ports.is_empty() {
        variables.push(("PGPORT", ports.join(",").into()));
    }
    if let Some(user) = config.get_user() {
        variables.push(("PGUSER", user.into()));
    }
    if let Some(password) = config.get_password() {
        let text = String::from_utf8_lossy(password).into_owned();
        variables.push(("PGPASSWORD", text.into()));
    }
    if let Some(name) = config.get_dbname() {
        variables.push(("PGDATABASE", name.into()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_variables() {
        let read = environment("postgres://me:s%20p@db.example:5433/app?sslmode=require");
        let value = |name| {
            let mut all = read.iter();
            all.find(|(other, _)| *other == name)
                .and_then(|(_, value)| value.to_str())
        };
        assert_eq!(value("PGHOST"), Some("db.example"));
        assert_eq!(value("PGPORT"), Some("5433"));
        assert_eq!(value("PGUSER"), Some("me"));
        assert_eq!(value("PGPASSWORD"), Some("s p"));
        assert_eq!(value("PGDATABASE"), Some("app"));
        assert_eq!(value("PGSSLMODE"), Some("require"));
    }
}
