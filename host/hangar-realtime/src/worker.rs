//! Matching and delivery, apart from whoever posts: one task, so that every client sees changes in their order.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::broker::{Outgoing, Realtime};
use crate::changes::{Change, Question, questions};
use crate::screen::Screen;

/// Changes taken at once where many wait.
const TOGETHER: usize = 256;

/// What waits for the worker.
pub(crate) enum Job {
    /// Somebody may want to hear of a change.
    Change(Change),
    /// Messages are ready.
    Messages(Vec<Outgoing>),
}

impl Job {
    /// Bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::Change(change) => change.document.get().len(),
            Self::Messages(messages) => messages
                .iter()
                .map(|message| message.event.len() + message.data.len())
                .sum(),
        }
    }
}

/// Runs for as long as the broker lives.
pub(crate) async fn run(
    broker: Realtime,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    matcher: Arc<dyn Screen>,
) {
    let mut taken = Vec::new();
    while jobs.recv_many(&mut taken, TOGETHER).await > 0 {
        let mut changes = Vec::new();
        for job in taken.drain(..) {
            broker.taken(&job);
            match job {
                Job::Change(change) => changes.push(change),
                Job::Messages(messages) => {
                    settle(&broker, &std::mem::take(&mut changes), &*matcher).await;
                    for message in &messages {
                        broker.tell_clients(message, &*matcher).await;
                    }
                }
            }
        }
        settle(&broker, &changes, &*matcher).await;
    }
}

async fn settle(broker: &Realtime, changes: &[Change], matcher: &dyn Screen) {
    for question in questions(changes) {
        if tell(broker, &question, matcher).await || question.0.len() < 2 {
            continue;
        }
        // One that fails must not take the others with it.
        for part in question.0 {
            tell(broker, &Question(vec![part]), matcher).await;
        }
    }
}

/// Asks and tells; false if several changes failed together.
async fn tell(broker: &Realtime, question: &Question<'_>, matcher: &dyn Screen) -> bool {
    match question.ask(matcher).await {
        Ok(told) => {
            for (groups, data) in told {
                broker.tell(&groups, &data, matcher).await;
            }
        }
        Err(_) if question.0.len() > 1 => return false,
        Err(error) => {
            tracing::error!(%error, "a change could not be matched; those who might have heard of it are disconnected");
            for part in &question.0 {
                broker.give_up(part.groups);
            }
        }
    }
    true
}
