//! Mails when the mail server is down, refuses, or takes its time: what clients are told, what the log says, and that the
//! password of the mail server is in neither.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hangar_tests::{Api, EMAIL, Server, Site, eventually};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const SECRET: &str = "geheimes-kennwort";

/// How a mail server behaves.
#[derive(Clone, Copy)]
enum Manner {
    Takes,
    RefusesLogin,
    RefusesSender,
    /// Milliseconds before it takes a mail.
    Slow(u64),
}

/// A mail server; the lines it has heard.
fn mail_server(manner: Manner) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let lines = lines.clone();
            std::thread::spawn(move || drop(converse(stream, manner, &lines)));
        }
    });
    (port, heard)
}

fn converse(stream: TcpStream, manner: Manner, heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut write = stream.try_clone()?;
    write.write_all(b"220 test ESMTP\r\n")?;
    let mut in_data = false;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        heard.lock().expect("no panic").push(line.clone());
        if in_data && line != "." {
            continue;
        }
        let answer = match (manner, line.split(' ').next().unwrap_or_default()) {
            (_, "EHLO") => "250-test\r\n250 AUTH PLAIN LOGIN",
            (Manner::RefusesLogin, "AUTH") => "535 5.7.8 bad credentials",
            (Manner::RefusesSender, "MAIL") => "550 5.7.1 sender not welcome",
            (_, "AUTH") => "235 ok",
            (_, "DATA") => "354 go on",
            (Manner::Slow(time), ".") => {
                std::thread::sleep(Duration::from_millis(time));
                "250 taken"
            }
            _ => "250 ok",
        };
        in_data = line == "DATA";
        write.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}

fn use_mail_server(api: &mut Api, port: u16) {
    let smtp = json!({"smtp": {"enabled": true, "host": "127.0.0.1", "port": port, "username": "me", "password": SECRET}});
    api.client.call("PATCH", "/api/settings", &smtp).expect(200);
}

fn test_mail(api: &mut Api) -> Value {
    let body = json!({"email": "a@example.com", "template": "otp"});
    api.client
        .call("POST", "/api/settings/test/email", &body)
        .expect(400)
}

fn reset(server: &Server) -> Duration {
    let began = Instant::now();
    let answer = server.client().post(
        "/api/collections/_superusers/request-password-reset",
        &json!({"email": EMAIL}),
    );
    assert_eq!(answer.status, 204);
    began.elapsed()
}

#[test]
fn failures_are_told_to_superusers_and_logged() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);

    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("bound").port()
    };
    use_mail_server(&mut api, port);
    let told = test_mail(&mut api)["message"].to_string();
    for part in [
        "Failed to send the test email. Raw error:",
        &format!("127.0.0.1:{port}"),
        "cannot be reached",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    reset(&server);
    server.wait_for_log(&[
        "password reset mail",
        "was not sent",
        "cannot be reached",
        "settings smtp",
    ]);

    for (manner, said) in [
        (Manner::RefusesLogin, "5.7.8 bad credentials"),
        (Manner::RefusesSender, "5.7.1 sender not welcome"),
    ] {
        let (port, _) = mail_server(manner);
        use_mail_server(&mut api, port);
        let told = test_mail(&mut api)["message"].to_string();
        assert!(
            told.contains(said) && told.contains(&format!("127.0.0.1:{port}")),
            "{told}"
        );
        // Nothing was sent so far, so each request tries anew.
        reset(&server);
        server.wait_for_log(&["was not sent", said]);
    }

    let off = json!({"smtp": {"enabled": false}});
    api.client.call("PATCH", "/api/settings", &off).expect(200);
    assert!(!server.log().contains(SECRET), "the password is in the log");
    server.stop();
}

#[test]
fn slow_mail_servers_keep_nobody_waiting_and_a_stop_waits_for_them() {
    let site = Site::new();
    let mut server = site.start();
    let mut api = Api::sign_in(server.address);
    let (port, heard) = mail_server(Manner::Slow(1500));
    use_mail_server(&mut api, port);
    let took = reset(&server);
    assert!(
        took < Duration::from_millis(1000),
        "the answer took {took:?}"
    );
    eventually("the mail", Duration::from_secs(20), || {
        let heard = heard.lock().expect("no panic");
        heard.iter().any(|line| line == ".").then_some(())
    });
    server.signal(Signal::SIGTERM);
    server.wait_for_end();
    let heard = heard.lock().expect("no panic").join("\n");
    assert!(heard.contains("QUIT"), "the mail was given up: {heard}");
    assert!(!server.log().contains("was not sent"));
}

#[test]
fn mails_are_given_up_after_the_limit() {
    let site = Site::new();
    site.settings("[limits]\nmail-ms = 300\n");
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let (port, _) = mail_server(Manner::Slow(5000));
    use_mail_server(&mut api, port);
    let told = test_mail(&mut api)["message"].to_string();
    assert!(told.contains("limits.mail-ms"), "{told}");
    server.stop();
}

#[test]
fn two_requests_at_once_send_one_mail() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let (port, heard) = mail_server(Manner::Takes);
    use_mail_server(&mut api, port);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| reset(&server));
        }
    });
    eventually("the mail", Duration::from_secs(20), || {
        let heard = heard.lock().expect("no panic");
        heard.iter().any(|line| line == "QUIT").then_some(())
    });
    std::thread::sleep(Duration::from_millis(500));
    let heard = heard.lock().expect("no panic");
    assert_eq!(
        heard.iter().filter(|line| *line == "DATA").count(),
        1,
        "{heard:?}"
    );
    drop(heard);
    server.stop();
}

#[test]
fn superusers_are_told_of_a_backup_that_fails() {
    let (port, heard) = mail_server(Manner::Takes);
    let site = Site::new();
    site.run(&["superuser", "create", "second@example.com", "1234567890"])
        .expect(0);
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    use_mail_server(&mut api, port);
    let nowhere = json!({"enabled": true, "bucket": "b", "region": "r", "endpoint": "http://127.0.0.1:9",
        "accessKey": "k", "secret": "hidden-key", "forcePathStyle": true});
    let settings =
        json!({"meta": {"appName": "A <b> & c"}, "backups": {"cron": "@daily", "s3": nowhere}});
    api.client
        .call("PATCH", "/api/settings", &settings)
        .expect(200);
    let started = api.client.post("/api/crons/__pbAutoBackup__", &Value::Null);
    assert_eq!(started.status, 204);
    eventually("both mails", Duration::from_secs(60), || {
        let heard = heard.lock().expect("no panic");
        (heard.iter().filter(|line| *line == ".").count() == 2).then_some(())
    });
    let heard = heard.lock().expect("no panic").join("\n");
    for text in [
        "RCPT TO:<test@example.com>",
        "RCPT TO:<second@example.com>",
        "Subject: [A <b> & c system alert] Autobackup failure",
        "A &lt;b&gt; &amp; c system alert occurred:",
        "Failed to create/upload automated backup. Raw error:",
    ] {
        assert!(heard.contains(text), "{text} in\n{heard}");
    }
    eventually("an entry of the log", Duration::from_secs(20), || {
        let path = "/api/logs?filter=level=8&sort=-created";
        let entries = api.client.get(path).expect(200).to_string();
        entries
            .contains("[Backup cron] Failed to create backup")
            .then_some(())
    });
    assert!(!heard.contains("hidden-key") && !server.log().contains("hidden-key"));
    server.stop();
}
