//! This machine's own `sendmail`.

use std::path::PathBuf;

use hangar_core::{Error, Result};
use lettre::{AsyncSendmailTransport, AsyncTransport, Message, Tokio1Executor};

/// Where the program usually is, besides the folders of `PATH`.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/bin", "/usr/lib"];

/// Hands the message to the program.
pub(crate) async fn send(message: Message) -> Result<()> {
    let program = tokio::task::spawn_blocking(find)
        .await
        .ok()
        .flatten()
        .ok_or_else(|| {
            Error::new(
                "mail_failed",
                502,
                "failed to locate a sendmail executable path: install one, or set up a mail server",
            )
        })?;
    let transport = AsyncSendmailTransport::<Tokio1Executor>::new_with_command(program);
    transport.send(message).await.map_err(|error| {
        Error::new(
            "mail_failed",
            502,
            format!("sendmail did not take the message: {error}"),
        )
    })
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .chain(FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join("sendmail"))
        .find(|program| program.is_file())
}
