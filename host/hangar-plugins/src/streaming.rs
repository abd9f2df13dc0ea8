//! Responses that a plugin sends while it is still at work.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use hangar_core::Error;
use hangar_wit::errors::Error as WitError;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::Resource;

use crate::links::generated::hangar::http::streaming;
use crate::requests::{Answer, AnswerBody};
use crate::state::State;

/// Chunks that may wait for a slow client.
const WAITING: usize = 8;

type Chunk = io::Result<Bytes>;

/// Where the response of a request begins, if its plugin streams it.
pub(crate) type Reply = oneshot::Sender<Started>;

/// A response whose head is known.
pub(crate) struct Started {
    pub answer: Answer,
    /// Cuts the connection if the plugin fails.
    pub abort: mpsc::Sender<Chunk>,
}

/// The host's side of the resource `writer`.
pub struct StreamWriter(mpsc::Sender<Chunk>);

impl streaming::Host for State {
    async fn start(
        &mut self,
        status: u16,
        headers: Vec<(String, String)>,
    ) -> Result<Resource<StreamWriter>, WitError> {
        let refuse = |reason: &str| {
            Error::new(
                "stream_misused",
                500,
                format!(
                    "plugin \"{}\" cannot start a streamed response: {reason}",
                    self.plugin.name
                ),
            )
        };
        let reply = self.reply.take();
        let reply =
            reply.ok_or_else(|| refuse("it has started one, or is not serving a request"))?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let chunks = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Chunk>| {
            Some((receiver.recv().await?, receiver))
        });
        let answer = Answer {
            status,
            headers,
            body: AnswerBody::Stream(Box::pin(chunks)),
        };
        let started = Started {
            answer,
            abort: sender.clone(),
        };
        reply
            .send(started)
            .map_err(|_| refuse("the request is gone"))?;
        self.table
            .push(StreamWriter(sender))
            .map_err(|error| Error::internal(format!("too many resources: {error}")).into())
    }
}

impl streaming::HostWriter for State {
    async fn write(
        &mut self,
        writer: Resource<StreamWriter>,
        chunk: Vec<u8>,
    ) -> Result<(), WitError> {
        let sender = match self.table.get(&writer) {
            Ok(StreamWriter(sender)) => sender.clone(),
            Err(error) => {
                return Err(Error::internal(format!("this stream is not open: {error}")).into());
            }
        };
        if chunk.is_empty() {
            return Ok(());
        }
        let gone = |_| Error::new("client_gone", 499, "the client has closed the connection");
        sender.send(Ok(chunk.into())).await.map_err(gone)?;
        Ok(())
    }

    async fn drop(&mut self, writer: Resource<StreamWriter>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}
