//! PostgreSQL: statements, rows, plans, transactions.

pub use crate::bindings::imports::hangar::postgres::query::{
    batch, copy_in, defer, query as query_json, render,
};
pub use crate::bindings::imports::hangar::postgres::transactions::{Transaction, active, begin};
pub use crate::bindings::imports::hangar::postgres::types::{
    Fallback, Plan, Rendered, Segment, Statement, Value,
};
use crate::{Error, Result};

/// The rows of one statement.
#[derive(Debug, serde::Deserialize)]
pub struct Rows {
    /// Name and type of each column.
    pub columns: Vec<(String, String)>,
    /// Row after row, values in the order of `columns`.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Rows the statement changed or returned.
    pub affected: u64,
}

impl Rows {
    /// The rows as JSON objects by column name.
    pub fn objects(self) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let names: Vec<String> = self.columns.into_iter().map(|(name, _)| name).collect();
        self.rows
            .into_iter()
            .map(|row| names.iter().cloned().zip(row).collect())
            .collect()
    }
}

impl Statement {
    /// A statement and its parameters.
    pub fn new(sql: impl Into<String>, params: Vec<Value>) -> Self {
        Self {
            sql: sql.into(),
            params,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Runs one statement.
pub fn query(sql: impl Into<String>, params: Vec<Value>) -> Result<Rows> {
    let mut all = query_all(&[Statement::new(sql, params)])?;
    all.pop()
        .ok_or_else(|| Error::internal("the host answered no rows for a statement"))
}

/// Runs statements in one pipelined round trip.
pub fn query_all(statements: &[Statement]) -> Result<Vec<Rows>> {
    query_json(statements)?
        .iter()
        .map(|text| serde_json::from_str(text).map_err(Error::from))
        .collect()
}

/// Runs `work` in a transaction (a savepoint inside another) that commits if it answers `Ok` and rolls back if not.
pub fn transaction<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let transaction = begin()?;
    let value = work()?;
    Transaction::commit(transaction)?;
    Ok(value)
}
