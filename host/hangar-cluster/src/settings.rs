//! `hangar.conf`: the server settings that Hangar owns.

use crate::error::{Error, Result};
use crate::place::{PORT, Place};

/// The file in PGDATA, included from `postgresql.conf`.
pub(crate) const FILE: &str = "hangar.conf";

/// How a log file is named; sorts by time.
pub(crate) const LOG_PATTERN: &str = "server-%Y-%m-%d_%H%M%S.log";

/// What an operator may change. The log holds the server's own events only: statements and values of clients do not
/// belong in a file, and their errors go to the clients.
const DEFAULTS: [(&str, &str); 21] = [
    ("wal_level", "logical"),
    ("max_wal_senders", "16"),
    ("max_replication_slots", "16"),
    ("max_slot_wal_keep_size", "1GB"),
    ("shared_buffers", "128MB"),
    ("max_connections", "100"),
    ("synchronous_commit", "on"),
    // Whoever waits for each other is told before clients grow impatient: batches begin anew then.
    ("deadlock_timeout", "100ms"),
    // Short statements: compiling one costs more than running it.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("lc_messages", "C"),
    ("log_rotation_age", "1d"),
    ("log_rotation_size", "10MB"),
    // Above ERROR in PostgreSQL's order for logs.
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_checkpoints", "off"),
    ("log_connections", "off"),
    ("log_line_prefix", "%m [%p] "),
    ("cluster_name", "hangar"),
];

/// What keeps the server private and its files where Hangar looks for them.
fn fixed(place: &Place) -> [(&'static str, String); 9] {
    [
        ("listen_addresses", String::new()),
        ("port", PORT.to_string()),
        (
            "unix_socket_directories",
            place.socket_dir().to_string_lossy().into_owned(),
        ),
        ("unix_socket_permissions", "0700".into()),
        ("logging_collector", "on".into()),
        ("log_destination", "stderr".into()),
        ("log_directory", place.log().to_string_lossy().into_owned()),
        ("log_filename", LOG_PATTERN.into()),
        ("log_file_mode", "0600".into()),
    ]
}

/// Settings that would move the cluster from under Hangar and that it does not set itself.
const FOREIGN: [&str; 6] = [
    "data_directory",
    "hba_file",
    "ident_file",
    "config_file",
    "external_pid_file",
    "ssl",
];

/// The text of `hangar.conf`.
pub(crate) fn render(place: &Place, extra: &[(String, String)]) -> Result<String> {
    let fixed = fixed(place);
    for (name, value) in extra {
        check(name, value, &fixed)?;
    }
    let mut text = String::from("# Written by Hangar at each start; changes here are lost.\n");
    let mut add = |name: &str, value: &str| {
        text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")))
    };
    for (name, value) in DEFAULTS {
        if !extra
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
        {
            add(name, value);
        }
    }
    for (name, value) in extra {
        add(name, value);
    }
    for (name, value) in &fixed {
        add(name, value);
    }
    Ok(text)
}

/// Options for the command line: they win over `ALTER SYSTEM`, which could otherwise make the server unreachable.
pub(crate) fn arguments(place: &Place) -> Vec<String> {
    fixed(place)
        .into_iter()
        .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")])
        .collect()
}

fn check(name: &str, value: &str, fixed: &[(&str, String)]) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.is_empty() || !name.chars().all(plain) || value.chars().any(char::is_control) {
        return Err(Error::Setting(format!(
            "the PostgreSQL setting {name:?} is malformed: the name must be letters, digits, `_` and `.`, the value one line"
        )));
    }
    let reserved = fixed.iter().map(|(name, _)| *name).chain(FOREIGN);
    if reserved
        .into_iter()
        .any(|other| other.eq_ignore_ascii_case(name))
    {
        return Err(Error::Setting(format!(
            "the PostgreSQL setting {name} is kept by Hangar, which relies on it for its private cluster; remove it, or \
             run your own server and pass --database-url"
        )));
    }
    Ok(())
}
