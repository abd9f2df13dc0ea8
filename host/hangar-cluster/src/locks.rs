//! The two locks that let several processes share one cluster. Both vanish with the process that holds them, so a
//! kill -9 leaves nothing behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How often a held lock is tried again.
const RETRY: Duration = Duration::from_millis(25);

/// Held while the server is being started or stopped.
pub(crate) struct StartLock(File);

impl StartLock {
    /// Waits until no other process starts or stops the server.
    pub(crate) async fn take(dir: &Path, wait: Duration) -> Result<Self> {
        let path = dir.join("postgres.lock");
        let file = open(&path)?;
        let began = Instant::now();
        while !try_lock(&file, &path)? {
            if began.elapsed() >= wait {
                return Err(Error::Busy {
                    path,
                    seconds: wait.as_secs(),
                });
            }
            tokio::time::sleep(RETRY).await;
        }
        Ok(Self(file))
    }

    /// The same without waiting: `None` when another process has it.
    pub(crate) fn try_take(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join("postgres.lock");
        let file = open(&path)?;
        Ok(try_lock(&file, &path)?.then_some(Self(file)))
    }
}

impl Drop for StartLock {
    fn drop(&mut self) {
        // Said outright, because a child that is about to exec still shares the open file.
        let _ = self.0.unlock();
    }
}

/// Held by every process that uses the server. Taken and given up only under the [`StartLock`].
#[derive(Debug)]
pub(crate) struct UsersLock(File);

impl UsersLock {
    /// Joins the users. The flag says whether there was no other one.
    pub(crate) fn join(dir: &Path) -> Result<(Self, bool)> {
        let path = dir.join("postgres.users");
        let file = open(&path)?;
        let alone = try_lock(&file, &path)?;
        if alone {
            file.unlock().map_err(Error::io("unlock", &path))?;
        }
        match file.try_lock_shared() {
            Ok(()) => Ok((Self(file), alone)),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", &path)(e)),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { path, seconds: 0 }),
        }
    }

    /// Leaves the users. Says whether no other one is left.
    pub(crate) fn leave(&self) -> bool {
        let _ = self.0.unlock();
        let alone = self.0.try_lock().is_ok();
        let _ = self.0.unlock();
        alone
    }

    /// Whether another process uses the server too.
    pub(crate) fn shared_with_others(&self) -> Result<bool> {
        let alone = self.leave();
        match self.0.try_lock_shared() {
            Ok(()) => Ok(!alone),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", Path::new("postgres.users"))(e)),
            Err(TryLockError::WouldBlock) => Ok(true),
        }
    }
}

/// Opens a lock file. Locking needs no right to write, so one made by another user (root, say) serves as well.
fn open(path: &Path) -> Result<File> {
    match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            options
                .open(path)
                .map_err(Error::io("create the lock file", path))
        }
        other => other.map_err(Error::io("open the lock file", path)),
    }
}

fn try_lock(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(e)) => Err(Error::io("lock", path)(e)),
    }
}
