use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::str::FromStr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hangar_core::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Server {
    /// A connection URL, as libpq takes it. TLS as its `sslmode` says.
    Url(String),
    /// A private socket of the managed cluster.
    Socket {
        /// Directory of the socket.
        directory: PathBuf,
        /// Port in the socket's name.
        port: u16,
        /// Role.
        user: String,
        /// Database.
        database: String,
    },
}

/// How every connection is made.
#[derive(Clone)]
pub struct ConnectOptions {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl ConnectOptions {
    /// Reads the server's address. `statement_ms` and `transaction_ms` are enforced by the server on every connection.
    pub fn new(server: &Server, statement_ms: u64, transaction_ms: u64) -> Result<Self> {
        let mut config = match server {
            Server::Url(url) => Config::from_str(url).map_err(|error| {
                // The URL may hold a password: it is not repeated here.
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                Error::bad_input(format!(
                    "the database URL is not valid{}; it looks like postgres://user:password@host:5432/database",
                    cause.unwrap_or_default()
                ))
            })?,
            Server::Socket { directory, port, user, database } => {
                let mut config = Config::new();
                config.host_path(directory).port(*port).user(user).dbname(database);
                config
            }
        };
        let given = config
            .get_options()
            .map(|options| format!("{options} "))
            .unwrap_or_default();
        config
            .application_name("hangar")
            .connect_timeout(Duration::from_secs(10))
            .options(format!(
                "{given}-c statement_timeout={statement_ms} \
                 -c idle_in_transaction_session_timeout={transaction_ms} -c TimeZone=UTC -c jit=off -c client_min_messages=warning"
            ));
        let wants_tls = config.get_ssl_mode() != tokio_postgres::config::SslMode::Disable
            && matches!(server, Server::Url(_));
        Ok(Self {
            config,
            tls: if wants_tls { Some(tls()?) } else { None },
        })
    }

    /// Opens a connection and runs its driver in the background.
    pub async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
        }
    }

    /// Opens a connection for LISTEN: `heard` gets what is notified. The task ends with the connection.
    pub async fn listen(
        &self,
        heard: impl Fn(&str) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let mut config = self.config.clone();
        config.application_name("hangar-listen");
        match &self.tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                Ok((client, hear(connection, heard)))
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                Ok((client, hear(connection, heard)))
            }
        }
    }
}

/// Runs a connection's driver in the background and hands over what is notified; ends with the connection.
fn hear<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    heard: impl Fn(&str) + Send + 'static,
) -> JoinHandle<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notification(notification)) => heard(notification.payload()),
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "a listening connection to PostgreSQL ended");
                    return;
                }
            }
        }
    })
}

async fn drive<T>(connection: T)
where
    T: Future<Output = Result<(), tokio_postgres::Error>>,
{
    let mut connection = pin!(connection);
    // Woken by the first statement, the driver would send it at once. It lets the other tasks that are ready go first:
    // then theirs leave with it, in one system call, and wake the server once.
    let ended = loop {
        tokio::task::yield_now().await;
        if let Some(ended) = woken(connection.as_mut()).await {
            break ended;
        }
    };
    if let Err(error) = ended {
        // Whoever uses the connection is told too; this line is for finding out why.
        tracing::debug!(%error, "a connection to PostgreSQL ended");
    }
}

/// Polls a future once and then waits until it is woken; its result, if it has ended.
async fn woken<T: Future>(mut future: Pin<&mut T>) -> Option<T::Output> {
    let mut polled = false;
    poll_fn(|context| {
        if polled {
            return Poll::Ready(None);
        }
        polled = true;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

fn tls() -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = native_roots();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(format!("TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn native_roots() -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a root certificate of this system could not be read");
    }
    let (_added, _ignored) = roots.add_parsable_certificates(found.certs);
    roots
}
