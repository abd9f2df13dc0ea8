//! The way to an SMTP server.

use std::error::Error as StdError;
use std::time::Duration;

use hangar_core::{Error, Result};
use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use serde::Deserialize;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest host name, login and own name.
const MAX_NAME: usize = 255;

/// A server as the plugin describes it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Server {
    host: String,
    port: u16,
    username: String,
    password: String,
    auth_method: String,
    tls: bool,
    local_name: String,
    /// The plugin's own bound.
    pub(crate) timeout_ms: Option<u64>,
    /// This machine's own way of sending instead.
    pub(crate) sendmail: bool,
}

impl Server {
    /// Reads the plugin's JSON. Errors do not repeat it: a password stands in it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let server: Self = serde_json::from_str(text).map_err(|error| {
            Error::bad_input(format!(
                "the mail server is not described as it should be (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        if !server.sendmail {
            server.check()?;
        }
        Ok(server)
    }

    fn check(&self) -> Result<()> {
        let name =
            |text: &str| text.len() <= MAX_NAME && text.bytes().all(|byte| byte.is_ascii_graphic());
        if self.host.is_empty() || !name(&self.host) || self.port == 0 {
            return Err(Error::bad_input(format!(
                "{:?} with port {} is no mail server: check its host and port",
                self.host, self.port
            )));
        }
        if !name(&self.local_name) {
            return Err(Error::bad_input(format!(
                "{:?} is no local name for a mail server's greeting",
                self.local_name
            )));
        }
        match self.auth_method.as_str() {
            "" | "PLAIN" | "LOGIN" => Ok(()),
            other => Err(Error::bad_input(format!(
                "{other:?} is no way to log in to a mail server: use PLAIN or LOGIN"
            ))),
        }
    }

    /// `host:port`, for errors.
    pub(crate) fn name(&self) -> String {
        if self.sendmail {
            return "sendmail".into();
        }
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Connects, logs in and hands the message over.
    pub(crate) async fn send(&self, message: &Message) -> Result<()> {
        let local = match self.local_name.as_str() {
            "" => "localhost",
            name => name,
        };
        let hello = ClientId::Domain(local.to_owned());
        let tls = if self.tls {
            Some(self.tls_parameters().await?)
        } else {
            None
        };
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (self.host.as_str(), self.port),
            Some(CONNECT),
            &hello,
            tls,
            None,
        )
        .await
        .map_err(|error| self.failed("cannot be reached", "its host, port and tls", &error))?;
        let done = self.converse(&mut connection, &hello, message).await;
        match done {
            // The message is the server's by now: how it says goodbye does not matter.
            Ok(()) => drop(tokio::time::timeout(Duration::from_secs(1), connection.quit()).await),
            Err(_) => connection.abort().await,
        }
        done
    }

    async fn converse(
        &self,
        connection: &mut AsyncSmtpConnection,
        hello: &ClientId,
        message: &Message,
    ) -> Result<()> {
        if connection.can_starttls() {
            let tls = self.tls_parameters().await?;
            connection.starttls(tls, hello).await.map_err(|error| {
                self.failed(
                    "offers STARTTLS, but encryption failed",
                    "its certificate",
                    &error,
                )
            })?;
        }
        if !self.username.is_empty() {
            if !connection.is_encrypted() && !self.is_local() {
                return Err(Error::new(
                    "mail_failed",
                    502,
                    format!(
                        "the mail server {} offers no encryption: the password is not sent to it in the clear; use its port with tls or one that offers STARTTLS",
                        self.name()
                    ),
                ));
            }
            let mechanism = match self.auth_method.as_str() {
                "LOGIN" => Mechanism::Login,
                _ => Mechanism::Plain,
            };
            let credentials = Credentials::new(self.username.clone(), self.password.clone());
            connection
                .auth(&[mechanism], &credentials)
                .await
                .map_err(|error| {
                    self.failed(
                        "refused the login",
                        "username, password and authMethod",
                        &error,
                    )
                })?;
        }
        connection
            .send(message.envelope(), &message.formatted())
            .await
            .map_err(|error| {
                self.failed("did not take the message", "sender and recipients", &error)
            })?;
        Ok(())
    }

    /// The certificates of this machine are read, which may block.
    async fn tls_parameters(&self) -> Result<TlsParameters> {
        let host = self.host.clone();
        let made = tokio::task::spawn_blocking(move || TlsParameters::new_rustls(host)).await;
        match made {
            Ok(Ok(parameters)) => Ok(parameters),
            Ok(Err(error)) => Err(self.failed("cannot be reached encrypted", "its host", &error)),
            Err(_) => Err(Error::internal(
                "the host is stopping; the mail was not sent",
            )),
        }
    }

    fn is_local(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1")
    }

    fn failed(&self, what: &str, check: &str, error: &dyn StdError) -> Error {
        Error::new(
            "mail_failed",
            502,
            format!(
                "the mail server {} {what}: {error} (check {check})",
                self.name()
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Error {
        match Server::parse(text) {
            Ok(_) => panic!("{text} was taken"),
            Err(error) => error,
        }
    }

    #[test]
    fn servers_are_checked() {
        for bad in [
            r#"{}"#,
            r#"{"host":"a"}"#,
            r#"{"host":"a b","port":25}"#,
            r#"{"host":"a\r\nQUIT","port":25}"#,
            r#"{"host":"a","port":25,"localName":"x\r\nRSET"}"#,
            r#"{"host":"a","port":25,"authMethod":"CRAM-MD5"}"#,
            r#"{"host":"a","port":70000}"#,
            r#"{"password":"geheim","host":5}"#,
        ] {
            let error = refusal(bad);
            assert_eq!(error.code, "bad_input", "{bad}");
            assert!(!error.message.contains("geheim"), "{error}");
        }
        let server = Server::parse(r#"{"host":"::1","port":25,"tls":true}"#)
            .unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(server.name(), "[::1]:25");
        assert!(server.is_local());
        assert!(Server::parse(r#"{"sendmail":true}"#).is_ok_and(|server| server.sendmail));
    }
}
