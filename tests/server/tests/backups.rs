//! Backups: one at a time whoever makes them, and in a bucket.

use std::path::Path;
use std::time::Duration;

use hangar_tests::{Api, Bucket, Server, Site, eventually, sql};
use serde_json::{Value, json};

const BUSY: &str = "another backup/restore process has already been started";

/// Keeps `pg_dump` waiting for a table for as long as it lives.
struct Hold<'a> {
    site: &'a Site,
    holder: Option<std::process::Child>,
}

impl<'a> Hold<'a> {
    fn begin(site: &'a Site) -> Self {
        let holder = std::process::Command::new(hangar_tests::program("psql"))
            .args(["-q", "-p", "5432", "-U", "hangar", "-d", "hangar", "-c"])
            .arg("BEGIN; LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)")
            .arg("-h")
            .arg(site.data().join("postgres/run"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
        let holder = Some(holder.expect("psql runs"));
        std::thread::sleep(Duration::from_millis(500));
        Self { site, holder }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        sql(
            self.site,
            "hangar",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()",
        );
        if let Some(mut holder) = self.holder.take() {
            let _ = holder.wait();
        }
    }
}

fn may_begin(api: &mut Api) -> bool {
    let health = api.client.get("/api/health").expect(200);
    health["data"]["canBackup"].as_bool().expect("a boolean")
}

/// The names of all backups.
fn names(api: &mut Api) -> Vec<String> {
    let list = api.client.get("/api/backups").expect(200);
    let all = list.as_array().expect("an array").iter();
    all.map(|one| one["key"].as_str().expect("a name").to_owned())
        .collect()
}

fn waits_for(api: &mut Api, able: bool) {
    eventually("the turn", Duration::from_secs(60), || {
        (may_begin(api) == able).then_some(())
    });
}

#[test]
fn one_backup_at_a_time() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    assert!(may_begin(&mut api));

    // Made by this server.
    let hold = Hold::begin(&site);
    let address = server.address;
    let slow = std::thread::spawn(move || {
        let mut api = Api::sign_in(address);
        api.client
            .post("/api/backups", &json!({"name": "slow.zip"}))
            .status
    });
    waits_for(&mut api, false);
    let again = api.client.post("/api/backups", &json!({"name": "b.zip"}));
    assert!(again.envelope(400).contains(BUSY));
    let used = api
        .client
        .call("DELETE", "/api/backups/slow.zip", &Value::Null);
    assert!(used.envelope(400).contains("currently being used"));
    let other = api
        .client
        .call("DELETE", "/api/backups/other.zip", &Value::Null);
    assert!(other.envelope(400).contains("already deleted"));
    let restore = api
        .client
        .post("/api/backups/slow.zip/restore", &Value::Null);
    assert!(restore.envelope(400).contains(BUSY));
    // Another process is told as well.
    let command = site.run(&["backup", "create", "c.zip"]).expect(1);
    assert!(command.contains("already"), "{command}");
    drop(hold);
    assert_eq!(slow.join().expect("an answer"), 204);
    waits_for(&mut api, true);
    assert_eq!(names(&mut api), ["slow.zip"]);

    // Made by another process.
    let hold = Hold::begin(&site);
    let mut command = site.command(&["backup", "create", "command.zip"]);
    let mut child = command.spawn().expect("hangar runs");
    waits_for(&mut api, false);
    let again = api.client.post("/api/backups", &Value::Null);
    assert!(again.envelope(400).contains(BUSY));
    drop(hold);
    assert!(child.wait().expect("a child").success());
    waits_for(&mut api, true);
    assert_eq!(names(&mut api), ["command.zip", "slow.zip"]);
    server.stop();
}

/// Sends `POST /api/crons/__pbAutoBackup__` and waits for a backup that was not there.
fn run_job(api: &mut Api) -> String {
    let before = names(api);
    // Names have whole seconds.
    std::thread::sleep(Duration::from_millis(1100));
    let answer = api.client.post("/api/crons/__pbAutoBackup__", &Value::Null);
    assert_eq!(answer.status, 204, "{}", answer.text());
    eventually("a backup", Duration::from_secs(60), || {
        let new = names(api).into_iter().find(|name| !before.contains(name));
        new.filter(|_| may_begin(api))
    })
}

#[test]
fn automatic_backups_keep_the_newest() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let settings =
        json!({"meta": {"appName": "My App"}, "backups": {"cron": "0 0 1 1 *", "cronMaxKeep": 2}});
    api.client
        .call("PATCH", "/api/settings", &settings)
        .expect(200);
    let mine = api
        .client
        .post("/api/backups", &json!({"name": "mine.zip"}));
    assert_eq!(mine.status, 204);
    let made: Vec<String> = (0..3).map(|_| run_job(&mut api)).collect();
    for name in &made {
        let digits = name.strip_prefix("@auto_pb_backup_my_app_");
        let digits = digits.and_then(|rest| rest.strip_suffix(".zip"));
        assert!(digits.is_some_and(|digits| digits.len() == 14), "{name}");
    }
    let left = eventually("two are kept", Duration::from_secs(10), || {
        Some(names(&mut api)).filter(|names| names.len() == 3)
    });
    assert_eq!(left, [&made[1], &made[2], "mine.zip"]);
    server.stop();

    // A restarted server knows the schedule.
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let jobs = api.client.get("/api/crons").expect(200).to_string();
    assert!(jobs.contains("__pbAutoBackup__"), "{jobs}");
    let off = json!({"backups": {"cron": ""}});
    api.client.call("PATCH", "/api/settings", &off).expect(200);
    let answer = api.client.post("/api/crons/__pbAutoBackup__", &Value::Null);
    assert_eq!(answer.status, 404);
    server.stop();
}

/// The note of the site with this text.
fn has_note(server: &Server, title: &str) -> bool {
    let path = format!("/api/collections/notes/records?filter=title='{title}'");
    server.client().get(&path).expect(200)["totalItems"] == 1
}

#[test]
fn backups_lie_on_s3_if_the_settings_say_so() {
    let bucket = Bucket::start();
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    api.create("notes", json!({"title": "before"}));
    let mut settings = bucket.settings();
    settings["backups"] = json!({"cron": "@daily", "cronMaxKeep": 1, "s3": settings["s3"]});
    settings["s3"] = json!({"enabled": false});
    let shown = api
        .client
        .call("PATCH", "/api/settings", &settings)
        .expect(200);
    assert!(!shown.to_string().contains("hidden-secret"));
    let answer = api
        .client
        .post("/api/backups", &json!({"name": "kept.zip"}));
    assert_eq!(answer.status, 204, "{}", answer.text());
    run_job(&mut api);
    let last = run_job(&mut api);
    eventually("the older one's end", Duration::from_secs(10), || {
        (bucket.keys() == [last.as_str(), "kept.zip"]).then_some(())
    });
    let local = site.data().join("backups");
    assert!(!Path::new(&local).exists() || local.read_dir().expect("a folder").next().is_none());
    let token = api
        .client
        .post("/api/files/token", &Value::Null)
        .expect(200);
    let token = token["token"].as_str().expect("a token");
    let whole = api
        .client
        .get(&format!("/api/backups/kept.zip?token={token}"));
    assert_eq!(whole.status, 200);
    assert!(whole.body.starts_with(b"PK"));
    api.create("notes", json!({"title": "after"}));
    server.stop();

    let listed = site.run(&["backup", "list"]).expect(0);
    assert!(
        listed.contains("kept.zip") && listed.contains(&last),
        "{listed}"
    );
    let missing = site.run(&["backup", "restore", "none.zip"]).expect(1);
    assert!(missing.contains("none.zip"), "{missing}");
    site.run(&["backup", "restore", "kept.zip"]).expect(0);
    let server = site.start();
    assert!(has_note(&server, "before") && !has_note(&server, "after"));
    let made = site.run(&["backup", "create", "more.zip"]).expect(0);
    assert!(!made.contains("hidden-secret"));
    assert!(bucket.keys().contains(&"more.zip".to_owned()));
    let mut api = Api::sign_in(server.address);
    let answer = api
        .client
        .call("DELETE", "/api/backups/kept.zip", &Value::Null);
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert!(!bucket.keys().contains(&"kept.zip".to_owned()));
    server.stop();
}
