//! Asking the plugin that decides which clients are told what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hangar_core::Result;

use crate::exports::{Export, Functions};
use crate::host::Host;
use crate::state::{CallContext, Plugin, State};

/// How long a plugin that waits for the answer is kept, at most: it may hold locks that the answer waits for.
const PATIENCE: Duration = Duration::from_secs(3);

/// One of the matcher's functions: a text for a text.
type Function = fn(&Functions) -> &Export<(String,), String>;

const MATCHING: Function = |functions| &functions.matching;
const SCREENING: Function = |functions| &functions.screening;

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
        self.host.ask_matcher(call, MATCHING, changes).await
    }
}

impl Host {
    /// Asks on nobody's behalf; `None` if no plugin serves `hangar:realtime/matcher`.
    pub async fn match_changes(&self, changes: String) -> Result<Option<String>> {
        self.ask_for_nobody(MATCHING, changes).await
    }

    /// Whether messages are to be shown to the matcher: somebody subscribes to an event by which it is screened.
    pub fn screens_messages(&self) -> bool {
        let graph = self.graph();
        graph.matcher().is_some_and(|generation| {
            let mut events = generation.manifest.screened_by.iter();
            events.any(|event| graph.has_subscriber(event, &[]))
        })
    }

    /// Shows messages to the matcher; `None` if no plugin looks at them.
    pub async fn screen_messages(&self, messages: String) -> Result<Option<String>> {
        self.ask_for_nobody(SCREENING, messages).await
    }

    async fn ask_for_nobody(&self, function: Function, text: String) -> Result<Option<String>> {
        let limits = match self.graph().matcher() {
            Some(generation) => generation.plugin.limits.clone(),
            None => return Ok(None),
        };
        let call = CallContext::new("realtime".into(), limits.wall_ms, limits.cpu_ms);
        self.ask_matcher(call, function, text).await
    }

    async fn ask_matcher(
        &self,
        call: CallContext,
        function: Function,
        text: String,
    ) -> Result<Option<String>> {
        let graph = self.graph();
        let Some(generation) = graph.matcher() else {
            return Ok(None);
        };
        generation.call(&self.this(), call, function, (text,)).await
    }
}
