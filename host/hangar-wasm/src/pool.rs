use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Warm instances of one plugin. Bounded: at most `size` wait idle, at most `instances` are out on top-level calls.
/// Nested calls never wait (a hook that saves a record would otherwise deadlock with itself); they are bounded by the
/// depth of calls.
pub struct Pool<I> {
    idle: Mutex<Idle<I>>,
    size: usize,
    reuse: u32,
    permits: Arc<Semaphore>,
    queue: Duration,
}

/// The instances that wait; the one used last is taken first, so that those not needed stay at the front.
struct Idle<I> {
    waiting: Vec<(I, u32)>,
    /// The fewest that waited since the last look: so many were not needed.
    unneeded: usize,
}

/// An instance on loan. Give it back with [`Pool::give_back`] if it is sound; dropping it retires it.
pub struct Lease<I> {
    /// The instance.
    pub instance: I,
    uses_left: u32,
    _permit: Option<OwnedSemaphorePermit>,
}

/// Why there is no instance.
#[derive(Debug)]
pub enum Refused {
    /// All were busy for as long as a call may queue.
    Saturated,
}

impl<I> Pool<I> {
    /// A pool keeping `size` idle instances, each used about `reuse` times, with `instances` out at once and a queue in
    /// which a call waits at most `queue`.
    pub fn new(size: usize, instances: usize, reuse: u32, queue: Duration) -> Self {
        Self {
            idle: Mutex::new(Idle {
                waiting: Vec::new(),
                unneeded: 0,
            }),
            size,
            reuse: reuse.max(1),
            permits: Arc::new(Semaphore::new(instances.max(1))),
            queue,
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle<I>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An instance: a warm one if there is one, else a new one from `make`. `nested` calls do not queue.
    pub async fn acquire<E, F>(&self, nested: bool, make: F) -> Result<Result<Lease<I>, E>, Refused>
    where
        F: AsyncFnOnce() -> Result<I, E>,
    {
        let permit = match self.permits.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) if nested => None,
            Err(_) => {
                let waiting = self.permits.clone().acquire_owned();
                match tokio::time::timeout(self.queue, waiting).await {
                    Ok(Ok(permit)) => Some(permit),
                    _ => return Err(Refused::Saturated),
                }
            }
        };
        let warm = self.idle().take();
        let (instance, uses_left) = match warm {
            Some(warm) => warm,
            None => match make().await {
                Ok(instance) => (instance, self.jittered_reuse()),
                Err(error) => return Ok(Err(error)),
            },
        };
        Ok(Ok(Lease {
            instance,
            uses_left,
            _permit: permit,
        }))
    }

    /// Returns a sound instance for reuse, unless it has served its time or enough wait already.
    pub fn give_back(&self, lease: Lease<I>) {
        if lease.uses_left <= 1 {
            return;
        }
        let mut idle = self.idle();
        if idle.waiting.len() < self.size {
            idle.waiting.push((lease.instance, lease.uses_left - 1));
        }
    }

    /// Drops the instances that have not been needed since the last call of this.
    pub fn shrink(&self) {
        let retired: Vec<_> = {
            let mut idle = self.idle();
            let unneeded = idle.unneeded.min(idle.waiting.len());
            let retired = idle.waiting.drain(..unneeded).collect();
            idle.unneeded = idle.waiting.len();
            retired
        };
        // Outside the lock: unmapping memory takes its time.
        drop(retired);
    }

    /// Drops the idle instances.
    pub fn clear(&self) {
        let retired = std::mem::take(&mut self.idle().waiting);
        drop(retired);
    }

    /// How many instances wait idle.
    pub fn idle_count(&self) -> usize {
        self.idle().waiting.len()
    }

    /// Replacing all instances after the same number of calls would make them all go at once.
    fn jittered_reuse(&self) -> u32 {
        let quarter = self.reuse / 4;
        rand::random_range(self.reuse - quarter..=self.reuse + quarter)
    }
}

impl<I> Idle<I> {
    fn take(&mut self) -> Option<(I, u32)> {
        let taken = self.waiting.pop();
        self.unneeded = self.unneeded.min(self.waiting.len());
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(pool: &Pool<u32>, nested: bool, id: u32) -> Option<Lease<u32>> {
        match pool.acquire(nested, async || Ok::<u32, ()>(id)).await {
            Ok(Ok(lease)) => Some(lease),
            _ => None,
        }
    }

    #[tokio::test]
    async fn a_returned_instance_is_reused() {
        let pool = Pool::new(1, 2, 100, Duration::from_millis(10));
        let first = take(&pool, false, 1).await.expect("an instance");
        pool.give_back(first);
        let again = take(&pool, false, 2).await.expect("an instance");
        assert_eq!(again.instance, 1);
    }

    #[tokio::test]
    async fn a_saturated_pool_refuses_top_level_calls_and_lets_nested_ones_through() {
        let pool = Pool::new(1, 1, 100, Duration::from_millis(10));
        let _held = take(&pool, false, 1).await.expect("an instance");
        assert!(take(&pool, false, 2).await.is_none());
        assert_eq!(take(&pool, true, 3).await.expect("nested").instance, 3);
    }

    #[tokio::test]
    async fn instances_that_nobody_needed_are_dropped() {
        let pool = Pool::new(8, 8, 100, Duration::from_millis(10));
        let (a, b) = (take(&pool, false, 1).await, take(&pool, false, 2).await);
        for lease in [a, b].into_iter().flatten() {
            pool.give_back(lease);
        }
        // Both were needed since the beginning; of the next period only one is.
        pool.shrink();
        assert_eq!(pool.idle_count(), 2);
        let one = take(&pool, false, 3).await.expect("an instance");
        pool.give_back(one);
        pool.shrink();
        assert_eq!(pool.idle_count(), 1);
        pool.shrink();
        assert_eq!(pool.idle_count(), 0);
    }

    #[tokio::test]
    async fn an_instance_retires_after_its_uses() {
        let pool = Pool::new(4, 4, 1, Duration::from_millis(10));
        let lease = take(&pool, false, 1).await.expect("an instance");
        pool.give_back(lease);
        assert_eq!(pool.idle_count(), 0);
    }
}
