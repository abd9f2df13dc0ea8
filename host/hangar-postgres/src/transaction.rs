use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hangar_core::{Afterwards, Ambient, Error, Marks, Result};

use crate::connection::Connection;
use crate::pool::{Exclusive, Postgres};

/// An open transaction. Whoever drops the last reference without ending it closes its connection, and the server rolls
/// it back.
pub struct Transaction {
    postgres: Arc<Postgres>,
    exclusive: Exclusive,
    open: AtomicBool,
    failed: AtomicBool,
    /// Whether another transaction was the reason.
    hindered: AtomicBool,
    /// Whether it may have changed the schema.
    schema_changed: AtomicBool,
    savepoints: AtomicU32,
    /// Savepoints still open, each with the work left before it; they end in reverse order.
    stack: Mutex<Vec<(u32, usize)>>,
    deadline: Instant,
    /// Work that waits for the end of all of it.
    afterwards: Afterwards,
    marks: Marks,
}

impl Ambient for Transaction {
    fn afterwards(&self) -> &Afterwards {
        &self.afterwards
    }

    fn marks(&self) -> &Marks {
        &self.marks
    }
}

impl Transaction {
    /// Begins a transaction on an exclusive connection.
    pub async fn begin(postgres: &Arc<Postgres>) -> Result<Self> {
        let exclusive = postgres.exclusive().await?;
        exclusive.connection().batch("BEGIN").await?;
        let lifetime = Duration::from_millis(postgres.limits.transaction_ms);
        Ok(Self {
            postgres: postgres.clone(),
            exclusive,
            open: AtomicBool::new(true),
            failed: AtomicBool::new(false),
            hindered: AtomicBool::new(false),
            schema_changed: AtomicBool::new(false),
            savepoints: AtomicU32::new(0),
            stack: Mutex::default(),
            deadline: Instant::now() + lifetime,
            afterwards: Afterwards::default(),
            marks: Marks::default(),
        })
    }

    /// Its connection, while it is open and in time.
    pub fn connection(&self) -> Result<&Connection> {
        if !self.open.load(Ordering::Acquire) {
            return Err(Error::new(
                "transaction_ended",
                500,
                "this transaction has ended",
            ));
        }
        if Instant::now() > self.deadline {
            return Err(Error::new(
                "timeout",
                504,
                format!(
                    "the transaction was open for longer than {} ms (setting limits.transaction-ms)",
                    self.postgres.limits.transaction_ms
                ),
            ));
        }
        Ok(self.exclusive.connection())
    }

    /// A statement has failed.
    pub fn mark_failed(&self, error: &Error) {
        self.failed.store(true, Ordering::Release);
        if is_conflict(error) {
            self.hindered.store(true, Ordering::Release);
        }
    }

    /// Whether another transaction has stood in its way.
    pub fn is_hindered(&self) -> bool {
        self.hindered.load(Ordering::Acquire)
    }

    /// It may change the schema. Until it ends others prepare their statements for the old one.
    pub fn mark_schema_changed(&self) {
        self.schema_changed.store(true, Ordering::Release);
        self.postgres.forget_prepared();
    }

    fn stack(&self) -> std::sync::MutexGuard<'_, Vec<(u32, usize)>> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a savepoint and answers its number.
    pub async fn savepoint(&self) -> Result<u32> {
        let number = self.savepoints.fetch_add(1, Ordering::Relaxed);
        self.connection()?
            .batch(&format!("SAVEPOINT hangar_{number}"))
            .await?;
        self.stack().push((number, self.afterwards.mark()));
        Ok(number)
    }

    /// Ends a savepoint, keeping or undoing what was done since. Those set after it end with it.
    pub async fn end_savepoint(&self, number: u32, keep: bool) -> Result<()> {
        let mark = {
            let mut stack = self.stack();
            let Some(position) = stack.iter().position(|(open, _)| *open == number) else {
                return Err(Error::new(
                    "transaction_ended",
                    500,
                    "this savepoint has ended",
                ));
            };
            let mark = stack[position].1;
            stack.truncate(position);
            mark
        };
        let failed = self.failed.load(Ordering::Acquire);
        let connection = self.connection()?;
        if keep && !failed {
            return connection
                .batch(&format!("RELEASE SAVEPOINT hangar_{number}"))
                .await;
        }
        let undo =
            format!("ROLLBACK TO SAVEPOINT hangar_{number}; RELEASE SAVEPOINT hangar_{number}");
        connection.batch(&undo).await?;
        self.afterwards.undo_since(mark);
        self.failed.store(false, Ordering::Release);
        if keep { Err(aborted()) } else { Ok(()) }
    }

    /// Commits. A transaction in which a statement has failed is rolled back, and that is an error.
    pub async fn commit(self: Arc<Self>) -> Result<()> {
        let failed = self.failed.load(Ordering::Acquire);
        self.connection()?
            .batch(if failed { "ROLLBACK" } else { "COMMIT" })
            .await?;
        self.finish();
        if failed { Err(aborted()) } else { Ok(()) }
    }

    /// Rolls back.
    pub async fn rollback(self: Arc<Self>) -> Result<()> {
        if !self.open.load(Ordering::Acquire) {
            return Ok(());
        }
        self.exclusive.connection().batch("ROLLBACK").await?;
        self.finish();
        Ok(())
    }

    /// Gives the connection back, if nobody else still refers to the transaction.
    fn finish(self: Arc<Self>) {
        self.open.store(false, Ordering::Release);
        if self.schema_changed.load(Ordering::Acquire) {
            self.postgres.forget_prepared();
        }
        if let Some(this) = Arc::into_inner(self) {
            this.postgres.give_back(this.exclusive);
        }
    }
}

/// Whether the same again may succeed: the transactions that had the upper hand have ended by then.
fn is_conflict(error: &Error) -> bool {
    match error.code.strip_prefix("sqlstate:") {
        Some("40001" | "40P01" | "26000") => true,
        Some("0A000") => error.message.contains("cached plan"),
        _ => false,
    }
}

fn aborted() -> Error {
    Error::new(
        "transaction_aborted",
        409,
        "a statement of this transaction had failed, so it was rolled back",
    )
}
