//! What backups need to know of the database.

use std::ffi::OsString;

use hangar_backup::{Backup, Database as Target};
use hangar_cluster::Programs;
use tokio_postgres::config::{Host, SslMode};

use crate::database::Database;
use crate::settings::Settings;
use crate::wiring::Running;

/// The service for backups.
pub fn service(settings: &Settings, database: &Database, running: Option<&Running>) -> Backup {
    let named = running.and_then(|running| {
        let folder = running.folder.clone()?;
        Some((running.plugin.clone(), folder))
    });
    Backup::new(settings.dir.clone(), target(settings, database), named)
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
