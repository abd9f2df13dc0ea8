//! `hangar:mail`: outgoing mail for plugins, through an SMTP server they describe or this machine's `sendmail`. Needs the
//! grant `mail = true`.
//!
//! The plugin says which server: it is the owner of the settings. Whoever may change those decides where mails go, so
//! servers on private addresses are allowed. [`Mail`] lives as long as the host and bounds how many mails of a plugin
//! are on their way at once (`limits.mail-concurrency`); `limits.mail-ms` bounds each, `limits.mail-bytes` its size.

mod grant;
mod message;
mod sendmail;
mod server;
mod turns;
mod view;

pub use grant::Grant;
pub use turns::Mail;
pub use view::{View, add_to_linker};
