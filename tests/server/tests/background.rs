//! What runs beside requests: jobs, on one of several nodes, and the log store with its days.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hangar_tests::{Api, Client, Site, eventually};
use serde_json::json;

/// SQL as a route, for looking at what has no API.
const SQL: &str = r#"
routerAdd("POST", "/test-sql", (e) => {
  const { sql } = e.requestInfo().body;
  if (!sql.startsWith("SELECT")) { $app.db().newQuery(sql).execute(); return e.json(200, []); }
  const rows = arrayOf(new DynamicModel({ value: "" }));
  $app.db().newQuery(sql).all(rows);
  return e.json(200, rows.map((row) => row.value));
});
"#;

fn sql(client: &mut Client, text: &str) -> Vec<String> {
    let rows = client.post("/test-sql", &json!({"sql": text})).expect(200);
    let rows = rows.as_array().cloned().unwrap_or_default();
    rows.iter()
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

#[test]
fn a_job_runs_once_a_minute_whichever_node_is_faster() {
    let site = Site::new();
    let job = r#"cronAdd("each", "* * * * *", () => {
        const record = new Record($app.findCollectionByNameOrId("notes"));
        record.set("title", "ran");
        $app.save(record);
    });"#;
    let first = site.start();
    let mut api = Api::sign_in(first.address);
    api.notes();
    site.write("pb_hooks/job.pb.js", job);
    // The second finds the first one's database.
    let second = site.start();
    eventually("the job of both nodes", Duration::from_secs(20), || {
        [first.address, second.address]
            .into_iter()
            .all(|address| {
                let mut node = Client::new(address);
                node.token = api.client.token.clone();
                let jobs = node.get("/api/crons").expect(200);
                jobs[0]["id"] == "each"
            })
            .then_some(())
    });
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let rest = 60 - since.as_secs() % 60;
    let before = api.ids("notes").len();
    std::thread::sleep(Duration::from_secs(rest + 4));
    assert_eq!(api.ids("notes").len() - before, 1, "one run for both nodes");
    second.stop();
    first.stop();
}

#[test]
fn old_days_of_the_log_are_dropped_whole() {
    let site = Site::new();
    site.write("pb_hooks/sql.pb.js", SQL);
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    let partitions = |client: &mut Client| {
        let text = "SELECT inhrelid::regclass::text AS value FROM pg_inherits \
             WHERE inhparent = 'hangar_logs.entries'::regclass ORDER BY 1";
        sql(client, text)
    };
    api.client.get("/api/health").expect(200);
    eventually("the first entries", Duration::from_secs(15), || {
        let logs = api.client.get("/api/logs").expect(200);
        (logs["totalItems"].as_u64() > Some(0)).then_some(())
    });
    let days = partitions(&mut api.client);
    assert_eq!(days.len(), 2, "today and tomorrow: {days:?}");
    let unlogged = "SELECT relpersistence::text AS value FROM pg_class WHERE relname LIKE 'entries_2%' AND relkind = 'r'";
    assert!(
        sql(&mut api.client, unlogged)
            .iter()
            .all(|kind| kind == "u")
    );
    sql(
        &mut api.client,
        "CREATE UNLOGGED TABLE hangar_logs.entries_20200101 PARTITION OF hangar_logs.entries \
         FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')",
    );
    assert_eq!(partitions(&mut api.client).len(), 3);
    api.client
        .post("/api/crons/__pbLogsCleanup__", &json!({}))
        .expect(204);
    eventually("the old day to go", Duration::from_secs(10), || {
        (partitions(&mut api.client) == days).then_some(())
    });
    // Without any day to keep there is nothing, and nothing is written any more.
    let none = api
        .client
        .send("PATCH", "/api/settings", &json!({"logs": {"maxDays": 0}}))
        .expect("an answer");
    none.expect(200);
    eventually("all days to go", Duration::from_secs(10), || {
        partitions(&mut api.client).is_empty().then_some(())
    });
    server.stop();
}

#[test]
fn entries_are_written_after_the_database_was_away() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    site.end_database();
    // The supervisor brings it back.
    eventually("the database", Duration::from_secs(60), || {
        let answer = api.client.get("/api/settings");
        (answer.status == 200).then_some(())
    });
    eventually("an entry of after it", Duration::from_secs(40), || {
        api.client.get("/api/health");
        let logs = api.client.get("/api/logs?filter=data.url%3D'/api/health'");
        (logs.status == 200 && !logs.text().contains("\"totalItems\":0")).then_some(())
    });
    server.stop();
}
