use std::io::Read;

use hangar_core::{Error, Result};
use tokio::sync::mpsc;

use crate::archive::Archive;

/// Bytes of a chunk.
const CHUNK: u64 = 256 << 10;
/// Chunks read ahead.
const AHEAD: usize = 2;

/// An entry of an archive, read by a thread of its own that waits while nobody asks.
pub struct Content(mpsc::Receiver<Result<Vec<u8>>>);

impl Content {
    /// Opens an entry.
    pub async fn open(archive: Archive, entry: String) -> Result<Self> {
        let (sender, mut chunks) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(&archive, &entry, &sender) {
                let _ = sender.blocking_send(Err(error));
            }
        });
        // The first message tells whether it is there.
        match chunks.recv().await {
            Some(Ok(_)) => Ok(Self(chunks)),
            Some(Err(error)) => Err(error),
            None => Err(Error::internal("the reader of the archive ended early")),
        }
    }

    /// The next bytes.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        self.0.recv().await.transpose()
    }
}

fn read(archive: &Archive, entry: &str, sender: &mpsc::Sender<Result<Vec<u8>>>) -> Result<()> {
    let mut zip = archive.read()?;
    let mut content = zip.by_name(entry).map_err(|error| {
        Error::new("not_found", 404, format!("{entry} in the archive: {error}"))
    })?;
    if sender.blocking_send(Ok(Vec::new())).is_err() {
        return Ok(());
    }
    loop {
        let mut chunk = Vec::new();
        let read = content.by_ref().take(CHUNK).read_to_end(&mut chunk);
        read.map_err(|error| {
            Error::bad_input(format!("{entry} in the archive is damaged: {error}"))
        })?;
        // Nobody listens any more: then nobody misses the rest.
        if chunk.is_empty() || sender.blocking_send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
}
