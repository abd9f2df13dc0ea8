//! `hangar:log/logger`: structured lines from plugins. Needs no grant.
//!
//! Each line becomes a `tracing` event with target [`TARGET`] and the fields `plugin`, `request` and `fields`. What a
//! call may log is bounded by `limits.log-bytes`; the host keeps a [`Written`] per call.

use std::borrow::Cow;
use std::fmt::Write;

use hangar_core::Limits;
use serde_json::{Map, Value};
use tracing::{debug, enabled, error, info, warn};
use wasmtime::component::{HasData, Linker};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:log-host;
            world imports { import hangar:log/logger@0.1.0; }
        ",
        path: ["../../wit/types", "../../wit/log"],
    });
}

use generated::hangar::log::logger;
pub use generated::hangar::log::logger::Level;

/// The `tracing` target of every line a plugin logs; filter with `plugin=debug`.
pub const TARGET: &str = "plugin";

/// What one call has logged so far. Start each call with a fresh one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes of messages and fields let through.
    pub bytes: usize,
    /// Lines dropped because the limit was reached.
    pub dropped: u64,
}

impl Written {
    /// Ends a call: says in the log how many lines were dropped, if any, and starts again at zero.
    pub fn finish(&mut self, plugin: &str, request: &str) {
        let done = std::mem::take(self);
        if done.dropped > 0 {
            warn!(target: TARGET, plugin, request, dropped = done.dropped, "log lines were dropped (setting limits.log-bytes)");
        }
    }

    /// Whether a line of so many bytes still fits; counts it either way. Shorter lines after a dropped one may fit.
    fn admit(&mut self, bytes: usize, limit: usize) -> bool {
        match self.bytes.checked_add(bytes) {
            Some(sum) if sum <= limit => {
                self.bytes = sum;
                true
            }
            _ => {
                self.dropped += 1;
                false
            }
        }
    }
}

/// Keeps what plugins record.
pub trait Sink: Send + Sync {
    /// Takes a line; must not wait.
    fn record(&self, level: Level, message: String, fields: Map<String, Value>);
}

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Identifier of the request, as in `hangar:plugin/context`.
    pub request: &'a str,
    /// The plugin's limits (`log_bytes`).
    pub limits: &'a Limits,
    /// The call's counter.
    pub written: &'a mut Written,
    /// Where recorded lines go, too.
    pub sink: Option<&'a dyn Sink>,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links `hangar:log/logger`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    logger::add_to_linker::<T, Has>(linker, get)
}

impl View<'_> {
    /// Counts a line; says once that some are dropped.
    fn admit(&mut self, message: &str, fields: &str) -> bool {
        let limit = self.limits.log_bytes;
        if !self.written.admit(message.len() + fields.len(), limit) {
            if self.written.dropped == 1 {
                warn!(
                    target: TARGET,
                    plugin = self.plugin,
                    request = self.request,
                    "this call logged more than {limit} bytes; what is over is dropped (setting limits.log-bytes)"
                );
            }
            return false;
        }
        true
    }

    fn print(&self, level: Level, message: &str, fields: &str) {
        let (plugin, request) = (self.plugin, self.request);
        let (message, fields) = (one_line(message), fields_object(fields));
        let fields = fields.as_str();
        match level {
            Level::Debug => debug!(target: TARGET, plugin, request, fields, "{message}"),
            Level::Info => info!(target: TARGET, plugin, request, fields, "{message}"),
            Level::Warn => warn!(target: TARGET, plugin, request, fields, "{message}"),
            Level::Error => error!(target: TARGET, plugin, request, fields, "{message}"),
        }
    }
}

impl logger::Host for View<'_> {
    fn log(&mut self, level: Level, message: String, fields: String) {
        if wanted(level) && self.admit(&message, &fields) {
            self.print(level, &message, &fields);
        }
    }

    fn record(&mut self, level: Level, message: String, fields: String) {
        if !self.admit(&message, &fields) {
            return;
        }
        if wanted(level) {
            self.print(level, &message, &fields);
        }
        if let Some(sink) = self.sink {
            sink.record(level, message, object(&fields));
        }
    }
}

/// Whether anyone listens: a filtered line costs neither work nor budget.
fn wanted(level: Level) -> bool {
    match level {
        Level::Debug => enabled!(target: TARGET, tracing::Level::DEBUG),
        Level::Info => enabled!(target: TARGET, tracing::Level::INFO),
        Level::Warn => enabled!(target: TARGET, tracing::Level::WARN),
        Level::Error => enabled!(target: TARGET, tracing::Level::ERROR),
    }
}

/// Escapes control characters, so that a plugin can neither forge a second line nor send escape codes to a terminal.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            // Writing to a String cannot fail.
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
    }
    Cow::Owned(line)
}

/// The fields as compact JSON. What is no JSON object is kept as text under `text` rather than lost.
fn fields_object(fields: &str) -> String {
    Value::Object(object(fields)).to_string()
}

fn object(fields: &str) -> Map<String, Value> {
    if fields.is_empty() {
        return Map::new();
    }
    serde_json::from_str::<Map<String, Value>>(fields)
        .unwrap_or_else(|_| Map::from_iter([("text".to_owned(), Value::from(fields))]))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::logger::Host as _;
    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("not poisoned")
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Logs through a view under a JSON subscriber and returns the lines and the counter.
    fn captured(log_bytes: usize, calls: &[(Level, &str, &str)]) -> (Vec<Value>, Written) {
        let out = Lines::default();
        let sink = out.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || sink.clone())
            .finish();
        let limits = Limits {
            log_bytes,
            ..Limits::default()
        };
        let mut written = Written::default();
        tracing::subscriber::with_default(subscriber, || {
            for (level, message, fields) in calls {
                let mut view = View {
                    plugin: "shop",
                    request: "r1",
                    limits: &limits,
                    written: &mut written,
                    sink: None,
                };
                view.log(*level, (*message).into(), (*fields).into());
            }
        });
        let text = String::from_utf8(out.0.lock().expect("not poisoned").clone()).expect("UTF-8");
        let lines = text
            .lines()
            .map(|l| serde_json::from_str(l).expect("a JSON line"))
            .collect();
        (lines, written)
    }

    #[test]
    fn a_line_carries_plugin_request_and_fields() {
        let (lines, written) = captured(1000, &[(Level::Warn, "low stock", r#"{"sku": 7}"#)]);
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (&lines[0]["target"], &lines[0]["level"]),
            (&"plugin".into(), &"WARN".into())
        );
        let fields = &lines[0]["fields"];
        assert_eq!(fields["message"], "low stock");
        assert_eq!(fields["plugin"], "shop");
        assert_eq!(fields["request"], "r1");
        assert_eq!(fields["fields"], r#"{"sku":7}"#);
        assert_eq!(
            written,
            Written {
                bytes: 9 + 10,
                dropped: 0
            }
        );
    }

    #[test]
    fn what_is_over_the_limit_is_dropped_counted_and_said_once() {
        let calls = [
            (Level::Info, "12345678", ""),
            (Level::Info, "far too long", ""),
            (Level::Info, "far too long", ""),
            (Level::Info, "ok", ""),
        ];
        let (lines, written) = captured(10, &calls);
        assert_eq!(
            written,
            Written {
                bytes: 10,
                dropped: 2
            }
        );
        let messages: Vec<&str> = lines
            .iter()
            .filter_map(|l| l["fields"]["message"].as_str())
            .collect();
        assert_eq!(messages.len(), 3);
        assert_eq!((messages[0], messages[2]), ("12345678", "ok"));
        assert!(messages[1].contains("limits.log-bytes") && messages[1].contains("10 bytes"));
    }

    #[test]
    fn filtered_levels_cost_nothing() {
        let (lines, written) = captured(10, &[(Level::Debug, "a long debugging text", "")]);
        assert!(lines.is_empty());
        assert_eq!(written, Written::default());
    }

    #[test]
    fn control_characters_cannot_forge_lines() {
        assert_eq!(one_line("plain ü"), "plain ü");
        assert_eq!(
            one_line("a\nINFO forged\u{1b}[31m"),
            r"a\nINFO forged\u{1b}[31m"
        );
    }

    #[test]
    fn fields_that_are_no_object_are_kept_as_text() {
        assert_eq!(fields_object(""), "{}");
        assert_eq!(fields_object("[1]"), r#"{"text":"[1]"}"#);
        assert_eq!(fields_object("{\"a\":\n1}"), r#"{"a":1}"#);
    }

    #[test]
    fn the_end_of_a_call_resets_the_counter() {
        let mut written = Written {
            bytes: 4,
            dropped: 2,
        };
        written.finish("shop", "r1");
        assert_eq!(written, Written::default());
    }
}
