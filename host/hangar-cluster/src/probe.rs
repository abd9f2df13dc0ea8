//! Asking a server how it is.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::error::{Error, Result};
use crate::options::ConnectionConfig;

/// The administrator of a cluster, for making the login role and its database. Clusters of early versions do not know it:
/// their login role is their administrator.
pub(crate) const ADMINISTRATOR: &str = "postgres";

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server's answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It takes queries. The data directory it serves, whether our database is there, and who its administrator is.
    Ready {
        data: PathBuf,
        has_database: bool,
        administrator: String,
    },
    /// It lives but cannot take queries now: it starts, recovers, stops or is full.
    Busy(String),
    /// Nobody answers.
    Silent(String),
    /// It answers with an error that waiting does not mend.
    Refused(String),
}

/// Connects to the maintenance database and asks.
pub(crate) async fn ask(config: &ConnectionConfig) -> Answer {
    match ask_as(ADMINISTRATOR, config).await {
        Err(error) if error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            let answer = ask_as(&config.user, config).await;
            answer.unwrap_or_else(|error| classify(&error))
        }
        answer => answer.unwrap_or_else(|error| classify(&error)),
    }
}

async fn ask_as(role: &str, config: &ConnectionConfig) -> Result<Answer, tokio_postgres::Error> {
    let maintenance = config.maintenance(role);
    let question = format!(
        "SELECT current_setting('data_directory'), \
         EXISTS (SELECT FROM pg_database WHERE datname = '{}')",
        config.database.replace('\'', "''")
    );
    match tokio::time::timeout(PATIENCE, query(&maintenance, &question)).await {
        Err(_) => Ok(Answer::Silent(format!(
            "no answer within {} s",
            PATIENCE.as_secs()
        ))),
        Ok(row) => Ok(match row?.as_slice() {
            [Some(data), Some(has)] => Answer::Ready {
                data: data.into(),
                has_database: has == "t",
                administrator: role.to_owned(),
            },
            other => Answer::Refused(format!("an unexpected answer: {other:?}")),
        }),
    }
}

/// Makes our database, the login role that owns it, and the `roles` that one may take. What is there already stays.
pub(crate) async fn create_database(
    config: &ConnectionConfig,
    administrator: &str,
    roles: &[String],
) -> Result<()> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let owner = quoted(&config.user);
    let mut statements = vec![make_role(&config.user, "LOGIN")];
    for role in roles {
        statements.push(make_role(role, "NOLOGIN"));
        if administrator != config.user {
            let role = quoted(role);
            statements.push(format!("GRANT {role} TO {owner} WITH ADMIN OPTION"));
        }
    }
    let database = quoted(&config.database);
    statements.push(format!("CREATE DATABASE {database} OWNER {owner}"));
    let maintenance = config.maintenance(administrator);
    for statement in statements {
        query(&maintenance, &statement)
            .await
            .map_err(|error| Error::Database {
                socket_dir: config.socket_dir.clone(),
                message: explain(&error),
            })?;
    }
    Ok(())
}

fn make_role(name: &str, login: &str) -> String {
    let text = name.replace('\'', "''");
    format!(
        "DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{text}') \
         THEN EXECUTE format('CREATE ROLE %I {login}', '{text}'); END IF; END $do$"
    )
}

/// Runs one statement on a connection of its own; the first row.
async fn query(
    config: &ConnectionConfig,
    statement: &str,
) -> Result<Vec<Option<String>>, tokio_postgres::Error> {
    let mut settings = tokio_postgres::Config::new();
    settings
        .host_path(&config.socket_dir)
        .port(config.port)
        .user(&config.user)
        .dbname(&config.database);
    settings
        .application_name("hangar")
        .connect_timeout(PATIENCE);
    let (client, connection) = settings.connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    let answer = client.simple_query(statement).await;
    // The connection ends once its client is gone; waiting for it leaves no session behind.
    drop(client);
    let _ = driver.await;
    let first = answer?.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(
            (0..row.len())
                .map(|i| row.get(i).map(str::to_owned))
                .collect(),
        ),
        _ => None,
    });
    Ok(first.unwrap_or_default())
}

fn classify(error: &tokio_postgres::Error) -> Answer {
    let passing = [
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::ADMIN_SHUTDOWN,
    ];
    match error.code() {
        Some(code) if passing.contains(code) => Answer::Busy(explain(error)),
        Some(_) => Answer::Refused(explain(error)),
        None => Answer::Silent(explain(error)),
    }
}

fn explain(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        }
    }
}
