use hangar_core::{Error, Limits};
use wasmtime::Trap;

use crate::meter::Meter;

/// Turns what ended a guest call into an error that names the plugin and, where one was hit, the limit.
pub fn describe(plugin: &str, error: &wasmtime::Error, meter: &Meter, limits: &Limits) -> Error {
    if let Some(known) = error.downcast_ref::<Error>() {
        return known.clone();
    }
    if meter.cpu_exhausted() {
        let value = format!("{} ms", limits.cpu_ms);
        return Error::limit(plugin, "CPU time of a call", value, "limits.cpu-ms");
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
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    Error::new("trap", 500, format!("plugin \"{plugin}\" failed: {reason}"))
}
