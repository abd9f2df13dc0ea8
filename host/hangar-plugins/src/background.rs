//! Work of plugins that goes on after the call that began it: a plugin's own command, run as a top-level call. It is kept
//! in memory only: what has not run when the process ends is lost, and nothing is tried twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hangar_core::{Error, Limits, Result};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::host::Host;
use crate::state::State;

/// Bytes of the arguments of one piece of work.
const MAX_ARGUMENTS: usize = 64 << 10;

/// The work of all plugins.
#[derive(Default)]
pub(crate) struct Background {
    tasks: TaskTracker,
    lanes: Mutex<HashMap<Arc<str>, Arc<Lane>>>,
}

struct Lane {
    size: usize,
    turns: Semaphore,
    pending: AtomicUsize,
}

/// Counted as long as it lives.
struct Place(Arc<Lane>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Background {
    /// Waits for all work, running and waiting.
    pub(crate) async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn lane(&self, plugin: &Arc<str>, limits: &Limits) -> Arc<Lane> {
        let size = limits
            .background_concurrency
            .clamp(1, Semaphore::MAX_PERMITS);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        match lanes.get(plugin) {
            Some(lane) if lane.size == size => lane.clone(),
            _ => {
                let lane = Arc::new(Lane {
                    size,
                    turns: Semaphore::new(size),
                    pending: AtomicUsize::new(0),
                });
                lanes.insert(plugin.clone(), lane.clone());
                lane
            }
        }
    }

    fn place(&self, plugin: &Arc<str>, limits: &Limits) -> Result<Place> {
        let lane = self.lane(plugin, limits);
        let most = limits.background;
        let taken = lane
            .pending
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                (n < most).then_some(n + 1)
            });
        match taken {
            Ok(_) => Ok(Place(lane)),
            Err(_) => Err(Error::limit(
                plugin,
                "work in the background, running and waiting",
                most,
                "limits.background",
            )),
        }
    }
}

impl State {
    /// Starts the plugin's own command; it runs outside this call's transaction and in nobody's name.
    pub(crate) fn start_background(&self, name: String, arguments: Vec<String>) -> Result<()> {
        let plugin = self.plugin.name.clone();
        let bytes = arguments.iter().map(String::len).sum::<usize>();
        if bytes > MAX_ARGUMENTS {
            return Err(Error::bad_input(format!(
                "arguments of work in the background have at most {MAX_ARGUMENTS} bytes, not {bytes}: store them and pass where"
            )));
        }
        let host = self.host.clone();
        let place = host.background.place(&plugin, &self.plugin.limits)?;
        let request = self.call.request_id.clone();
        let work = {
            let host = host.clone();
            async move {
                let Ok(_turn) = place.0.turns.acquire().await else {
                    return;
                };
                let done = host
                    .run_command(&plugin, &name, arguments, request.clone())
                    .await;
                if let Err(error) = done {
                    tracing::error!(plugin = %plugin, request = %request, work = name, code = %error.code, "work in the background failed: {}", error.message);
                }
            }
        };
        host.background.tasks.spawn(work);
        Ok(())
    }
}

impl Host {
    /// Waits for the work in the background that has begun.
    pub async fn drain(&self) {
        self.background.drain().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_work_is_bounded_for_each_plugin() {
        let background = Background::default();
        let limits = Limits {
            background: 2,
            ..Limits::default()
        };
        let (shop, other): (Arc<str>, Arc<str>) = ("shop".into(), "other".into());
        let place = |plugin| background.place(plugin, &limits);
        let held = [place(&shop).expect("free"), place(&shop).expect("free")];
        let error = place(&shop).map(drop).expect_err("full");
        assert_eq!(error.code, "limit");
        assert!(error.message.contains("limits.background"), "{error}");
        assert!(place(&other).is_ok());
        drop(held);
        assert!(place(&shop).is_ok());
    }
}
