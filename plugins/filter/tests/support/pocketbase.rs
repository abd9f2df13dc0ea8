//! A PocketBase process on a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hangar_filter::schema::FieldKind;
use serde_json::{Value as Json, json};

use super::http::send;
use super::seed::Seed;

const PASSWORD: &str = "1234567890";

pub struct PocketBase {
    child: Child,
    folder: PathBuf,
    pub port: u16,
    pub superuser: String,
}

impl Drop for PocketBase {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl PocketBase {
    /// Starts `binary` and fills it.
    pub fn start(binary: &str, seed: &Seed) -> PocketBase {
        let folder = std::env::temp_dir().join(format!("hangar-filter-{}", std::process::id()));
        let port = free_port();
        let run = |args: &[&str]| {
            let mut command = Command::new(Path::new(binary));
            // Its other folders would lie beside the data folder.
            command
                .args(args)
                .arg("--dir")
                .arg(folder.join("data"))
                .arg("--migrationsDir")
                .arg(folder.join("migrations"));
            command
                .arg("--hooksDir")
                .arg(folder.join("hooks"))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        assert!(
            run(&["superuser", "upsert", "a@example.com", PASSWORD])
                .status()
                .expect("PocketBase runs")
                .success()
        );
        let child = run(&[
            "serve",
            "--automigrate=false",
            "--http",
            &format!("127.0.0.1:{port}"),
        ])
        .spawn()
        .expect("PocketBase runs");
        let mut server = PocketBase {
            child,
            folder,
            port,
            superuser: String::new(),
        };
        for _ in 0..1200 {
            if send(port, "GET", "/api/health", "", None).is_ok_and(|(status, _)| status == 200) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        server.superuser = server.log_in("_superusers", "a@example.com");
        if !seed.definitions.is_empty() {
            server.fill(seed);
        }
        server
    }

    /// Makes collections and records.
    pub fn fill(&self, seed: &Seed) {
        let import = self.call(
            "PUT",
            "/api/collections/import",
            Some(&json!({"collections": seed.definitions})),
        );
        assert_eq!(import.0, 204, "{}", import.1);
        for (collection, record) in &seed.records {
            let record = &with_json_texts(seed, collection, record);
            let created = self.call(
                "POST",
                &format!("/api/collections/{collection}/records"),
                Some(record),
            );
            assert_eq!(created.0, 200, "{record}: {}", created.1);
        }
    }

    /// A token for a record.
    pub fn log_in(&self, collection: &str, email: &str) -> String {
        let path = format!("/api/collections/{collection}/auth-with-password");
        let (status, body) = self.call(
            "POST",
            &path,
            Some(&json!({"identity": email, "password": PASSWORD})),
        );
        assert_eq!(status, 200, "{body}");
        body["token"].as_str().unwrap_or_default().to_owned()
    }

    /// A request as superuser.
    pub fn call(&self, method: &str, path: &str, body: Option<&Json>) -> (u16, Json) {
        self.call_as(&self.superuser, method, path, body)
    }

    /// A request with a token.
    pub fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> (u16, Json) {
        send(self.port, method, path, token, body).expect("PocketBase answers")
    }
}

/// The record with the strings of json fields as JSON: a bare "7" would be taken as the number.
fn with_json_texts(seed: &Seed, collection: &str, record: &Json) -> Json {
    let mut record = record.clone();
    let collection = seed.collections.iter().find(|one| one.name == collection);
    for field in collection.iter().flat_map(|one| &one.fields) {
        if let (FieldKind::Json, Some(Json::String(text))) =
            (field.kind, record.get_mut(&field.name))
        {
            *text = Json::from(text.as_str()).to_string();
        }
    }
    record
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
