//! Hook chains. A plugin raises an event; the handlers run around its action, each in an instance of its own, and the
//! innermost `next` hands control back to the plugin that raised it. No instance is ever entered twice: the raiser's
//! host call returns with its turn, and the suspended handlers wait in a future that the raiser's `finish` drives on.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hangar_core::{Error, Result};
use hangar_wit::errors::Error as WitError;
use tokio::sync::oneshot;
use wasmtime::component::Resource;

use crate::generation::{Generation, Instance};
use crate::host::Host;
use crate::links::generated::hangar::hooks;
use crate::state::{CallContext, Entry, Plugin, State};

type Ambient = Option<Arc<dyn hangar_core::Ambient>>;
type Unwinding = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Between patches (plugins/hooks/PROTOCOL.md).
const SEPARATOR: char = '\u{1e}';

/// One handler of a chain.
#[derive(Clone)]
pub(crate) struct Link {
    pub generation: Arc<Generation>,
    pub handler: Arc<str>,
}

/// What travels through a chain. The patches are one text to which everybody appends, one side at a time; each side
/// reads what has come behind the place it knows.
struct Telling {
    event: Arc<str>,
    document: Arc<str>,
    request: Arc<str>,
    patches: Mutex<String>,
    /// Who raised it, and how many bytes of patches its limits allow.
    raiser: Arc<Plugin>,
}

impl Telling {
    fn patches(&self) -> MutexGuard<'_, String> {
        self.patches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends patches; answers where the next ones will begin.
    fn append(&self, patches: &str) -> Result<usize> {
        let mut all = self.patches();
        let bound = self.raiser.limits.memory;
        if patches.len() >= bound.saturating_sub(all.len()) {
            let what = format!("patches of one event ({})", self.event);
            return Err(too_large(&self.raiser, &what));
        }
        if !patches.is_empty() {
            all.push(SEPARATOR);
            all.push_str(patches);
        }
        Ok(all.len())
    }

    /// The patches behind a place.
    fn since(&self, place: usize) -> String {
        let all = self.patches();
        let new = all.get(place..).unwrap_or_default();
        new.strip_prefix(SEPARATOR).unwrap_or(new).to_owned()
    }

    fn bytes(&self) -> usize {
        self.document.len() + self.request.len()
    }
}

fn too_large(plugin: &Plugin, what: &str) -> Error {
    let bound = format!("{} MiB", plugin.limits.memory >> 20);
    Error::limit(&plugin.name, what, bound, "limits.memory")
}

/// The rest of a chain, seen from a handler.
pub(crate) struct Next {
    telling: Arc<Telling>,
    rest: Vec<Link>,
    /// Where the innermost handler hands over to the action.
    gate: Gate,
}

/// What the action's plugin receives when every handler has called `next`.
struct Reached {
    /// The transaction the innermost handler was in: the action runs in it.
    ambient: Ambient,
    outcome: oneshot::Sender<Result<()>>,
}

type Gate = oneshot::Sender<Reached>;

/// The host's side of the resource `raised`.
pub struct RaisedState {
    telling: Arc<Telling>,
    /// The raiser knows the patches up to here.
    known: usize,
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
        outcome: oneshot::Sender<Result<()>>,
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
        document: String,
        request: String,
    ) -> Result<Resource<RaisedState>, WitError> {
        let bytes = document.len() + request.len();
        if bytes > self.plugin.limits.memory.saturating_sub(self.raised_bytes) {
            let what = "documents of the events it has raised and not finished";
            return Err(too_large(&self.plugin, what).into());
        }
        let links = self.host.graph().chain(&event, &tags);
        let telling = Arc::new(Telling {
            event: event.into(),
            document: document.into(),
            request: request.into(),
            patches: Mutex::default(),
            raiser: self.plugin.clone(),
        });
        let (state, ambient) = if links.is_empty() {
            (Progress::Alone, None)
        } else {
            self.start(telling.clone(), links).await?
        };
        let known = telling.patches().len();
        let raised = RaisedState {
            known,
            telling,
            state,
            ambient,
        };
        let handle = self
            .table
            .push(raised)
            .map_err(|error| Error::internal(format!("too many events at once: {error}")))?;
        self.raised_bytes += bytes;
        Ok(handle)
    }
}

impl State {
    /// Runs the handlers up to the action.
    async fn start(
        &mut self,
        telling: Arc<Telling>,
        links: Vec<Link>,
    ) -> Result<(Progress, Ambient)> {
        let (gate, reached) = oneshot::channel();
        let cpu_left = self.cpu_left_ms();
        let call = self.call.nested(&self.plugin, cpu_left)?;
        let mut handlers = run(self.host.clone(), call, telling, links, gate);
        let ended = |()| (Progress::Ended, None);
        tokio::select! {
            biased;
            reached = reached => match reached {
                Ok(Reached { ambient, outcome }) => {
                    let ambient = std::mem::replace(&mut self.call.ambient, ambient);
                    Ok((Progress::Waiting { handlers, outcome }, ambient))
                }
                // The gate is gone, so the handlers have ended or are about to.
                Err(_) => handlers.await.map(ended),
            },
            end = &mut handlers => end.map(ended),
        }
    }
}

impl hooks::chain::HostRaised for State {
    async fn turn(&mut self, raised: Resource<RaisedState>) -> hooks::chain::Turn {
        match self.table.get(&raised) {
            Ok(raised) => hooks::chain::Turn {
                proceed: !matches!(raised.state, Progress::Ended),
                patches: raised.telling.since(0),
            },
            Err(_) => hooks::chain::Turn {
                proceed: false,
                patches: String::new(),
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
        let telling = raised.telling;
        self.raised_bytes = self.raised_bytes.saturating_sub(telling.bytes());
        match raised.state {
            Progress::Alone => outcome.map(|_| String::new()),
            Progress::Ended => Ok(String::new()),
            Progress::Waiting {
                handlers,
                outcome: sender,
            } => {
                self.call.ambient = raised.ambient;
                let told = outcome
                    .map_err(Error::from)
                    .and_then(|patches| telling.append(&patches));
                let known = *told.as_ref().unwrap_or(&raised.known);
                // The receiver is gone only if its handler is, and then the handlers' own error is the answer.
                let _ = sender.send(told.map(drop));
                handlers.await?;
                Ok(telling.since(known))
            }
        }
    }

    async fn drop(&mut self, raised: Resource<RaisedState>) -> wasmtime::Result<()> {
        let raised = self.table.delete(raised)?;
        self.raised_bytes = self.raised_bytes.saturating_sub(raised.telling.bytes());
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
    async fn call(&mut self, patches: String) -> Result<String, WitError> {
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
        let Next {
            telling,
            rest,
            gate,
        } = next;
        let known = telling.append(&patches)?;
        if rest.is_empty() {
            let (outcome, answer) = oneshot::channel();
            let ambient = self.call.ambient.clone();
            let gone = || Error::internal("the plugin that raised this event is gone");
            gate.send(Reached { ambient, outcome })
                .map_err(|_| gone())?;
            answer.await.map_err(|_| gone())??;
        } else {
            let cpu_left = self.cpu_left_ms();
            let call = self.call.nested(&self.plugin, cpu_left)?;
            run(self.host.clone(), call, telling.clone(), rest, gate).await?;
        }
        Ok(telling.since(known))
    }
}

/// Runs the first handler; the others follow when it calls `next`. Boxed: a chain may be long.
fn run(
    host: Arc<Host>,
    call: CallContext,
    telling: Arc<Telling>,
    mut links: Vec<Link>,
    gate: Gate,
) -> Unwinding {
    Box::pin(async move {
        let Link {
            generation,
            handler,
        } = links.remove(0);
        let next = Next {
            telling: telling.clone(),
            rest: links,
            gate,
        };
        let name = generation.plugin.name.clone();
        let params = (
            handler,
            telling.event.clone(),
            telling.document.clone(),
            telling.request.clone(),
            telling.since(0),
        );
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
                    Ok(Some(handle.call_async(store, params).await?.0))
                },
            )
            .await?;
        match answer {
            Some(answer) => telling.append(&answer?).map(drop),
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
