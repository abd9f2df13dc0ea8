//! Work that plugins leave for after a transaction: kept with the transaction, done by the host when it has ended.

use std::pin::Pin;
use std::sync::Arc;

use hangar_core::{Error, Result, Settle, Then, Work};

use crate::host::Host;
use crate::state::{CallContext, State};

/// Whose work it is, and on whose behalf it is done.
struct Owner {
    plugin: Arc<str>,
    call: CallContext,
}

impl State {
    /// Leaves work with the ambient transaction; false if there is none.
    pub(crate) fn leave(&mut self, text: String) -> Result<bool> {
        let Some(ambient) = self.call.ambient.clone() else {
            return Ok(false);
        };
        let cpu_left = self.cpu_left_ms();
        let mut call = self.call.nested(&self.plugin, cpu_left)?;
        // It is done when the transaction is over.
        call.ambient = None;
        let plugin = self.plugin.name.clone();
        let work = Work {
            owner: Arc::new(Owner { plugin, call }),
            text,
            undone: false,
        };
        if ambient.afterwards().push(work, self.plugin.limits.memory) {
            return Ok(true);
        }
        Err(Error::limit(
            &self.plugin.name,
            "work left for after one transaction",
            format!("10000 pieces, {} MiB", self.plugin.limits.memory >> 20),
            "limits.memory",
        ))
    }
}

impl State {
    /// Notes a word on the ambient transaction; false if there is none.
    pub(crate) fn mark(&self, mark: String) -> Result<bool> {
        match &self.call.ambient {
            None => Ok(false),
            Some(ambient) if ambient.marks().set(mark) => Ok(true),
            Some(_) => Err(Error::new(
                "limit",
                500,
                format!(
                    "plugin \"{}\": a transaction bears at most 100 marks of 100 bytes",
                    self.plugin.name
                ),
            )),
        }
    }
}

impl Settle for Host {
    fn settle(
        &self,
        work: Vec<Work>,
        committed: bool,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let mut first = Ok(());
            for piece in work {
                let done = self.settle_one(piece, committed).await;
                if let Err(error) = done {
                    tracing::debug!(%error, "work after a transaction");
                    first = first.and(Err(error));
                }
            }
            first
        })
    }
}

impl Host {
    async fn settle_one(&self, work: Work, committed: bool) -> Result<()> {
        if let Some(then) = work.owner.downcast_ref::<Then>() {
            then.run();
            return Ok(());
        }
        let Some(owner) = work.owner.downcast_ref::<Owner>() else {
            return Ok(());
        };
        // Looked up now: the plugin may have been swapped meanwhile, and the work is text that its successor reads.
        let graph = self.graph();
        let Some(generation) = graph.plugin(&owner.plugin) else {
            return Ok(());
        };
        let committed = committed && !work.undone;
        let (call, params) = (owner.call.clone(), (work.text, committed));
        let done = generation
            .call(&self.this(), call, |functions| &functions.ended, params)
            .await?;
        done.ok_or_else(|| {
            Error::new(
                "bad_component",
                500,
                format!(
                    "plugin \"{}\" leaves work for after a transaction but does not export hangar:plugin/afterwards",
                    owner.plugin
                ),
            )
        })
    }
}
