//! Clients come, subscribe, are told, go.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use hangar_core::{Error, Limits, Result};
use hangar_wit::{Body, Content, Produced};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::changes::{Change, Group, Matcher, questions};
use crate::client::{Client, Identity, State, message};
use crate::registry::Registry;
use crate::screen::Screen;
use crate::stream::Messages;
use crate::worker::{self, Job};

/// Longest topic and channel, bytes.
const TOPIC: usize = 4096;

/// What a waiting change costs beside its text, bytes.
const OVERHEAD: usize = 512;

/// The clients of this node and what is on its way to them.
#[derive(Clone)]
pub struct Realtime(Arc<Inner>);

struct Inner {
    limits: Limits,
    registry: RwLock<Registry>,
    /// Streams open, those of clients that were disconnected and do not read on included.
    streams: AtomicUsize,
    stopping: AtomicBool,
    jobs: mpsc::UnboundedSender<Job>,
    waiting: Mutex<Option<mpsc::UnboundedReceiver<Job>>>,
    /// Bytes of the jobs that wait.
    backlog: AtomicUsize,
}

/// The options of `connect`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    greeting: Option<Greeting>,
    attributes: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Greeting {
    event: String,
    data: String,
}

/// The state of `set`.
#[derive(Deserialize)]
struct Wanted {
    topics: Vec<WantedTopic>,
    identity: Option<Box<RawValue>>,
    was: Option<String>,
}

#[derive(Deserialize)]
struct WantedTopic {
    topic: String,
    channel: String,
}

/// A message of `send`.
#[derive(Deserialize, Serialize)]
pub(crate) struct Outgoing {
    pub clients: Vec<String>,
    pub event: String,
    pub data: String,
}

/// What `client` answers.
#[derive(Serialize)]
struct Description<'a> {
    topics: Vec<Topic<'a>>,
    identity: Option<&'a RawValue>,
    attributes: &'a RawValue,
}

#[derive(Serialize)]
struct Topic<'a> {
    topic: &'a str,
    channel: &'a str,
}

impl Realtime {
    /// A broker without clients. `limits` are the general ones.
    pub fn new(limits: Limits) -> Self {
        let (jobs, waiting) = mpsc::unbounded_channel();
        Self(Arc::new(Inner {
            limits,
            registry: RwLock::default(),
            streams: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            jobs,
            waiting: Mutex::new(Some(waiting)),
            backlog: AtomicUsize::new(0),
        }))
    }

    /// Begins to match and deliver, in a task of its own. Only the first call counts.
    pub fn start(&self, matcher: Arc<dyn Screen>) {
        let mut waiting = self
            .0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = waiting.take() {
            tokio::spawn(worker::run(self.clone(), jobs, matcher));
        }
    }

    /// Ends all streams and refuses new ones: the server stops.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
        let clients = self.write().take();
        for client in clients {
            client.queue.close();
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.0
            .registry
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a message is within the limit.
    pub(crate) fn fits(&self, data: &str) -> bool {
        data.len() <= self.0.limits.realtime_message_bytes
    }

    fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.0
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connect(&self, plugin: &str, options: &str) -> Result<(String, Body)> {
        let options: Options = parse("options of connect", options)?;
        let limits = &self.0.limits;
        let attributes = match options.attributes {
            Some(attributes) => attributes,
            None => parse("attributes", "{}")?,
        };
        let client = Arc::new(Client::new(attributes, limits.realtime_queue_bytes)?);
        let most = limits.realtime_connections;
        let taken = self
            .0
            .streams
            .try_update(Ordering::AcqRel, Ordering::Acquire, |open| {
                (open < most).then_some(open + 1)
            });
        if taken.is_err() {
            return Err(Error::limit(
                plugin,
                "event streams open at once",
                most,
                "limits.realtime-connections",
            ));
        }
        let messages = Messages::new(
            self.clone(),
            client.clone(),
            Duration::from_millis(limits.realtime_idle_ms),
            Duration::from_millis(limits.realtime_life_ms),
        );
        if let Some(greeting) = options.greeting {
            let data = greeting.data.replace("{id}", &client.id);
            // An empty queue takes any message.
            let _ = client.queue.push(message(&greeting.event, &data));
        }
        self.write().insert(client.clone());
        if self.0.stopping.load(Ordering::Acquire) {
            return Err(Error::new("stopping", 503, "the server is stopping"));
        }
        let body = Body::new(async move {
            Ok(Produced {
                status: None,
                empty: false,
                headers: Vec::new(),
                content: Content::Stream(Box::pin(messages)),
            })
        });
        Ok((client.id.to_string(), body))
    }

    /// A client's stream has ended.
    pub(crate) fn left(&self, client: &Arc<Client>) {
        self.write().remove(client);
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }

    /// Ends a client's stream: it is to reconnect and read anew.
    pub(crate) fn disconnect(&self, client: &Arc<Client>) {
        self.write().remove(client);
        client.queue.close();
    }

    pub(crate) fn describe(&self, id: &str) -> Result<Option<String>> {
        let Some(client) = self.read().get(id).cloned() else {
            return Ok(None);
        };
        let state = client.state();
        let identity = match &state.identity {
            Some(identity) => Some(parse::<&RawValue>("an identity", &identity.document)?),
            None => None,
        };
        let description = Description {
            topics: state
                .channels
                .iter()
                .flat_map(|(channel, topics)| {
                    topics.iter().map(move |topic| Topic { topic, channel })
                })
                .collect(),
            identity,
            attributes: &client.attributes,
        };
        serde_json::to_string(&description)
            .map(Some)
            .map_err(|error| Error::internal(error.to_string()))
    }

    pub(crate) fn set(&self, plugin: &str, id: &str, state: &str) -> Result<()> {
        let wanted: Wanted = parse("a client's state", state)?;
        let limits = &self.0.limits;
        if wanted.topics.len() > limits.realtime_topics {
            return Err(Error::limit(
                plugin,
                "subscriptions of one client",
                limits.realtime_topics,
                "limits.realtime-topics",
            ));
        }
        let mut new = State {
            identity: match &wanted.identity {
                Some(document) => Some(Arc::new(Identity::parse(document.get())?)),
                None => None,
            },
            ..State::default()
        };
        let mut seen = HashSet::new();
        for WantedTopic { topic, channel } in &wanted.topics {
            if topic.len() > TOPIC || channel.len() > TOPIC {
                return Err(Error::bad_input(format!(
                    "a topic has at most {TOPIC} bytes"
                )));
            }
            if seen.insert(topic) {
                let topics = new.channels.entry(channel.as_str().into()).or_default();
                topics.push(topic.as_str().into());
            }
        }
        let mut registry = self.write();
        let client = registry.get(id).cloned().ok_or_else(|| {
            Error::new(
                "not_found",
                404,
                "there is no client of this id on this node",
            )
        })?;
        if client.state().subject() != wanted.was.as_deref() {
            return Err(Error::new(
                "conflict",
                409,
                "the client has become somebody else meanwhile",
            ));
        }
        let bytes = registry.topic_bytes.saturating_sub(client.state().size()) + new.size();
        if bytes > limits.realtime_topics_bytes {
            return Err(Error::limit(
                plugin,
                "text of all subscriptions",
                format!("{} MiB", limits.realtime_topics_bytes >> 20),
                "limits.realtime-topics-bytes",
            ));
        }
        registry.set(&client, new);
        Ok(())
    }

    pub(crate) fn listening(&self, channels: &[String]) -> bool {
        self.read().listening(channels)
    }

    pub(crate) fn identified(&self, subject: &str) -> usize {
        self.read().identified(subject)
    }

    pub(crate) fn renew(&self, subject: &str, identity: Option<&str>) -> Result<usize> {
        let identity = identity.map(Identity::parse).transpose()?.map(Arc::new);
        let mut registry = self.write();
        let clients = registry.of_subject(subject);
        for client in &clients {
            let state = client.state();
            let new = State {
                channels: state.channels.clone(),
                identity: identity.clone(),
            };
            registry.set(client, new);
        }
        Ok(clients.len())
    }

    pub(crate) fn post(&self, plugin: &str, channels: &[String], change: &str) -> Result<()> {
        let document: Box<RawValue> = parse("a change", change)?;
        let groups = self.read().audience(channels);
        if groups.is_empty() {
            return Ok(());
        }
        let job = Job::Change(Change { document, groups });
        if let Err(Job::Change(refused)) = self.enqueue(job) {
            tracing::warn!(
                plugin,
                "more changes wait to be matched than limits.realtime-backlog-bytes allows; those who would hear of \
                 this one are disconnected"
            );
            self.give_up(&refused.groups);
        }
        Ok(())
    }

    /// Hands a job to the worker, or back if too much waits.
    fn enqueue(&self, job: Job) -> Result<(), Job> {
        let most = self.0.limits.realtime_backlog_bytes;
        let size = job.size() + OVERHEAD;
        let fits = self
            .0
            .backlog
            .try_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
                (waiting == 0 || waiting + size <= most).then_some(waiting + size)
            });
        match fits {
            Ok(_) => self.0.jobs.send(job).map_err(|refused| refused.0),
            Err(_) => Err(job),
        }
    }

    /// The worker has taken a job.
    pub(crate) fn taken(&self, job: &Job) {
        self.0
            .backlog
            .fetch_sub(job.size() + OVERHEAD, Ordering::AcqRel);
    }

    /// Disconnects groups that could not be told.
    pub(crate) fn give_up(&self, groups: &[Group]) {
        for member in groups.iter().flat_map(|group| &group.members) {
            self.disconnect(&member.client);
        }
    }

    pub(crate) async fn prepare(
        &self,
        channels: &[String],
        change: &str,
        matcher: &dyn Matcher,
    ) -> Result<String> {
        let document: Box<RawValue> = parse("a change", change)?;
        let groups = self.read().audience(channels);
        let changes = [Change { document, groups }];
        let mut messages = Vec::new();
        for question in questions(&changes) {
            for (groups, data) in question.ask(matcher).await? {
                messages.extend(groups.into_iter().map(|group| {
                    Outgoing {
                        clients: group
                            .members
                            .iter()
                            .map(|member| member.client.id.to_string())
                            .collect(),
                        event: group.topic.to_string(),
                        data: data.clone(),
                    }
                }));
            }
        }
        serde_json::to_string(&messages).map_err(|error| Error::internal(error.to_string()))
    }

    pub(crate) fn send(&self, plugin: &str, messages: &str) -> Result<usize> {
        let messages: Vec<Outgoing> = parse("messages", messages)?;
        if !messages.iter().all(|message| self.fits(&message.data)) {
            return Err(self.too_large(plugin));
        }
        let present: HashSet<&String> = {
            let registry = self.read();
            let named = messages.iter().flat_map(|message| &message.clients);
            named.filter(|id| registry.get(id).is_some()).collect()
        };
        let count = present.len();
        if count == 0 {
            return Ok(0);
        }
        if let Err(Job::Messages(refused)) = self.enqueue(Job::Messages(messages)) {
            let named = refused.iter().flat_map(|message| &message.clients);
            let clients: Vec<_> = {
                let registry = self.read();
                named.filter_map(|id| registry.get(id).cloned()).collect()
            };
            tracing::warn!(
                plugin,
                "more waits to be sent than limits.realtime-backlog-bytes allows; those it was for are disconnected"
            );
            for client in &clients {
                self.disconnect(client);
            }
        }
        Ok(count)
    }

    pub(crate) fn too_large(&self, plugin: &str) -> Error {
        Error::limit(
            plugin,
            "size of a message to event streams",
            format!("{} MiB", self.0.limits.realtime_message_bytes >> 20),
            "limits.realtime-message-bytes",
        )
    }
}

fn parse<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Error::bad_input(format!("{what} cannot be read: {error}")))
}
