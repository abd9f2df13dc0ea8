use std::sync::Arc;
use std::time::Duration;

use hangar_cluster::{Cluster, Options};
use hangar_core::{Error, Result};
use hangar_postgres::{ConnectOptions, Postgres, PostgresOptions, Server};

use crate::settings::Settings;

/// Oldest PostgreSQL that is supported.
const MINIMUM: i32 = 140_000;

/// The roles of direct connections and of the API under policies (docs/architecture.md, "Rules in the database").
const ROLES: [&str; 2] = ["hangar_api", "hangar_server"];

/// The database, with the local cluster it runs on if that is ours.
pub struct Database {
    /// Connections.
    pub postgres: Arc<Postgres>,
    /// The managed server.
    pub cluster: Option<Arc<Cluster>>,
}

impl Database {
    /// Connects to the given database, or starts the managed one.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let (server, cluster) = match &settings.database_url {
            Some(url) => (Server::Url(url.clone()), None),
            None => {
                let mut options = Options::new(&settings.dir);
                options.postgres_bin = settings.postgres.bin.clone();
                options.settings = settings
                    .postgres
                    .settings
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                options.roles = ROLES.map(str::to_owned).into();
                let cluster = Cluster::attach_or_start(options)
                    .await
                    .map_err(|error| Error::new("unavailable", 503, error.to_string()))?;
                let config = cluster.connection_config();
                let server = Server::Socket {
                    directory: config.socket_dir.clone(),
                    port: config.port,
                    user: config.user.clone(),
                    database: config.database.clone(),
                };
                (server, Some(Arc::new(cluster)))
            }
        };
        let limits = settings.limits.clone();
        let connect = ConnectOptions::new(&server, limits.statement_ms, limits.transaction_ms)?;
        if cluster.is_none() {
            check(&connect).await?;
        }
        let mut options = PostgresOptions::default();
        options.shared = settings.postgres.connections.unwrap_or(options.shared);
        options.exclusive = settings.postgres.transactions.unwrap_or(options.exclusive);
        let postgres = Postgres::open(connect, options, limits).await?;
        Ok(Self { postgres, cluster })
    }

    /// The role that Hangar connects as, if that may do everything in PostgreSQL.
    pub async fn administrator(&self) -> Result<Option<String>> {
        let sql = "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND rolsuper";
        let client = self.postgres.connect_options().connect().await;
        let row = match client {
            Ok(client) => client.query_opt(sql, &[]).await,
            Err(error) => Err(error),
        };
        let row = row.map_err(|error| {
            Error::new(
                "unavailable",
                503,
                format!("the database does not answer: {error}"),
            )
        })?;
        Ok(row.map(|row| row.get(0)))
    }

    /// How background work gets connections of its own.
    pub fn connector(&self) -> hangar_telemetry::Connect {
        let options = self.postgres.connect_options().clone();
        Arc::new(move || {
            let options = options.clone();
            Box::pin(async move { options.connect().await })
        })
    }

    /// Stops the managed server, unless others still use it.
    pub async fn close(self) {
        let Self { postgres, cluster } = self;
        drop(postgres);
        if let Some(cluster) = cluster
            && let Err(error) = cluster.stop(Duration::from_secs(30)).await
        {
            tracing::error!(%error, "PostgreSQL could not be stopped");
        }
    }
}

/// Checks a database that is not ours: version and rights.
async fn check(connect: &ConnectOptions) -> Result<()> {
    let client = connect.connect().await.map_err(|error| {
        let cause = std::error::Error::source(&error)
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        // rustls' word for a certificate that nobody it trusts has signed.
        let advice = if cause.contains("UnknownIssuer")
            || error.to_string().contains("UnknownIssuer")
        {
            " (name the file with the certificate of its authority in the variable SSL_CERT_FILE)"
        } else {
            ""
        };
        Error::new(
            "unavailable",
            503,
            format!("the database cannot be reached: {error}{cause}{advice}"),
        )
    })?;
    let sql = "SELECT current_setting('server_version_num')::int4, current_setting('server_version'), \
               has_database_privilege(current_database(), 'CREATE'), current_database()::text, current_user::text, \
               has_schema_privilege('public', 'CREATE'), current_setting('server_encoding')";
    let row = client.query_one(sql, &[]).await.map_err(|error| {
        Error::new(
            "unavailable",
            503,
            format!("the database does not answer: {error}"),
        )
    })?;
    let (number, version): (i32, String) = (row.get(0), row.get(1));
    let (creates, database, user): (bool, String, String) = (row.get(2), row.get(3), row.get(4));
    let (public, encoding): (bool, String) = (row.get(5), row.get(6));
    if number < MINIMUM {
        return Err(Error::bad_input(format!(
            "the database runs PostgreSQL {version}; Hangar needs 14 or newer"
        )));
    }
    if !creates {
        return Err(Error::bad_input(format!(
            "the role {user:?} may not create schemas in the database {database:?}; run as its owner: \
             GRANT CREATE ON DATABASE \"{database}\" TO \"{user}\";"
        )));
    }
    if !public {
        return Err(Error::bad_input(format!(
            "the role {user:?} may not create tables in the schema public of {database:?}; run as its owner: \
             GRANT CREATE ON SCHEMA public TO \"{user}\";"
        )));
    }
    if encoding != "UTF8" {
        return Err(Error::bad_input(format!(
            "the database {database:?} has the encoding {encoding}; Hangar needs UTF8: \
             CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0;"
        )));
    }
    Ok(())
}
