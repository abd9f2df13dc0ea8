use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What went wrong in a load, in the order it was seen.
pub type Failures = Vec<String>;

/// Threads that repeat a request until they are told to stop. Each repetition answers `Ok` or what was wrong.
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    failures: Arc<Mutex<Failures>>,
    threads: Vec<JoinHandle<()>>,
}

/// Failures kept; more say nothing new.
const KEPT: usize = 20;

impl Load {
    /// Starts `threads` threads, each repeating its own `make(number)`.
    pub fn start<W>(threads: usize, make: impl Fn(usize) -> W) -> Self
    where
        W: FnMut() -> Result<(), String> + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let failures = Arc::new(Mutex::new(Failures::new()));
        let threads = (0..threads).map(|number| {
            let mut work = make(number);
            let (stop, done, failures) = (stop.clone(), done.clone(), failures.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Acquire) {
                    match work() {
                        Ok(()) => {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(failure) => {
                            let mut failures = failures.lock().expect("not poisoned");
                            if failures.len() < KEPT {
                                failures.push(failure);
                            }
                            // A server that is down would otherwise be asked as fast as the machine can.
                            std::thread::sleep(std::time::Duration::from_millis(5));
                        }
                    }
                }
            })
        });
        let threads = threads.collect();
        Self {
            stop,
            done,
            failures,
            threads,
        }
    }

    /// Repetitions that went well so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Stops; answers how many repetitions went well and what went wrong.
    pub fn stop(mut self) -> (u64, Failures) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.join().expect("a thread of the load does not panic");
        }
        let failures = std::mem::take(&mut *self.failures.lock().expect("not poisoned"));
        (self.done(), failures)
    }

    /// Stops; panics unless at least `least` repetitions went well and none went wrong.
    #[track_caller]
    pub fn stop_without_failure(self, least: u64) {
        let (done, failures) = self.stop();
        assert!(failures.is_empty(), "{done} went well, but: {failures:#?}");
        assert!(
            done >= least,
            "only {done} repetitions, expected {least} or more"
        );
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}
