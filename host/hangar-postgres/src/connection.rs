use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use hangar_core::{Error, Result};
use tokio_postgres::{Client, Row, RowStream, Statement};

use crate::error::{convert, is_stale};
use crate::value::Value;

/// Statements remembered per connection. Past this the cache starts anew: texts that repeat are soon back.
const PREPARED: usize = 1024;

/// Words that would change a connection others share, or end a transaction behind the host's back.
const REFUSED: [&str; 14] = [
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
    "SAVEPOINT",
    "RELEASE",
    "SET",
    "RESET",
    "DISCARD",
    "LISTEN",
    "UNLISTEN",
    "PREPARE",
];

/// A connection with its prepared statements.
pub struct Connection {
    client: Client,
    prepared: Mutex<Prepared>,
    /// Counts changes of the schema, for all connections of a pool.
    schema: Arc<AtomicU64>,
}

/// Statements prepared for one state of the schema.
#[derive(Default)]
struct Prepared {
    schema: u64,
    statements: HashMap<String, Statement>,
}

/// One statement with its parameters.
#[derive(Clone, Debug)]
pub struct Query {
    /// SQL with `$1`-style parameters.
    pub sql: String,
    /// The parameters.
    pub params: Vec<Value>,
}

/// The comment a statement begins with that shall be planned for its parameters each time.
const PLANNED: &str = "/* planned */";

impl Query {
    /// Whether it asks to be planned each time.
    pub fn is_planned(&self) -> bool {
        self.sql.starts_with(PLANNED)
    }
}

impl Connection {
    pub fn new(client: Client, schema: Arc<AtomicU64>) -> Self {
        Self {
            client,
            prepared: Mutex::default(),
            schema,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// What is prepared for the schema as it is now.
    fn prepared(&self) -> MutexGuard<'_, Prepared> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = self.schema.load(Ordering::Acquire);
        if prepared.schema != schema {
            prepared.schema = schema;
            prepared.statements.clear();
        }
        prepared
    }

    fn known(&self, sql: &str) -> Option<Statement> {
        self.prepared().statements.get(sql).cloned()
    }

    fn forget(&self, sql: &str) {
        self.prepared().statements.remove(sql);
    }

    async fn prepare(&self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.known(sql) {
            return Ok(statement);
        }
        refuse_session_statements(sql)?;
        let schema = self.schema.load(Ordering::Acquire);
        let statement = self
            .client
            .prepare(sql)
            .await
            .map_err(|error| convert(&error))?;
        let mut prepared = self.prepared();
        // Nobody knows which schema it is for if that has changed meanwhile.
        if prepared.schema == schema {
            if prepared.statements.len() >= PREPARED {
                prepared.statements.clear();
            }
            prepared
                .statements
                .insert(sql.to_owned(), statement.clone());
        }
        Ok(statement)
    }

    /// Runs a statement. The driver pipelines: several of these at once take one round trip. `retry` may prepare it
    /// anew if the table has changed since, which inside a transaction is too late.
    pub async fn run(&self, query: &Query, retry: bool) -> Result<Running> {
        let params = &query.params;
        if let Some(statement) = self.known(&query.sql) {
            match self.start(&statement, params).await {
                Ok(running) => return Ok(running),
                Err(error) if is_stale(&error) => {
                    self.forget(&query.sql);
                    if !retry {
                        return Err(convert(&error));
                    }
                }
                Err(error) => return Err(convert(&error)),
            }
        }
        let statement = self.prepare(&query.sql).await?;
        self.start(&statement, params)
            .await
            .map_err(|error| convert(&error))
    }

    async fn start(
        &self,
        statement: &Statement,
        params: &[Value],
    ) -> Result<Running, tokio_postgres::Error> {
        if params.len() != statement.params().len() {
            // The driver would panic on this.
            return Ok(Running::Misfit {
                given: params.len(),
                wanted: statement.params().len(),
            });
        }
        let rows = self.client.query_raw(statement, params).await?;
        Ok(Running::Rows {
            statement: statement.clone(),
            rows,
        })
    }

    /// Runs text of several statements.
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|error| convert(&error))
    }

    /// Runs `COPY … FROM STDIN`; answers the number of rows.
    pub async fn copy_in(&self, sql: &str, data: Vec<u8>) -> Result<u64> {
        let is_copy = sql
            .trim_start()
            .get(..4)
            .is_some_and(|word| word.eq_ignore_ascii_case("COPY"));
        if !is_copy {
            return Err(Error::bad_input("copy-in runs COPY … FROM STDIN only"));
        }
        let mut sink = pin!(
            self.client
                .copy_in(sql)
                .await
                .map_err(|error| convert(&error))?
        );
        sink.send(Bytes::from(data))
            .await
            .map_err(|error| convert(&error))?;
        sink.finish().await.map_err(|error| convert(&error))
    }
}

/// A statement whose rows are arriving.
pub enum Running {
    /// Its rows.
    Rows {
        /// For the columns.
        statement: Statement,
        /// The rows.
        rows: RowStream,
    },
    /// It was given the wrong number of parameters.
    Misfit {
        /// Parameters given.
        given: usize,
        /// Parameters of the statement.
        wanted: usize,
    },
}

impl Running {
    /// Hands each row to `each`; answers how many rows were changed or returned.
    pub async fn consume(self, mut each: impl FnMut(&Row) -> Result<()>) -> Result<u64> {
        let rows = match self {
            Self::Rows { rows, .. } => rows,
            Self::Misfit { given, wanted } => {
                return Err(Error::bad_input(format!(
                    "the statement has {wanted} parameters, but {given} were given"
                )));
            }
        };
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(|error| convert(&error))? {
            each(&row)?;
        }
        Ok(rows.rows_affected().unwrap_or(0))
    }

    /// Name and type of the columns.
    pub fn columns(&self) -> Vec<(String, String)> {
        match self {
            Self::Rows { statement, .. } => statement
                .columns()
                .iter()
                .map(|column| (column.name().to_owned(), column.type_().name().to_owned()))
                .collect(),
            Self::Misfit { .. } => Vec::new(),
        }
    }
}

/// Statements that act on the session are the host's business: connections are shared, transactions are resources.
fn refuse_session_statements(sql: &str) -> Result<()> {
    let word: String = first_words(sql)
        .chars()
        .take_while(|c| c.is_ascii_alphabetic())
        .collect();
    let word = word.to_ascii_uppercase();
    if REFUSED.contains(&word.as_str()) {
        return Err(Error::bad_input(format!(
            "{word} is not for plugins: connections are shared; use hangar:postgres/transactions for transactions and \
             set_config(name, value, true) inside one for settings"
        )));
    }
    Ok(())
}

/// What is left of a statement after the comments and white space in front.
fn first_words(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start();
        if let Some(line) = sql.strip_prefix("--") {
            sql = line.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(mut inside) = sql.strip_prefix("/*") {
            // Comments of this form nest.
            let mut depth = 1;
            while depth > 0 {
                let Some(at) = inside.find("*/") else {
                    return "";
                };
                match inside[..at].find("/*") {
                    Some(opened) => {
                        depth += 1;
                        inside = &inside[opened + 2..];
                    }
                    None => {
                        depth -= 1;
                        inside = &inside[at + 2..];
                    }
                }
            }
            sql = inside;
        } else {
            return sql;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_about_the_session_do_not_hide_behind_comments() {
        for sql in [
            "SET ROLE x",
            "  begin",
            "/* a */ set role x",
            "-- a\n/* b /* c */ d */\tCOMMIT",
        ] {
            assert!(refuse_session_statements(sql).is_err(), "{sql}");
        }
        for sql in ["SELECT 1", "/* planned */ SELECT 1", "/* SET", "-- SET", ""] {
            assert!(refuse_session_statements(sql).is_ok(), "{sql}");
        }
    }
}
