use std::time::Duration;

use hangar_core::{Error, Limits, Result};
use hangar_wit::errors;
use wasmtime::component::{HasData, Linker};

use crate::message::Described;
use crate::server::Server;
use crate::{Grant, Mail, sendmail as local};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:mail-host;
            world imports {
                import hangar:mail/sender@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/mail"],
        imports: {
            "hangar:mail/sender@0.1.0.send": async,
        },
        with: { "hangar:types/errors@0.1.0": hangar_wit::errors },
    });
}

use generated::hangar::mail::sender;

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `mail`.
    pub grant: Option<&'a Grant>,
    /// The plugin's limits (`mail_bytes`, `mail_ms`, `mail_concurrency`).
    pub limits: &'a Limits,
    /// The host's state.
    pub mail: &'a Mail,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links `hangar:mail/sender`. The store must be used inside a tokio runtime.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    sender::add_to_linker::<T, Has>(linker, get)
}

impl sender::Host for View<'_> {
    async fn send(&mut self, server: String, message: String) -> Result<(), errors::Error> {
        if self.grant.is_none() {
            return Err(Error::denied(self.plugin, "hangar:mail", Grant::LINE).into());
        }
        Ok(self.deliver(&server, &message).await?)
    }
}

impl View<'_> {
    async fn deliver(&self, server: &str, message: &str) -> Result<()> {
        let server = Server::parse(server)?;
        let message = Described::parse(self.plugin, self.limits, message)?.build()?;
        let most = self.limits.mail_ms;
        let time = server.timeout_ms.unwrap_or(most).min(most);
        let turns = self.mail.turns(self.plugin, self.limits);
        let work = async {
            let _turn = turns
                .acquire()
                .await
                .map_err(|_| Error::internal("the host is stopping; the mail was not sent"))?;
            if server.sendmail {
                local::send(message).await
            } else {
                server.send(&message).await
            }
        };
        match tokio::time::timeout(Duration::from_millis(time), work).await {
            Ok(sent) => sent,
            Err(_) => Err(Error::new(
                "timeout",
                504,
                format!(
                    "plugin \"{}\": the mail server {} did not take the message within {time} ms (setting limits.mail-ms, option timeoutMs)",
                    self.plugin,
                    server.name()
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    const MESSAGE: &str = r#"{"from":{"name":"Shop","address":"shop@example.com"},"to":[{"address":"a@example.com"}],"subject":"Hi","text":"Hello"}"#;

    /// A server that answers each line by what it begins with; `heard` gets all lines.
    async fn server(
        answers: &'static [(&'static str, &'static str)],
    ) -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = heard.clone();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let (read, mut write) = stream.into_split();
            write.write_all(b"220 test ESMTP\r\n").await.expect("open");
            let mut read = BufReader::new(read).lines();
            let mut in_data = false;
            while let Ok(Some(line)) = read.next_line().await {
                lines.lock().expect("no panic").push(line.clone());
                if in_data && line != "." {
                    continue;
                }
                in_data = line == "DATA";
                let answer = answers.iter().find(|(begin, _)| line.starts_with(begin));
                let answer = answer.map_or("250 ok", |(_, answer)| answer);
                if write
                    .write_all(format!("{answer}\r\n").as_bytes())
                    .await
                    .is_err()
                {
                    return;
                }
            }
        });
        (port, heard)
    }

    async fn send(limits: &Limits, server: &str) -> Result<()> {
        let mail = Mail::default();
        let view = View {
            plugin: "shop",
            grant: Some(&Grant),
            limits,
            mail: &mail,
        };
        view.deliver(server, MESSAGE).await
    }

    #[tokio::test]
    async fn a_message_is_handed_over() {
        let (port, heard) = server(&[
            ("EHLO", "250-test\r\n250 AUTH PLAIN LOGIN"),
            ("AUTH", "235 ok"),
            ("DATA", "354 go on"),
        ])
        .await;
        let to = format!(
            r#"{{"host":"127.0.0.1","port":{port},"username":"u","password":"p","localName":"me.test"}}"#
        );
        send(&Limits::default(), &to).await.expect("sent");
        let heard = heard.lock().expect("no panic").join("\n");
        for part in [
            "EHLO me.test",
            "AUTH PLAIN",
            "MAIL FROM:<shop@example.com>",
            "RCPT TO:<a@example.com>",
            "Subject: Hi",
        ] {
            assert!(heard.contains(part), "{part} in {heard}");
        }
    }

    #[tokio::test]
    async fn failures_name_the_server_and_no_secret() {
        let (port, _) = server(&[
            ("EHLO", "250-test\r\n250 AUTH PLAIN"),
            ("AUTH", "535 5.7.8 wrong"),
        ])
        .await;
        let to =
            format!(r#"{{"host":"127.0.0.1","port":{port},"username":"u","password":"geheim"}}"#);
        let error = send(&Limits::default(), &to).await.expect_err("refused");
        assert_eq!(error.code, "mail_failed");
        for part in [
            &format!("127.0.0.1:{port}"),
            "refused the login",
            "5.7.8 wrong",
            "password",
        ] {
            assert!(error.message.contains(part), "{part} in {error}");
        }
        assert!(!error.message.contains("geheim"), "{error}");

        let (port, _) = server(&[("RCPT", "550 no such user"), ("DATA", "354 go on")]).await;
        let to = format!(r#"{{"host":"127.0.0.1","port":{port}}}"#);
        let error = send(&Limits::default(), &to).await.expect_err("refused");
        assert!(error.message.contains("no such user"), "{error}");

        // Nobody listens there any more.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let to = format!(r#"{{"host":"127.0.0.1","port":{port}}}"#);
        let error = send(&Limits::default(), &to).await.expect_err("down");
        assert!(error.message.contains("cannot be reached"), "{error}");
    }

    #[tokio::test]
    async fn slow_servers_are_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let limits = Limits {
            mail_ms: 100,
            ..Limits::default()
        };
        let to = format!(r#"{{"host":"127.0.0.1","port":{port},"timeoutMs":60000}}"#);
        let error = send(&limits, &to).await.expect_err("slow");
        assert_eq!(error.code, "timeout");
        assert!(error.message.contains("limits.mail-ms"), "{error}");
        drop(listener);
    }

    #[tokio::test]
    async fn the_grant_is_needed() {
        let (limits, mail) = (Limits::default(), Mail::default());
        let mut view = View {
            plugin: "shop",
            grant: None,
            limits: &limits,
            mail: &mail,
        };
        let error = sender::Host::send(&mut view, "{}".into(), "{}".into())
            .await
            .expect_err("denied");
        assert_eq!(error.code, "denied");
        assert!(error.message.contains(Grant::LINE), "{}", error.message);
    }

    #[test]
    fn links_once() {
        struct State {
            limits: Limits,
            mail: Mail,
        }
        let mut linker: Linker<State> = Linker::new(&wasmtime::Engine::default());
        add_to_linker(&mut linker, |state: &mut State| View {
            plugin: "p",
            grant: None,
            limits: &state.limits,
            mail: &state.mail,
        })
        .expect("the interface fits into a linker");
    }
}
