use wasmtime::ResourceLimiter;

use crate::engine::TICK;

/// Table elements one table of a guest may have.
const TABLE_ELEMENTS: usize = 100_000;

/// What one instance may use: memory for its life, CPU time for each call.
#[derive(Debug)]
pub struct Meter {
    memory_limit: usize,
    memory_used: usize,
    memory_denied: bool,
    ticks_left: u64,
    cpu_exhausted: bool,
}

/// Store data that carries a [`Meter`].
pub trait Metered {
    /// The meter of this store.
    fn meter(&mut self) -> &mut Meter;
}

impl Meter {
    /// A meter for an instance with at most `memory` bytes of linear memory and no CPU time yet.
    pub fn new(memory: usize) -> Self {
        Self {
            memory_limit: memory,
            memory_used: 0,
            memory_denied: false,
            ticks_left: 0,
            cpu_exhausted: false,
        }
    }

    /// Gives the next call so much CPU time, rounded up to ticks.
    pub fn grant_cpu_ms(&mut self, milliseconds: u64) {
        let tick = TICK.as_millis() as u64;
        self.ticks_left = milliseconds.div_ceil(tick).max(1);
        self.cpu_exhausted = false;
    }

    /// CPU time left, milliseconds.
    pub fn cpu_left_ms(&self) -> u64 {
        self.ticks_left * TICK.as_millis() as u64
    }

    /// One tick spent in guest code; false if that was the last.
    pub(crate) fn tick(&mut self) -> bool {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        self.cpu_exhausted = self.ticks_left == 0;
        !self.cpu_exhausted
    }

    /// Whether the guest was stopped for its CPU time.
    pub fn cpu_exhausted(&self) -> bool {
        self.cpu_exhausted
    }

    /// Whether the guest asked for more memory than it may have.
    pub fn memory_denied(&self) -> bool {
        self.memory_denied
    }

    /// Whether the instance has used so much memory that it should not be reused.
    pub fn memory_nearly_full(&self) -> bool {
        self.memory_used > self.memory_limit / 5 * 4
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A component may have several memories: what counts is their sum.
        let total = self.memory_used + desired.saturating_sub(current);
        if total > self.memory_limit {
            self.memory_denied = true;
            return Ok(false);
        }
        self.memory_used = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}
