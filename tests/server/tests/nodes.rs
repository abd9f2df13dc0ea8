//! Servers and commands on one database tell each other of changes.

use std::time::Duration;

use hangar_tests::{Api, EMAIL, PASSWORD, Server, Site, eventually, sql};
use serde_json::{Value, json};

/// News take moments; nothing here may wait for what times out by itself.
const SOON: Duration = Duration::from_secs(3);

fn patch(api: &mut Api, settings: Value) {
    let answer = api.client.call("PATCH", "/api/settings", &settings);
    answer.expect(200);
}

fn jobs(api: &mut Api) -> String {
    api.client.get("/api/crons").expect(200).to_string()
}

/// The address a server believes that its client has, who names another.
fn believed(server: &Server, token: &str) -> String {
    let request = format!(
        "GET /api/health HTTP/1.1\r\nhost: test\r\nauthorization: {token}\r\nx-forwarded-for: 10.1.2.3\r\n\r\n"
    );
    let answer = server.client().raw(request.as_bytes()).expect("an answer");
    let health = answer.expect(200);
    health["data"]["realIP"].as_str().unwrap_or_default().into()
}

fn titles(server: &Server) -> Vec<String> {
    let path = "/api/collections/notes/records?sort=@rowid";
    let answer = server.client().get(path);
    if answer.status != 200 {
        return vec![answer.status.to_string()];
    }
    let items = answer.json()["items"].clone();
    let items = items.as_array().expect("items").iter();
    items
        .map(|item| item["title"].as_str().unwrap_or("none").to_owned())
        .collect()
}

#[test]
fn nodes_follow_each_other() {
    let site = Site::new();
    let (first, second) = (site.start(), site.start());
    let mut one = Api::sign_in(first.address);
    let mut two = Api::sign_in(second.address);

    // Collections.
    assert_eq!(titles(&second), ["404"]);
    one.notes();
    one.create("notes", json!({"title": "shared"}));
    eventually("a collection", SOON, || {
        (titles(&second) == ["shared"]).then_some(())
    });
    let renamed = json!({"fields": [{"name": "name", "type": "text"}]});
    two.client
        .call("PATCH", "/api/collections/notes", &renamed)
        .expect(200);
    eventually("a field's end", SOON, || {
        (titles(&first) == ["none"]).then_some(())
    });

    // Settings that the host keeps: who clients are, which jobs run, how often somebody may ask.
    assert_eq!(believed(&second, &two.client.token), "127.0.0.1");
    patch(
        &mut one,
        json!({"trustedProxy": {"headers": ["X-Forwarded-For"]}, "backups": {"cron": "@daily"}}),
    );
    eventually("the proxy", SOON, || {
        (believed(&second, &two.client.token) == "10.1.2.3").then_some(())
    });
    assert!(jobs(&mut two).contains("__pbAutoBackup__"));
    patch(
        &mut two,
        json!({"backups": {"cron": ""}, "rateLimits": {"enabled": true, "rules": [{"label": "/api/health", "duration": 60, "maxRequests": 1}]}}),
    );
    eventually("the end of the job", SOON, || {
        (!jobs(&mut one).contains("__pbAutoBackup__")).then_some(())
    });
    first.client().get("/api/health").expect(200);
    assert_eq!(first.client().get("/api/health").status, 429);

    // Identities, which a server believes for a while.
    let user = json!({"email": "a@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD});
    let id = one.create("users", user)["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let login = json!({"identity": "a@example.com", "password": PASSWORD});
    let login = two
        .client
        .post("/api/collections/users/auth-with-password", &login)
        .expect(200);
    let mut user = second.client();
    user.token = login["token"].as_str().expect("a token").into();
    let own = format!("/api/collections/users/records/{id}");
    user.get(&own).expect(200);
    let gone = one.client.call("DELETE", &own, &Value::Null);
    assert_eq!(gone.status, 204);
    let logged = |server: &Server| server.log().matches("panicked").count();
    eventually("the end of the user", SOON, || {
        (user
            .post("/api/collections/users/auth-refresh", &Value::Null)
            .status
            == 401)
            .then_some(())
    });
    assert_eq!(logged(&first) + logged(&second), 0);
    first.stop();
    second.stop();
}

#[test]
fn what_was_missed_is_made_up_for() {
    let site = Site::new();
    let (first, second) = (site.start(), site.start());
    let mut one = Api::sign_in(first.address);
    let mut two = Api::sign_in(second.address);
    one.notes();
    eventually("a collection", SOON, || {
        (titles(&second).is_empty()).then_some(())
    });
    // The second node is deaf for a moment, in which the first one tells of changes.
    let deaf = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hangar-listen'";
    for round in 0..3 {
        sql(&site, "hangar", deaf);
        let cron = format!("{round} 0 * * *");
        patch(&mut one, json!({"backups": {"cron": cron}}));
        let field = format!("field{round}");
        let fields =
            json!({"fields": [{"name": "title", "type": "text"}, {"name": field, "type": "text"}]});
        one.client
            .call("PATCH", "/api/collections/notes", &fields)
            .expect(200);
        eventually("the job", Duration::from_secs(10), || {
            jobs(&mut two).contains(&cron).then_some(())
        });
        eventually("the field", Duration::from_secs(10), || {
            let made = two.try_create("notes", &json!({"title": "x", &field: "y"}));
            (made.status == 200 && made.json()[&field] == "y").then_some(())
        });
    }
    assert!(
        !second
            .logged(&["connected to other nodes again"])
            .is_empty()
    );
    first.stop();
    second.stop();
}

#[test]
fn a_server_notices_what_commands_do() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    api.notes();
    api.create("notes", json!({"title": "first"}));
    let archive = site.path("all.zip");
    let archive = archive.to_str().expect("a plain path");
    site.run(&["export", archive]).expect(0);
    site.run(&["backup", "create", "before.zip"]).expect(0);
    assert_eq!(titles(&server), ["first"]);

    // A restore brings back collections, records, settings and superusers.
    let fields = json!({"fields": [{"name": "other", "type": "number"}]});
    api.client
        .call("PATCH", "/api/collections/notes", &fields)
        .expect(200);
    patch(
        &mut api,
        json!({"trustedProxy": {"headers": ["X-Forwarded-For"]}}),
    );
    assert_eq!(
        (titles(&server), believed(&server, &api.client.token)),
        (vec!["none".to_owned()], "10.1.2.3".to_owned())
    );
    let restored = site.run(&["backup", "restore", "before.zip"]).expect(0);
    assert!(!restored.to_lowercase().contains("restart"), "{restored}");
    eventually("the restored records", SOON, || {
        (titles(&server) == ["first"]).then_some(())
    });
    eventually("the restored settings", SOON, || {
        (believed(&server, &api.client.token) == "127.0.0.1").then_some(())
    });
    api.create("notes", json!({"title": "second", "count": 2}));
    assert_eq!(titles(&server), ["first", "second"]);
    let logs = "/api/logs?filter=message~'notes'";
    eventually("the log goes on", Duration::from_secs(20), || {
        (api.client.get(logs).expect(200)["totalItems"].as_u64() > Some(0)).then_some(())
    });

    // So does an import.
    api.client
        .call("DELETE", "/api/collections/notes", &Value::Null);
    patch(&mut api, json!({"backups": {"cron": "@daily"}}));
    assert_eq!(titles(&server), ["404"]);
    let imported = site.run(&["import", archive, "--force"]).expect(0);
    assert!(!imported.to_lowercase().contains("restart"), "{imported}");
    eventually("the imported records", SOON, || {
        (titles(&server) == ["first"]).then_some(())
    });
    eventually("the imported settings", SOON, || {
        (!jobs(&mut api).contains("__pbAutoBackup__")).then_some(())
    });

    // And other commands change settings and superusers.
    site.run(&["superuser", "create", "other@example.com", PASSWORD])
        .expect(0);
    let login = json!({"identity": "other@example.com", "password": PASSWORD});
    let login = server
        .client()
        .post("/api/collections/_superusers/auth-with-password", &login)
        .expect(200);
    let mut other = server.client();
    other.token = login["token"].as_str().expect("a token").into();
    other.get("/api/crons").expect(200);
    site.run(&["superuser", "delete", "other@example.com"])
        .expect(0);
    eventually("the end of the superuser", SOON, || {
        (other.get("/api/crons").status == 401).then_some(())
    });
    site.run(&["superuser", "ips", "10.0.0.0/8"]).expect(0);
    eventually("the networks of superusers", SOON, || {
        (api.client.get("/api/crons").status == 403).then_some(())
    });
    site.run(&["superuser", "ips"]).expect(0);
    eventually("no networks", SOON, || {
        (api.client.get("/api/crons").status == 200).then_some(())
    });
    assert!(
        server
            .client()
            .post(
                "/api/collections/_superusers/auth-with-password",
                &json!({"identity": EMAIL, "password": PASSWORD})
            )
            .status
            == 200
    );
    server.stop();
}
