use std::path::PathBuf;
use std::time::Duration;

use wasmtime::component::Component;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ProfilingStrategy, Store,
    UpdateDeadline,
};

use crate::cache::Cache;
use crate::meter::Metered;

/// Length of an epoch. CPU limits are counted in these; shorter ticks cost more wake-ups than they are worth.
pub const TICK: Duration = Duration::from_millis(10);

/// Address space the pooling allocator wants before it is worth having: each memory reserves 4 GiB.
const POOL_MEMORIES: u32 = 512;

/// With this variable set, the names of compiled functions are written to `/tmp/perf-<pid>.map`, where `perf` finds them.
const PERF_MAP: &str = "HANGAR_PERF_MAP";

/// The engine and its cache of compiled components.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    cache: Cache,
}

impl Runtime {
    /// Starts the engine. Compiled components are kept in `cache_dir`, which must be private to this user: what lies
    /// there is run as machine code. `memory` is the largest linear memory an instance may have, bytes.
    pub fn new(cache_dir: PathBuf, memory: usize) -> wasmtime::Result<Self> {
        let engine = match Engine::new(&config(memory, true)) {
            Ok(engine) => engine,
            Err(error) => {
                tracing::info!(%error, "no address space for pooled instances; allocating on demand");
                Engine::new(&config(memory, false))?
            }
        };
        let weak = engine.weak();
        std::thread::Builder::new()
            .name("hangar-epoch".into())
            .spawn(move || {
                loop {
                    std::thread::sleep(TICK);
                    match weak.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                }
            })
            .map_err(wasmtime::Error::from)?;
        Ok(Self {
            cache: Cache::new(cache_dir),
            engine,
        })
    }

    /// The engine, for linkers.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The compiled component, from the cache if this engine has compiled these bytes before. Takes up to seconds:
    /// call it off the async threads.
    pub fn compile(&self, bytes: &[u8]) -> wasmtime::Result<Component> {
        self.cache.compile(&self.engine, bytes)
    }

    /// A store whose guest code is held to the limits of `data`'s meter.
    pub fn store<T: Metered + Send + 'static>(&self, data: T) -> Store<T> {
        let mut store = Store::new(&self.engine, data);
        store.limiter(|data| data.meter());
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| {
            if context.data_mut().meter().tick() {
                Ok(UpdateDeadline::Yield(1))
            } else {
                Ok(UpdateDeadline::Interrupt)
            }
        });
        store
    }
}

fn config(memory: usize, pooling: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .wasm_component_model_async(true)
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20);
    if std::env::var_os(PERF_MAP).is_some() {
        config.profiler(ProfilingStrategy::PerfMap);
    }
    if pooling {
        let mut pool = PoolingAllocationConfig::default();
        pool.total_memories(POOL_MEMORIES)
            .max_memory_size(memory)
            .linear_memory_keep_resident(512 << 10)
            .table_keep_resident(16 << 10)
            .total_stacks(POOL_MEMORIES)
            .total_component_instances(POOL_MEMORIES)
            .total_core_instances(POOL_MEMORIES * 8)
            .total_tables(POOL_MEMORIES * 4)
            .max_core_instances_per_component(64)
            .max_memories_per_component(4)
            .max_tables_per_component(32)
            .max_component_instance_size(8 << 20)
            .max_core_instance_size(2 << 20)
            .table_elements(100_000);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}
