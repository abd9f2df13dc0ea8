//! Asking the plugin that decides which clients are told of a change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hangar_core::{Error, Result};

use crate::generation::Instance;
use crate::host::Host;
use crate::state::{CallContext, Entry, Plugin, State};

/// How long a plugin that waits for the answer is kept, at most: it may hold locks that the answer waits for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A call that is being served, for work the host does on its behalf.
pub struct CurrentCall {
    plugin: Arc<Plugin>,
    host: Arc<Host>,
    call: CallContext,
    cpu_left_ms: u64,
}

impl State {
    /// The current call.
    pub fn current_call(&mut self) -> CurrentCall {
        CurrentCall {
            plugin: self.plugin.clone(),
            host: self.host.clone(),
            call: self.call.clone(),
            cpu_left_ms: self.cpu_left_ms(),
        }
    }
}

impl CurrentCall {
    /// Asks within this call, but outside of its transaction and for nobody.
    pub async fn match_changes(&self, changes: String) -> Result<Option<String>> {
        let mut call = self.call.nested(&self.plugin, self.cpu_left_ms)?;
        call.ambient = None;
        call.identity = None;
        call.deadline = call.deadline.min(Instant::now() + PATIENCE);
        self.host.ask_matcher(call, changes).await
    }
}

impl Host {
    /// Asks on nobody's behalf; `None` if no plugin serves `hangar:realtime/matcher`.
    pub async fn match_changes(&self, changes: String) -> Result<Option<String>> {
        let limits = match self.graph().matcher() {
            Some(generation) => generation.plugin.limits.clone(),
            None => return Ok(None),
        };
        let call = CallContext::new("realtime".into(), limits.wall_ms, limits.cpu_ms);
        self.ask_matcher(call, changes).await
    }

    async fn ask_matcher(&self, call: CallContext, changes: String) -> Result<Option<String>> {
        let graph = self.graph();
        let Some(generation) = graph.matcher() else {
            return Ok(None);
        };
        let answer = generation
            .run(
                &self.this(),
                call,
                Entry::default(),
                async |instance: &mut Instance| {
                    let Instance { store, functions } = instance;
                    match &functions.matching {
                        Some(matching) => Ok(Some(matching.call_async(store, (changes,)).await?.0)),
                        None => Ok(None),
                    }
                },
            )
            .await?;
        answer.transpose().map_err(Error::from)
    }
}
