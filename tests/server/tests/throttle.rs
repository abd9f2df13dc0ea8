//! Empty lists that come late: who guesses at what a rule hides is slowed down, and nobody else.

use std::time::{Duration, Instant};

use hangar_tests::{Api, Client, Server, Site};
use serde_json::json;

const NOTHING: &str = "/api/collections/notes/records?filter=title%3D%22nothing%22";

/// Notes under a rule that shows all of them, and the same without a rule.
fn fill(server: &Server) -> Api {
    let mut api = Api::sign_in(server.address);
    api.notes();
    let rule = json!({"name": "open", "type": "base", "listRule": "", "fields": [{"name": "title", "type": "text"}]});
    api.client.post("/api/collections", &rule).expect(200);
    let rule = json!({"listRule": "title != 'hidden'"});
    api.client
        .call("PATCH", "/api/collections/notes", &rule)
        .expect(200);
    api.create("notes", json!({"title": "a"}));
    api
}

/// How long so many requests take, one after the other.
fn time(client: &mut Client, path: &str, times: usize) -> Duration {
    // The instance and the plan are made before.
    let warm = path.replace("nothing", "warm");
    client.get(&warm.replace("filter", "x")).expect(200);
    let began = Instant::now();
    for _ in 0..times {
        client.get(path).expect(200);
    }
    began.elapsed()
}

/// Until the window of those counted so far is over.
fn forget() {
    std::thread::sleep(Duration::from_millis(3_100));
}

/// What seven delays of up to half a second add up to, once in some hundred thousand times less.
const SLOW: Duration = Duration::from_millis(400);

#[test]
fn empty_lists_of_a_filter_beside_a_rule_come_late_from_the_fourth_on() {
    let site = Site::new();
    let server = site.start();
    let mut api = fill(&server);
    let mut guest = server.client();
    for path in [
        NOTHING.to_owned(),
        format!("{NOTHING}&skipTotal=1"),
        format!("{NOTHING}&fields=id"),
        // A page past the last one shows no record either.
        "/api/collections/notes/records?filter=title!%3D%22nothing%22&page=9".to_owned(),
    ] {
        let three = time(&mut guest, &path, 3);
        assert!(three < SLOW, "{path}: the first three took {three:?}");
        let more = time(&mut guest, &path, 7);
        assert!(more > SLOW, "{path}: seven more took {more:?}");
        forget();
    }
    // Nobody else waits: who asks for what is there, without a filter or where no rule hides anything, and superusers.
    for path in [
        "/api/collections/notes/records?filter=title%3D%22a%22",
        "/api/collections/notes/records?page=9",
        "/api/collections/open/records?filter=title%3D%22nothing%22",
    ] {
        let all = time(&mut guest, path, 10);
        assert!(all < SLOW, "{path}: ten took {all:?}");
    }
    let all = time(&mut api.client, NOTHING, 10);
    assert!(all < SLOW, "a superuser's ten took {all:?}");
    let answer = guest.get(NOTHING);
    assert_eq!(answer.expect(200)["totalItems"], 0);
    assert_eq!(answer.header("x-hangar-delay"), None);
}

#[test]
fn no_instance_waits_with_them() {
    let site = Site::new();
    site.settings("[plugins.collections.limits]\ninstances = 1\n");
    let server = site.start();
    fill(&server);
    let mut other = server.client();
    time(&mut server.client(), NOTHING, 3);
    let late = || {
        let mut client = server.client();
        std::thread::spawn(move || {
            client.get(NOTHING).expect(200);
        })
    };
    let began = Instant::now();
    let waiting: Vec<_> = (0..20).map(|_| late()).collect();
    std::thread::sleep(Duration::from_millis(20));
    other
        .get("/api/collections/notes/records?filter=title%3D%22a%22")
        .expect(200);
    let answered = began.elapsed();
    for client in waiting {
        client.join().expect("an answer");
    }
    // One after the other they would take five seconds.
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    assert!(answered < Duration::from_millis(1_000), "{answered:?}");
}

#[test]
fn lists_under_the_policies_of_the_database_come_late_too() {
    let site = Site::new();
    site.settings("[security]\nrls = \"always\"\n");
    let server = site.start();
    fill(&server);
    let mut guest = server.client();
    time(&mut guest, NOTHING, 3);
    let more = time(&mut guest, NOTHING, 7);
    assert!(more > SLOW, "seven more took {more:?}");
}
