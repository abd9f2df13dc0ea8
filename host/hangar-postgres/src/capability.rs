use std::any::Any;
use std::sync::Arc;

use hangar_core::{Ambient as _, Error, Limits, Settle};
use hangar_wit::Body;
use hangar_wit::errors::Error as WitError;
use serde_json::Value as Json;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::connection::Query;
use crate::plan::{self, Place, Templates};
use crate::pool::Postgres;
use crate::transaction::Transaction;
use crate::value::Value;

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:postgres-host;
            world host {
                import hangar:postgres/query@0.1.0;
                import hangar:postgres/transactions@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/http", "../../wit/postgres"],
        world: "hangar:postgres-host/host",
        imports: { default: async },
        with: {
            "hangar:types/errors@0.1.0": hangar_wit::errors,
            "hangar:http/types@0.1.0": hangar_wit::http,
            "hangar:postgres/transactions.transaction": super::Handle,
        },
    });
}

use generated::hangar::postgres::{query, transactions, types};

/// What a call carries from plugin to plugin: the ambient transaction, opaque to the rest of the host.
pub type Ambient = Option<Arc<dyn hangar_core::Ambient>>;

/// Deferred bodies one instance may hold.
const BODIES: usize = 8;

/// The grant `postgres = true`.
pub struct Grant;

impl Grant {
    /// Reads the value of hangar.toml.
    pub fn parse(value: &Json) -> Result<Self, String> {
        match value {
            Json::Bool(true) => Ok(Self),
            _ => Err("write true or false".into()),
        }
    }
}

/// What one call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Its grant.
    pub grant: Option<&'a Grant>,
    /// Its limits.
    pub limits: &'a Limits,
    /// The database.
    pub postgres: Option<&'a Service>,
    /// The transaction of the call.
    pub ambient: &'a mut Ambient,
    /// Does the work that an ended transaction has left.
    pub settle: &'a dyn Settle,
    /// The instance's resources.
    pub table: &'a mut ResourceTable,
}

/// The long-lived state of this capability.
pub struct Service {
    postgres: Arc<Postgres>,
    templates: Templates,
}

impl Service {
    /// Serves a database.
    pub fn new(postgres: Arc<Postgres>) -> Self {
        Self {
            postgres,
            templates: Templates::new(),
        }
    }

    /// The database.
    pub fn postgres(&self) -> &Arc<Postgres> {
        &self.postgres
    }
}

/// The host's side of the resource `transaction`.
pub struct Handle {
    transaction: Arc<Transaction>,
    /// Set if this is a savepoint of an outer transaction.
    savepoint: Option<u32>,
    /// The ambient transaction to go back to.
    outer: Ambient,
}

struct Access;

impl HasData for Access {
    type Data<'a> = View<'a>;
}

/// Adds `hangar:postgres` to a linker.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    query::add_to_linker::<T, Access>(linker, get)?;
    transactions::add_to_linker::<T, Access>(linker, get)
}

impl<'a> View<'a> {
    fn service(&self) -> Result<&'a Service, Error> {
        if self.grant.is_none() {
            return Err(Error::denied(
                self.plugin,
                "hangar:postgres",
                "grant.postgres = true",
            ));
        }
        self.postgres
            .ok_or_else(|| Error::unserved("hangar:postgres"))
    }

    fn transaction(&self) -> Option<Arc<Transaction>> {
        let any: Arc<dyn Any + Send + Sync> = self.ambient.clone()?;
        any.downcast().ok()
    }

    fn plan(&self, plan: types::Plan) -> Result<plan::Plan, Error> {
        let service = self.service()?;
        let fallback = |given: types::Fallback| plan::Fallback {
            status: given.status,
            text: given.text,
        };
        let segment = |segment: types::Segment| match segment {
            types::Segment::Text(text) => Ok(plan::Segment::Text(text)),
            types::Segment::Rows(rendered) => plan::segment(
                &service.templates,
                query_of(rendered.statement),
                &rendered.template,
            ),
        };
        Ok(plan::Plan {
            segments: plan
                .segments
                .into_iter()
                .map(segment)
                .collect::<Result<_, Error>>()?,
            when_empty: plan.when_empty.map(fallback),
            when_failed: plan.when_failed.map(fallback),
        })
    }
}

fn query_of(statement: types::Statement) -> Query {
    let params = statement.params.into_iter().map(|value| match value {
        types::Value::Null => Value::Null,
        types::Value::Boolean(value) => Value::Boolean(value),
        types::Value::Integer(value) => Value::Integer(value),
        types::Value::Float(value) => Value::Float(value),
        types::Value::Text(value) => Value::Text(value),
        types::Value::Bytes(value) => Value::Bytes(value),
    });
    Query {
        params: params.collect(),
        sql: statement.sql,
    }
}

impl types::Host for View<'_> {}

impl query::Host for View<'_> {
    async fn query(&mut self, statements: Vec<types::Statement>) -> Result<Vec<String>, WitError> {
        let service = self.service()?;
        let transaction = self.transaction();
        let queries: Vec<Query> = statements.into_iter().map(query_of).collect();
        let place = Place::find(&service.postgres, transaction.as_deref(), &queries).await?;
        Ok(plan::query(&place, &queries, self.limits).await?)
    }

    async fn render(&mut self, plan: types::Plan) -> Result<Option<String>, WitError> {
        let service = self.service()?;
        let plan = self.plan(plan)?;
        let transaction = self.transaction();
        let place = Place::find(&service.postgres, transaction.as_deref(), plan.queries()).await?;
        Ok(plan::render(&place, &plan, self.limits).await?.text)
    }

    async fn defer(&mut self, plan: types::Plan) -> Result<Resource<Body>, WitError> {
        let service = self.service()?;
        if self.ambient.is_some() {
            return Err(Error::bad_input(
                "a deferred body would run after the transaction it was made in; use render inside a transaction",
            )
            .into());
        }
        // A response has one body: those beyond are being hoarded in the host's memory.
        if self
            .table
            .iter_mut()
            .filter(|entry| entry.is::<Body>())
            .count()
            >= BODIES
        {
            return Err(Error::new(
                "limit",
                503,
                format!(
                    "plugin \"{}\" holds {BODIES} deferred bodies already; a response has one, drop the others",
                    self.plugin
                ),
            )
            .into());
        }
        let plan = self.plan(plan)?;
        let (postgres, limits) = (service.postgres.clone(), self.limits.clone());
        let body = Body::new(async move { plan::produce(&postgres, plan, &limits).await });
        self.table
            .push(body)
            .map_err(|error| Error::internal(format!("too many bodies: {error}")).into())
    }

    async fn batch(&mut self, sql: String) -> Result<(), WitError> {
        let service = self.service()?;
        let done = match self.transaction() {
            Some(transaction) => {
                let done = transaction.connection()?.batch(&sql).await;
                transaction.mark_schema_changed();
                if let Err(error) = &done {
                    transaction.mark_failed(error);
                }
                done
            }
            None => {
                let exclusive = service.postgres.exclusive().await?;
                let done = exclusive.connection().batch(&sql).await;
                // Text of several statements may have changed the session, so the connection is not used again.
                drop(exclusive);
                service.postgres.forget_prepared();
                done
            }
        };
        Ok(done?)
    }

    async fn copy_in(&mut self, sql: String, data: Vec<u8>) -> Result<u32, WitError> {
        let service = self.service()?;
        let rows = match self.transaction() {
            Some(transaction) => {
                let copied = transaction.connection()?.copy_in(&sql, data).await;
                if let Err(error) = &copied {
                    transaction.mark_failed(error);
                }
                copied?
            }
            // Not on a shared connection: what others sent there would wait for the data.
            None => {
                let exclusive = service.postgres.exclusive().await?;
                let rows = exclusive.connection().copy_in(&sql, data).await?;
                service.postgres.give_back(exclusive);
                rows
            }
        };
        Ok(u32::try_from(rows).unwrap_or(u32::MAX))
    }
}

impl transactions::Host for View<'_> {
    async fn begin(&mut self) -> Result<Resource<Handle>, WitError> {
        let service = self.service()?;
        let outer = self.ambient.clone();
        let handle = match self.transaction() {
            Some(transaction) => {
                let savepoint = Some(transaction.savepoint().await?);
                Handle {
                    transaction,
                    savepoint,
                    outer,
                }
            }
            None => {
                let transaction = Arc::new(Transaction::begin(&service.postgres).await?);
                Handle {
                    transaction,
                    savepoint: None,
                    outer,
                }
            }
        };
        *self.ambient = Some(handle.transaction.clone());
        self.table
            .push(handle)
            .map_err(|error| Error::internal(format!("too many transactions: {error}")).into())
    }

    async fn active(&mut self) -> bool {
        self.ambient.is_some()
    }
}

impl View<'_> {
    async fn end(&mut self, handle: Resource<Handle>, keep: bool) -> Result<(), Error> {
        let handle = self
            .table
            .delete(handle)
            .map_err(|error| Error::internal(format!("this transaction is not open: {error}")))?;
        *self.ambient = handle.outer;
        if let Some(number) = handle.savepoint {
            return handle.transaction.end_savepoint(number, keep).await;
        }
        let left = handle.transaction.afterwards().take();
        let ended = match keep {
            true => handle.transaction.commit().await,
            false => handle.transaction.rollback().await,
        };
        let settled = match left.is_empty() {
            true => Ok(()),
            false => self.settle.settle(left, keep && ended.is_ok()).await,
        };
        ended.and(settled)
    }
}

impl transactions::HostTransaction for View<'_> {
    async fn commit(&mut self, this: Resource<Handle>) -> Result<(), WitError> {
        Ok(self.end(this, true).await?)
    }

    async fn rollback(&mut self, this: Resource<Handle>) -> Result<(), WitError> {
        Ok(self.end(this, false).await?)
    }

    async fn hindered(&mut self, this: Resource<Handle>) -> bool {
        let handle = self.table.get(&this);
        handle.is_ok_and(|handle| handle.transaction.is_hindered())
    }

    async fn drop(&mut self, this: Resource<Handle>) -> wasmtime::Result<()> {
        if let Err(error) = self.end(this, false).await {
            tracing::debug!(%error, "rolling back a dropped transaction");
        }
        Ok(())
    }
}
