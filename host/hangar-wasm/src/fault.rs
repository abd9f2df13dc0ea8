use hangar_core::{Error, Limits};
use wasmtime::Trap;

use crate::meter::Meter;

/// Turns what ended a guest call into an error that names the plugin and, where one was hit, the limit. `starting` says
/// that the limits of `start` and `activate` held.
pub fn describe(
    plugin: &str,
    error: &wasmtime::Error,
    meter: &Meter,
    limits: &Limits,
    starting: bool,
) -> Error {
    if let Some(known) = error.downcast_ref::<Error>() {
        return known.clone();
    }
    if meter.cpu_exhausted() {
        let (milliseconds, setting) = if starting {
            (limits.start_cpu_ms, "limits.start-cpu-ms")
        } else {
            (limits.cpu_ms, "limits.cpu-ms")
        };
        return Error::limit(
            plugin,
            "CPU time of a call",
            format!("{milliseconds} ms"),
            setting,
        );
    }
    if meter.memory_denied() {
        let value = format!("{} MiB", limits.memory >> 20);
        return Error::limit(plugin, "memory of an instance", value, "limits.memory");
    }
    let reason = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => "its stack overflowed (at most 1 MiB)".to_owned(),
        Some(Trap::UnreachableCodeReached) => {
            "it aborted (a panic or failed assertion in the plugin)".to_owned()
        }
        // The stack that a compiler keeps in linear memory runs below its start before the real one is full.
        Some(Trap::MemoryOutOfBounds) => {
            "it read or wrote outside of its memory (a bug in the plugin, or its stack overflowed)"
                .to_owned()
        }
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    Error::new("trap", 500, format!("plugin \"{plugin}\" failed: {reason}"))
}
