//! Hook chains. A plugin raises an event; the handlers run around its action, each in an instance of its own, and the
//! innermost `next` hands control back to the plugin that raised it. No instance is ever entered twice: the raiser's
//! host call returns with its turn, and the suspended handlers wait in a future that the raiser's `finish` drives on.

use std::pin::Pin;
use std::sync::Arc;

use hangar_core::{Error, Result};
use hangar_wit::errors::Error as WitError;
use tokio::sync::oneshot;
use wasmtime::component::Resource;

use crate::generation::{Generation, Instance};
use crate::host::Host;
use crate::links::generated::hangar::hooks;
use crate::state::{CallContext, Entry, State};

type Ambient = Option<Arc<dyn hangar_core::Ambient>>;
type Unwinding = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// One handler of a chain.
#[derive(Clone)]
pub(crate) struct Link {
    pub generation: Arc<Generation>,
    pub handler: Arc<str>,
}

/// The rest of a chain, seen from a handler.
pub(crate) struct Next {
    event: Arc<str>,
    rest: Vec<Link>,
    /// Where the innermost handler hands over to the action.
    gate: Gate,
}

/// What the action's plugin receives when every handler has called `next`.
struct Reached {
    payload: String,
    /// The transaction the innermost handler was in: the action runs in it.
    ambient: Ambient,
    outcome: oneshot::Sender<Result<String>>,
}

type Gate = oneshot::Sender<Reached>;

/// The host's side of the resource `raised`.
pub struct RaisedState {
    turn: hooks::chain::Turn,
    state: Progress,
    /// What to restore when the action is over.
    ambient: Ambient,
}

enum Progress {
    /// Nobody subscribes.
    Alone,
    /// The handlers wait for the action.
    Waiting {
        handlers: Unwinding,
        outcome: oneshot::Sender<Result<String>>,
    },
    /// The handlers ended without the action.
    Ended,
}

impl hooks::chain::Host for State {
    async fn subscribed(&mut self, events: Vec<String>, tags: Vec<String>) -> Vec<String> {
        let graph = self.host.graph();
        events
            .into_iter()
            .filter(|event| graph.has_subscriber(event, &tags))
            .collect()
    }

    async fn raise(
        &mut self,
        event: String,
        tags: Vec<String>,
        payload: String,
    ) -> Result<Resource<RaisedState>, WitError> {
        let bound = self.plugin.limits.memory;
        if payload.len() > bound.saturating_sub(self.raised_bytes) {
            return Err(Error::limit(
                &self.plugin.name,
                "payloads of the events it has raised and not finished",
                format!("{} MiB", bound >> 20),
                "limits.memory",
            )
            .into());
        }
        let links = self.host.graph().chain(&event, &tags);
        let raised = if links.is_empty() {
            RaisedState {
                turn: hooks::chain::Turn {
                    proceed: true,
                    payload,
                },
                state: Progress::Alone,
                ambient: None,
            }
        } else {
            self.start(event, links, payload).await?
        };
        let bytes = raised.turn.payload.len();
        let handle = self
            .table
            .push(raised)
            .map_err(|error| Error::internal(format!("too many events at once: {error}")))?;
        self.raised_bytes += bytes;
        Ok(handle)
    }
}

impl State {
    async fn start(
        &mut self,
        event: String,
        links: Vec<Link>,
        payload: String,
    ) -> Result<RaisedState> {
        let (gate, reached) = oneshot::channel();
        let cpu_left = self.cpu_left_ms();
        let call = self.call.nested(&self.plugin, cpu_left)?;
        let mut handlers: Unwinding = Box::pin(run(
            self.host.clone(),
            call,
            event.into(),
            links,
            payload,
            gate,
        ));
        tokio::select! {
            biased;
            reached = reached => match reached {
                Ok(reached) => {
                    let ambient = std::mem::replace(&mut self.call.ambient, reached.ambient);
                    Ok(RaisedState {
                        turn: hooks::chain::Turn { proceed: true, payload: reached.payload },
                        state: Progress::Waiting { handlers, outcome: reached.outcome },
                        ambient,
                    })
                }
                // The gate is gone, so the handlers have ended or are about to.
                Err(_) => handlers.await.map(ended),
            },
            end = &mut handlers => end.map(ended),
        }
    }
}

fn ended(payload: String) -> RaisedState {
    RaisedState {
        turn: hooks::chain::Turn {
            proceed: false,
            payload,
        },
        state: Progress::Ended,
        ambient: None,
    }
}

impl hooks::chain::HostRaised for State {
    async fn turn(&mut self, raised: Resource<RaisedState>) -> hooks::chain::Turn {
        match self.table.get(&raised) {
            Ok(raised) => raised.turn.clone(),
            Err(_) => hooks::chain::Turn {
                proceed: false,
                payload: "{}".into(),
            },
        }
    }

    async fn finish(
        &mut self,
        raised: Resource<RaisedState>,
        outcome: Result<String, WitError>,
    ) -> Result<String, WitError> {
        let raised = self
            .table
            .delete(raised)
            .map_err(|error| Error::internal(format!("this event is not raised: {error}")))?;
        self.raised_bytes = self.raised_bytes.saturating_sub(raised.turn.payload.len());
        match raised.state {
            Progress::Alone => outcome,
            Progress::Ended => Ok(raised.turn.payload),
            Progress::Waiting {
                handlers,
                outcome: sender,
            } => {
                self.call.ambient = raised.ambient;
                // The receiver is gone only if its handler is, and then the handlers' own error is the answer.
                let _ = sender.send(outcome.map_err(Error::from));
                handlers.await.map_err(WitError::from)
            }
        }
    }

    async fn drop(&mut self, raised: Resource<RaisedState>) -> wasmtime::Result<()> {
        let raised = self.table.delete(raised)?;
        self.raised_bytes = self.raised_bytes.saturating_sub(raised.turn.payload.len());
        if let Progress::Waiting { handlers, outcome } = raised.state {
            self.call.ambient = raised.ambient;
            let abandoned = Error::internal("the action of this event was abandoned by its plugin");
            let _ = outcome.send(Err(abandoned));
            let _ = handlers.await;
        }
        Ok(())
    }
}

impl hooks::next::Host for State {
    async fn call(&mut self, payload: String) -> Result<String, WitError> {
        let Some(next) = self.next.take() else {
            return Err(Error::new(
                "next_misused",
                500,
                format!(
                    "plugin \"{}\" called next twice, or outside of a hook",
                    self.plugin.name
                ),
            )
            .into());
        };
        if next.rest.is_empty() {
            let (outcome, answer) = oneshot::channel();
            let reached = Reached {
                payload,
                ambient: self.call.ambient.clone(),
                outcome,
            };
            let gone = || Error::internal("the plugin that raised this event is gone");
            next.gate.send(reached).map_err(|_| gone())?;
            return answer.await.map_err(|_| gone())?.map_err(WitError::from);
        }
        let cpu_left = self.cpu_left_ms();
        let call = self.call.nested(&self.plugin, cpu_left)?;
        run(
            self.host.clone(),
            call,
            next.event,
            next.rest,
            payload,
            next.gate,
        )
        .await
        .map_err(WitError::from)
    }
}

/// Runs the first handler; the others follow when it calls `next`. Boxed: a chain may be long.
fn run(
    host: Arc<Host>,
    call: CallContext,
    event: Arc<str>,
    mut links: Vec<Link>,
    payload: String,
    gate: Gate,
) -> Unwinding {
    Box::pin(async move {
        let Link {
            generation,
            handler,
        } = links.remove(0);
        let next = Next {
            event: event.clone(),
            rest: links,
            gate,
        };
        let name = generation.plugin.name.clone();
        let answer = generation
            .run(
                &host,
                call,
                Entry {
                    next: Some(next),
                    reply: None,
                },
                async move |instance: &mut Instance| {
                    let Instance { store, functions } = instance;
                    let Some(handle) = &functions.hook else {
                        return Ok(None);
                    };
                    let params = (handler.to_string(), event.to_string(), payload);
                    Ok(Some(handle.call_async(store, params).await?.0))
                },
            )
            .await?;
        match answer {
            Some(answer) => answer.map_err(Error::from),
            None => Err(Error::new(
                "bad_component",
                500,
                format!(
                    "plugin \"{name}\" subscribes to events but does not export hangar:hooks/handler"
                ),
            )),
        }
    })
}
