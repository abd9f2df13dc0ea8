//! The body of a client's response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep};

use crate::broker::Realtime;
use crate::client::Client;

/// Messages of a client as they come. Dropping it is how the broker learns that the client is gone.
pub(crate) struct Messages {
    broker: Realtime,
    client: Arc<Client>,
    /// The line every message begins with.
    prefix: Vec<u8>,
    idle_for: Duration,
    idle: Pin<Box<Sleep>>,
    end: Pin<Box<Sleep>>,
}

impl Messages {
    pub fn new(broker: Realtime, client: Arc<Client>, idle_for: Duration, life: Duration) -> Self {
        Self {
            broker,
            prefix: format!("id:{}\n", client.id).into_bytes(),
            client,
            idle_for,
            idle: Box::pin(sleep(idle_for)),
            end: Box::pin(sleep(life)),
        }
    }
}

impl Stream for Messages {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        match this.client.queue.poll(context, &this.prefix) {
            Poll::Ready(Some(bytes)) => {
                this.idle.as_mut().reset(Instant::now() + this.idle_for);
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => this.idle.as_mut().poll(context).map(|()| None),
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.broker.left(&self.client);
    }
}
