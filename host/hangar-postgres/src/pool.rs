use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hangar_core::{Error, Limits, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connect::ConnectOptions;
use crate::connection::Connection;
use crate::error::convert;

/// How many connections there are.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Shared connections, on which statements are pipelined.
    pub shared: usize,
    /// Exclusive connections for transactions.
    pub exclusive: usize,
    /// How long a transaction waits for one.
    pub wait: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
        Self {
            shared: cores.clamp(2, 8),
            exclusive: 24,
            wait: Duration::from_secs(10),
        }
    }
}

/// The database: shared connections for single statements, exclusive ones for transactions.
pub struct Postgres {
    connect: ConnectOptions,
    shared: Vec<Shared>,
    /// As many, for statements that are planned anew for their parameters.
    planned: Vec<Shared>,
    turn: AtomicUsize,
    /// Counts changes of the schema.
    schema: Arc<AtomicU64>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    wait: Duration,
    pub(crate) limits: Limits,
}

#[derive(Default)]
struct Shared {
    connection: ArcSwapOption<Connection>,
    /// One reconnection at a time.
    connecting: tokio::sync::Mutex<()>,
}

/// A connection for one transaction.
pub struct Exclusive {
    /// Taken only when it goes back.
    connection: Option<Connection>,
    _permit: OwnedSemaphorePermit,
}

impl Exclusive {
    pub fn connection(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("an exclusive connection is there until it is given back")
    }
}

impl Postgres {
    /// Connects once, to prove that the database is there.
    pub async fn open(
        connect: ConnectOptions,
        options: PostgresOptions,
        limits: Limits,
    ) -> Result<Arc<Self>> {
        let slots = || (0..options.shared.max(1)).map(|_| Shared::default());
        let postgres = Self {
            connect,
            shared: slots().collect(),
            planned: slots().collect(),
            turn: AtomicUsize::new(0),
            schema: Arc::default(),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(options.exclusive.max(1))),
            wait: options.wait,
            limits,
        };
        postgres.shared(false).await?;
        Ok(Arc::new(postgres))
    }

    /// One of the shared connections, opened or reopened where needed; of those that plan each time if `planned`.
    pub(crate) async fn shared(&self, planned: bool) -> Result<Arc<Connection>> {
        let slots = if planned { &self.planned } else { &self.shared };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % slots.len();
        let slot = &slots[turn];
        if let Some(connection) = slot.usable() {
            return Ok(connection);
        }
        let _one = slot.connecting.lock().await;
        if let Some(connection) = slot.usable() {
            return Ok(connection);
        }
        let connection = Arc::new(self.connect().await?);
        if planned {
            let setting = "SET plan_cache_mode = force_custom_plan";
            connection.batch(setting).await?;
        }
        slot.connection.store(Some(connection.clone()));
        Ok(connection)
    }

    /// For connections of one's own, beside the pool.
    pub fn connect_options(&self) -> &ConnectOptions {
        &self.connect
    }

    async fn connect(&self) -> Result<Connection> {
        let client = self.connect.connect().await;
        let client = client.map_err(|error| convert(&error))?;
        Ok(Connection::new(client, self.schema.clone()))
    }

    /// An exclusive connection; waits for one up to the bound.
    pub(crate) async fn exclusive(&self) -> Result<Exclusive> {
        let permit = tokio::time::timeout(self.wait, self.permits.clone().acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| {
                Error::new(
                    "limit",
                    503,
                    format!(
                        "no connection for a transaction became free within {} s (setting postgres.transactions)",
                        self.wait.as_secs()
                    ),
                )
            })?;
        loop {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            match idle {
                Some(connection) if connection.is_closed() => {}
                Some(connection) => {
                    return Ok(Exclusive {
                        connection: Some(connection),
                        _permit: permit,
                    });
                }
                None => {
                    let connection = self.connect().await?;
                    return Ok(Exclusive {
                        connection: Some(connection),
                        _permit: permit,
                    });
                }
            }
        }
    }

    /// Takes back a connection whose transaction has ended. One that is not given back is closed, and the server rolls
    /// its transaction back.
    pub(crate) fn give_back(&self, mut exclusive: Exclusive) {
        if let Some(connection) = exclusive.connection.take() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
    }

    /// Has every connection prepare its statements anew: the schema has changed, here or elsewhere.
    pub fn forget_prepared(&self) {
        self.schema.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.shared(false).await?.batch("SELECT 1").await
    }
}

impl Shared {
    fn usable(&self) -> Option<Arc<Connection>> {
        self.connection
            .load_full()
            .filter(|connection| !connection.is_closed())
    }
}
