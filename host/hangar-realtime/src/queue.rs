//! What waits to be written to one client.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

/// What a waiting message costs beside its text, bytes.
const OVERHEAD: usize = 128;

/// How much is handed to the connection at once, bytes, where several messages wait.
const CHUNK: usize = 64 << 10;

/// A bounded queue with one reader.
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// Bytes that may wait. A single message may be larger.
    bound: usize,
}

#[derive(Default)]
struct Inner {
    messages: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
    reader: Option<Waker>,
}

impl Queue {
    pub fn new(bound: usize) -> Self {
        Self {
            inner: Mutex::default(),
            bound,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message; false if it does not fit any more.
    #[must_use]
    pub fn push(&self, message: Bytes) -> bool {
        let reader = {
            let mut inner = self.lock();
            if inner.closed {
                return true;
            }
            let bytes = inner.bytes + message.len() + OVERHEAD;
            if bytes > self.bound && !inner.messages.is_empty() {
                return false;
            }
            inner.bytes = bytes;
            inner.messages.push_back(message);
            inner.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }

    /// Ends the queue; what waits in it is dropped.
    pub fn close(&self) {
        let reader = {
            let mut inner = self.lock();
            inner.closed = true;
            inner.messages = VecDeque::new();
            inner.bytes = 0;
            inner.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The next bytes to write, each message after `prefix`; `None` once the queue is closed.
    pub fn poll(&self, context: &mut Context<'_>, prefix: &[u8]) -> Poll<Option<Bytes>> {
        let mut inner = self.lock();
        if inner.closed {
            return Poll::Ready(None);
        }
        let Some(first) = inner.messages.pop_front() else {
            inner.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        inner.bytes = inner.bytes.saturating_sub(first.len() + OVERHEAD);
        let mut chunk = BytesMut::with_capacity(prefix.len() + first.len());
        chunk.extend_from_slice(prefix);
        chunk.extend_from_slice(&first);
        while let Some(next) = inner
            .messages
            .pop_front_if(|next| chunk.len() + prefix.len() + next.len() <= CHUNK)
        {
            inner.bytes = inner.bytes.saturating_sub(next.len() + OVERHEAD);
            chunk.extend_from_slice(prefix);
            chunk.extend_from_slice(&next);
        }
        Poll::Ready(Some(chunk.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(queue: &Queue) -> Poll<Option<Bytes>> {
        queue.poll(&mut Context::from_waker(Waker::noop()), b"> ")
    }

    #[test]
    fn messages_come_in_order_each_after_the_prefix() {
        let queue = Queue::new(10_000);
        assert_eq!(read(&queue), Poll::Pending);
        assert!(queue.push("a".into()) && queue.push("b".into()));
        assert_eq!(read(&queue), Poll::Ready(Some("> a> b".into())));
        assert_eq!(read(&queue), Poll::Pending);
    }

    #[test]
    fn what_does_not_fit_is_refused_but_one_message_always_fits() {
        let queue = Queue::new(1_000);
        assert!(queue.push(Bytes::from(vec![b'x'; 5_000])));
        assert!(!queue.push("y".into()));
        assert!(matches!(read(&queue), Poll::Ready(Some(chunk)) if chunk.len() == 5_002));
        assert!(queue.push("y".into()));
    }

    #[test]
    fn a_closed_queue_ends_and_takes_no_more() {
        let queue = Queue::new(1_000);
        assert!(queue.push("a".into()));
        queue.close();
        assert!(queue.push("b".into()));
        assert_eq!(read(&queue), Poll::Ready(None));
    }
}
