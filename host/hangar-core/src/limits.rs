use serde::{Deserialize, Serialize};

/// Every bound of the host in one place. Each is settable in hangar.toml under `[limits]`, and those of plugins under
/// `[plugins.NAME.limits]` too. An error that hits one names it as written here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Linear memory of one plugin instance, bytes.
    pub memory: usize,
    /// Time a call may spend running guest code, milliseconds. Waiting for the database does not count.
    pub cpu_ms: u64,
    /// Time a call may take altogether, milliseconds.
    pub wall_ms: u64,
    /// The same two for `start` and `activate`.
    pub start_cpu_ms: u64,
    /// See `start_cpu_ms`.
    pub start_wall_ms: u64,
    /// How deep plugins may call one another in one request.
    pub depth: u32,
    /// Warm instances kept for a plugin; those not needed for a minute are dropped.
    pub pool_size: usize,
    /// Instances of a plugin alive at once, warm and one-shot together.
    pub instances: usize,
    /// How long a call waits for an instance, milliseconds, before it is refused with 503.
    pub queue_ms: u64,
    /// Calls an instance serves before it is replaced (drawn from this ± 25 %).
    pub reuse: u32,
    /// Request body, bytes, where the route sets no other.
    pub body_bytes: usize,
    /// Response body a plugin may answer, bytes.
    pub response_bytes: usize,
    /// Text logged by one call, bytes.
    pub log_bytes: usize,
    /// Rows one statement may return to a plugin or a body.
    pub rows: usize,
    /// Bytes the rows of one statement may take.
    pub rows_bytes: usize,
    /// One statement, milliseconds.
    pub statement_ms: u64,
    /// One transaction, milliseconds.
    pub transaction_ms: u64,
    /// A command that may run long, milliseconds; its statements and transactions, too.
    pub command_ms: u64,
    /// Keys of a plugin in `hangar:kv`.
    pub kv_keys: u64,
    /// One value in `hangar:kv`, bytes.
    pub kv_value_bytes: usize,
    /// Body of an outgoing response, bytes.
    pub fetch_bytes: usize,
    /// One outgoing request, milliseconds.
    pub fetch_ms: u64,
    /// Outgoing requests of a plugin at once.
    pub fetch_concurrency: usize,
    /// Event streams open at once; more are refused with 503.
    pub realtime_connections: usize,
    /// Subscriptions of one client.
    pub realtime_topics: usize,
    /// Text of the subscriptions of all clients together, bytes.
    pub realtime_topics_bytes: usize,
    /// One message to event streams, bytes.
    pub realtime_message_bytes: usize,
    /// Messages that may wait for one client, bytes; one that is slower is disconnected.
    pub realtime_queue_bytes: usize,
    /// Changes that may wait to be matched to clients, bytes.
    pub realtime_backlog_bytes: usize,
    /// How long an event stream stays open without a message, milliseconds.
    pub realtime_idle_ms: u64,
    /// How long an event stream stays open at most, milliseconds.
    pub realtime_life_ms: u64,
    /// Size of a mail, bytes.
    pub mail_bytes: usize,
    /// Sending one mail, milliseconds.
    pub mail_ms: u64,
    /// Mails of a plugin on their way at once.
    pub mail_concurrency: usize,
    /// Work of a plugin in the background, running and waiting together.
    pub background: usize,
    /// Of that, how much runs at once.
    pub background_concurrency: usize,
    /// Requests the host serves at once; more are refused with 503.
    pub requests: usize,
    /// How long a client may take nothing of its response, milliseconds, before the connection is cut.
    pub stall_ms: u64,
    /// Bytes on disk that uploads may take at once, of all requests that are being served.
    pub uploads_bytes: u64,
}

impl Limits {
    /// The limits of a command that may run long.
    pub fn of_long_command(&self) -> Self {
        let time = self.command_ms;
        Self {
            cpu_ms: time,
            wall_ms: time,
            statement_ms: time,
            transaction_ms: time,
            ..self.clone()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 128 << 20,
            cpu_ms: 2_000,
            wall_ms: 30_000,
            start_cpu_ms: 5_000,
            start_wall_ms: 60_000,
            depth: 24,
            pool_size: 32,
            instances: 64,
            queue_ms: 5_000,
            reuse: 4_096,
            body_bytes: 32 << 20,
            response_bytes: 32 << 20,
            log_bytes: 64 << 10,
            rows: 50_000,
            rows_bytes: 32 << 20,
            statement_ms: 30_000,
            transaction_ms: 30_000,
            command_ms: 86_400_000,
            kv_keys: 10_000,
            kv_value_bytes: 64 << 10,
            fetch_bytes: 16 << 20,
            fetch_ms: 30_000,
            fetch_concurrency: 32,
            realtime_connections: 10_000,
            realtime_topics: 1_000,
            realtime_topics_bytes: 256 << 20,
            realtime_message_bytes: 8 << 20,
            realtime_queue_bytes: 1 << 20,
            realtime_backlog_bytes: 64 << 20,
            realtime_idle_ms: 300_000,
            realtime_life_ms: 1_800_000,
            mail_bytes: 4 << 20,
            mail_ms: 30_000,
            mail_concurrency: 8,
            background: 1_000,
            background_concurrency: 8,
            requests: 10_000,
            stall_ms: 60_000,
            uploads_bytes: 16 << 30,
        }
    }
}
