//! Pictures of users of other services: kept as files where the address is one the operator allows.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use hangar_tests::{Api, Client, Site};
use serde_json::{Value, json};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nno real one, but it begins so";

/// A provider at which everybody is who the code says, with a picture at `/CODE`; the paths it was asked for.
fn provider() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let paths = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, port, &paths);
        }
    });
    (port, asked)
}

fn answer(stream: TcpStream, port: u16, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut read = BufReader::new(stream.try_clone()?);
    let (mut first, mut length, mut token) = (String::new(), 0, String::new());
    read.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        read.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if let Some(value) = lower.strip_prefix("authorization: bearer ") {
            token = value.trim().to_owned();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    read.read_exact(&mut body)?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let content = match path.as_str() {
        "/token" => {
            let form = String::from_utf8_lossy(&body).into_owned();
            let code = form.split('&').find_map(|pair| pair.strip_prefix("code="));
            json!({"access_token": code, "token_type": "Bearer"})
                .to_string()
                .into_bytes()
        }
        "/me" => json!({
            "sub": token, "email": format!("{token}@example.com"), "email_verified": true,
            "picture": format!("http://127.0.0.1:{port}/{token}/face.png"),
        })
        .to_string()
        .into_bytes(),
        _ => PICTURE.to_vec(),
    };
    asked.lock().expect("no panic").push(path);
    let mut write = stream;
    let (length, kind) = (content.len(), "application/json");
    write.write_all(
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
            .as_bytes(),
    )?;
    write.write_all(&content)
}

fn log_in(client: &mut Client, code: &str) -> Value {
    let body = json!({"provider": "oidc", "code": code, "codeVerifier": "v", "redirectURL": "http://localhost/r"});
    client
        .post("/api/collections/faces/auth-with-oauth2", &body)
        .expect(200)["record"]
        .clone()
}

#[test]
fn pictures_are_kept_only_from_where_the_operator_allows() {
    let (port, asked) = provider();
    let site = Site::new();
    site.settings(&format!(
        "[plugins.auth]\ngrant.fetch = [\"*\", \"private\", \"http://127.0.0.1:{port}/ada/*\"]\n"
    ));
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let at = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let provider = json!({"name": "oidc", "clientId": "c", "clientSecret": "s", "authURL": at("auth"), "tokenURL": at("token"), "userInfoURL": at("me")});
    let collection = json!({
        "name": "faces", "type": "auth", "createRule": "", "viewRule": "", "fields": [{"name": "face", "type": "file"}],
        "oauth2": {"enabled": true, "mappedFields": {"avatarURL": "face"}, "providers": [provider]},
    });
    api.client.post("/api/collections", &collection).expect(200);

    let mut guest = Client::new(server.address);
    let ada = log_in(&mut guest, "ada");
    let name = ada["face"].as_str().expect("a name");
    assert!(name.starts_with("face_") && name.ends_with(".png"), "{ada}");
    let id = ada["id"].as_str().expect("an id");
    let file = guest.get(&format!("/api/files/faces/{id}/{name}"));
    assert_eq!(
        (file.status, file.header("content-type")),
        (200, Some("image/png"))
    );
    assert_eq!(file.body, PICTURE);
    // The second time there is a record.
    assert_eq!(log_in(&mut guest, "ada")["face"], name);

    // The word `private` is for the provider itself: where a picture is, its users say.
    assert_eq!(log_in(&mut guest, "bob")["face"], "");
    let asked = asked.lock().expect("no panic");
    let pictures: Vec<&String> = asked
        .iter()
        .filter(|path| path.ends_with("face.png"))
        .collect();
    assert_eq!(pictures, ["/ada/face.png"]);
}
