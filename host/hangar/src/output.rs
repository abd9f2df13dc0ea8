use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts the log: on standard error, as text on a terminal and as JSON lines elsewhere when serving. `HANGAR_LOG`
/// filters it, such as `HANGAR_LOG=debug` or `HANGAR_LOG=plugin=debug,info`.
pub fn init(dev: bool, serving: bool) {
    let default = match (serving, dev) {
        (true, true) => "info,plugin=debug",
        (true, false) => "info",
        (false, _) => "error",
    };
    let filter = EnvFilter::try_from_env("HANGAR_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    if terminal || !serving {
        log.with_ansi(terminal).with_target(false).compact().init();
    } else {
        log.json().flatten_event(true).init();
    }
}

/// Prints a line; a reader that has gone (`| head`) is no error.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
pub(crate) use say;
