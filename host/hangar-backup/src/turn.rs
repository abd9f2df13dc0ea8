//! One backup or restore at a time, on a database and not only in a process.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hangar_core::{Error, Result};

use crate::service::Later;

/// A lock that all processes on a database share. It must end with the process that holds it.
pub trait Lock: Send + Sync {
    /// Takes it for as long as what is answered lives; none if somebody has it.
    fn take(&self) -> Later<'_, Option<Box<dyn Any + Send>>>;

    /// Whether somebody has it.
    fn held(&self) -> Later<'_, bool>;
}

/// The backup that this process is at.
type Here = Arc<Mutex<Option<String>>>;

/// Whose turn it is.
#[derive(Clone)]
pub struct Turns {
    lock: Arc<dyn Lock>,
    here: Here,
}

/// A turn; it ends when this goes.
pub struct Turn {
    here: Here,
    held: Option<Box<dyn Any + Send>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.held.take());
        *of(&self.here) = None;
    }
}

fn of(here: &Here) -> MutexGuard<'_, Option<String>> {
    here.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turns {
    /// Nobody's turn yet.
    pub fn new(lock: Arc<dyn Lock>) -> Self {
        Self {
            lock,
            here: Here::default(),
        }
    }

    /// Takes the turn for a backup of this name.
    pub async fn take(&self, name: &str) -> Result<Turn> {
        let busy = || Error::new("busy", 409, "a backup is being made or restored already");
        {
            let mut here = of(&self.here);
            if here.is_some() {
                return Err(busy());
            }
            *here = Some(name.to_owned());
        }
        let mut turn = Turn {
            here: self.here.clone(),
            held: None,
        };
        turn.held = Some(self.lock.take().await?.ok_or_else(busy)?);
        Ok(turn)
    }

    /// The name of the backup whose turn it is; empty if it is one of another process.
    pub async fn taken(&self) -> Option<String> {
        if let Some(name) = of(&self.here).clone() {
            return Some(name);
        }
        match self.lock.held().await {
            Ok(held) => held.then(String::new),
            Err(error) => {
                tracing::warn!(%error, "whether another process makes a backup is not known");
                None
            }
        }
    }
}
