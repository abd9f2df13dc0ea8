//! Files of records: large ones in little memory, what is left on disk, bombs, and S3.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hangar_tests::{Api, Bucket, Server, Site, Upload, eventually, in_repository};
use serde_json::{Value, json};

const RECORDS: &str = "/api/collections/papers/records";

fn papers(server: &Server) -> Api {
    let mut api = Api::sign_in(server.address);
    api.open_collection(
        "papers",
        json!([
            {"name": "doc", "type": "file", "maxSelect": 1, "maxSize": 500_000_000, "thumbs": ["10x10"]},
            {"name": "note", "type": "text", "max": 5},
        ]),
    );
    api
}

fn upload<'a>(name: &'a str, piece: &'a [u8], times: usize) -> Upload<'a> {
    Upload {
        method: "POST",
        path: RECORDS,
        field: "doc",
        name,
        piece,
        times,
    }
}

/// The address of a record's file.
fn address(record: &Value) -> String {
    let text = |name: &str| record[name].as_str().expect("a text").to_owned();
    format!("/api/files/papers/{}/{}", text("id"), text("doc"))
}

/// Files below a folder, without those of attributes.
fn files_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if !entry.path().to_string_lossy().ends_with(".attrs") {
                found.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn two_hundred_megabytes_pass_in_little_memory() {
    let site = Site::new();
    let server = site.start();
    let mut api = papers(&server);
    let piece = vec![b'x'; 1 << 20];
    upload("warm.bin", &piece, 1).send(&api.client).expect(200);
    let before = server.memory();
    let record = upload("large.bin", &piece, 200)
        .send(&api.client)
        .expect(200);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 48 << 20, "the server grew by {} MiB", grown >> 20);
    let file = site.data().join("storage");
    assert_eq!(files_in(&file).len(), 2);
    emptied(&site.data().join("uploads"));
    let answer = api.client.send("GET", &address(&record), &Value::Null);
    assert_eq!(
        answer.expect("an answer").header("content-length"),
        Some("209715200")
    );
    assert!(server.memory().saturating_sub(before) < 64 << 20);
    server.stop();
}

/// Waits until a request has cleaned up behind itself, which it does when its client has the answer already.
#[track_caller]
fn emptied(folder: &Path) {
    eventually("the end of the upload", Duration::from_secs(10), || {
        files_in(folder).is_empty().then_some(())
    });
}

#[test]
fn nothing_is_left_of_uploads_that_fail() {
    let site = Site::new();
    let server = site.start();
    let mut api = papers(&server);
    let piece = vec![b'x'; 1 << 16];
    let (storage, uploads) = (site.data().join("storage"), site.data().join("uploads"));
    // Cut off on the way.
    upload("cut.bin", &piece, 100).cut_off(&api.client, 50);
    emptied(&uploads);
    // Refused by validation, and by the database after the file was stored.
    let unique = json!({"indexes": ["CREATE UNIQUE INDEX `papers_note` ON `papers` (`note`)"]});
    api.client
        .call("PATCH", "/api/collections/papers", &unique)
        .expect(200);
    upload("first.bin", &piece, 2).send(&api.client).expect(200);
    let refused = upload("second.bin", &piece, 2)
        .send(&api.client)
        .expect(400);
    assert_eq!(refused["data"]["note"]["code"], "validation_not_unique");
    assert_eq!(files_in(&storage).len(), 1);
    emptied(&uploads);
    // More than the collection takes.
    let answer = upload("vast.bin", &piece, 16_384).send_or_cut(&api.client);
    assert!(answer.is_none_or(|answer| answer.status == 413));
    assert_eq!(files_in(&storage).len(), 1);
    server.stop();
}

/// A PNG that announces 30,000 × 30,000 pixels and has none.
fn bomb() -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(30_000_u32.to_be_bytes());
    chunk.extend(30_000_u32.to_be_bytes());
    chunk.extend([8, 6, 0, 0, 0]);
    let mut crc = !0_u32;
    for byte in &chunk {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(chunk);
    png.extend((!crc).to_be_bytes());
    png
}

#[test]
fn a_picture_that_is_a_bomb_is_served_as_it_is() {
    let site = Site::new();
    let server = site.start();
    let mut api = papers(&server);
    let bomb = bomb();
    let record = upload("bomb.png", &bomb, 1).send(&api.client).expect(200);
    let before = server.memory();
    for _ in 0..3 {
        let answer = api.client.get(&format!("{}?thumb=10x10", address(&record)));
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-length"),
            Some(bomb.len().to_string().as_str())
        );
    }
    assert!(server.memory().saturating_sub(before) < 64 << 20);
    api.client.get("/api/health").expect(200);
    server.stop();
}

#[test]
fn files_lie_on_s3_if_the_settings_say_so() {
    let bucket = Bucket::start();
    let site = Site::new();
    let server = site.start();
    let mut api = papers(&server);
    let settings = api
        .client
        .call("PATCH", "/api/settings", &bucket.settings())
        .expect(200);
    assert!(!settings.to_string().contains("hidden-secret"));
    let test = json!({"filesystem": "storage"});
    let answer = api.client.post("/api/settings/test/s3", &test);
    assert_eq!(answer.status, 204, "{}", answer.text());

    let small = upload("small.txt", b"hello file\n", 1)
        .send(&api.client)
        .expect(200);
    let answer = api.client.get(&address(&small));
    assert_eq!(answer.text(), "hello file\n");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    // In several parts.
    let piece = vec![b'y'; 1 << 20];
    let large = upload("large.bin", &piece, 20)
        .send(&api.client)
        .expect(200);
    let answer = api.client.get(&address(&large));
    assert_eq!(answer.header("content-length"), Some("20971520"));
    assert!(answer.text().bytes().all(|byte| byte == b'y'));

    let picture = fs::read(in_repository("tests/compat/files/wide.png"));
    let picture = upload("wide.png", &picture.expect("a file"), 1)
        .send(&api.client)
        .expect(200);
    let thumb = api
        .client
        .get(&format!("{}?thumb=10x10", address(&picture)));
    assert_eq!(
        (thumb.status, thumb.header("content-type")),
        (200, Some("image/png"))
    );
    let keys = bucket.keys();
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert!(keys.iter().any(|key| key.contains("/thumbs_wide_")));
    assert_eq!(files_in(&site.data().join("storage")), Vec::<String>::new());

    let path = format!("{RECORDS}/{}", picture["id"].as_str().expect("an id"));
    assert_eq!(api.client.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(bucket.keys().len(), 2);
    let path = format!("{RECORDS}/{}", small["id"].as_str().expect("an id"));
    api.client
        .call("PATCH", &path, &json!({"doc": null}))
        .expect(200);
    assert_eq!(bucket.keys().len(), 1);
    assert_eq!(
        api.client
            .call("DELETE", "/api/collections/papers/truncate", &Value::Null)
            .status,
        204
    );
    assert_eq!(bucket.keys(), Vec::<String>::new());
    assert!(!server.log().contains("hidden-secret"));

    // Without the service, uploads fail and nothing is stored.
    drop(bucket);
    upload("late.txt", b"x", 1).send(&api.client).expect(400);
    let answer = api.client.post("/api/settings/test/s3", &test);
    assert_eq!(answer.status, 400);
    assert!(!answer.text().contains("hidden-secret"));
    server.stop();
}
