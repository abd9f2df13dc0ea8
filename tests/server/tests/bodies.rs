//! Responses that do not come from the plugin's memory: streamed while it works, or sent from the disk.

use hangar_tests::{Site, hostile_component};

fn site(more: &str) -> Site {
    let site = Site::new();
    let component = hostile_component();
    site.settings(&format!(
        "[plugins.hostile]\npath = {component:?}\n{more}\n"
    ));
    site
}

#[test]
fn a_plugin_streams_its_response() {
    let site = site("");
    let server = site.start();
    let mut client = server.client();
    for _ in 0..3 {
        let answer = client.get("/hostile/stream");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert_eq!(answer.text(), "one\ntwo\nthree\n");
    }
    server.stop();
}

#[test]
fn a_stream_whose_plugin_fails_is_cut_off() {
    let site = site("");
    let server = site.start();
    // Half a body must not look like a whole one: the connection breaks before its end.
    let cut = server
        .client()
        .raw(b"GET /hostile/stream-cut HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(cut.is_err(), "the body seemed whole: {cut:?}");
    server.wait_for_log(&["cut off", "hostile"]);
    server.client().get("/api/health").expect(200);
    server.stop();
}

#[test]
fn a_file_of_the_granted_folder_is_sent_by_the_host() {
    let site = site("");
    let folder = site.path("reports");
    let component = hostile_component();
    site.settings(&format!(
        "[plugins.hostile]\npath = {component:?}\ngrant.files = {folder:?}\n"
    ));
    let large = vec![b'x'; 3 << 20];
    std::fs::create_dir(&folder).expect("a folder");
    site.write("reports/large.txt", &large);
    site.write("secret.txt", "secret");
    let server = site.start();
    let mut client = server.client();
    let answer = client.get("/hostile/file?large.txt");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length"), Some("3145728"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.text().len(), large.len());
    for path in ["../secret.txt", "/etc/passwd", "nothing.txt"] {
        let answer = client.get(&format!("/hostile/file?{path}"));
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    server.stop();
}

#[test]
fn files_are_denied_without_a_grant() {
    let site = site("");
    let server = site.start();
    server.client().get("/hostile/file?a.txt").envelope(403);
    server.wait_for_log(&["hangar:files", "grant.files"]);
    server.stop();
}
