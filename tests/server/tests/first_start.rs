//! The first start, on a data directory that does not exist yet.

use std::collections::BTreeSet;
use std::time::Duration;

use hangar_tests::{Api, EMAIL, PASSWORD, Server, Site, eventually};
use serde_json::json;

const LINK: &str = "/_/#/pbinstall/";

fn superuser(email: &str) -> serde_json::Value {
    json!({"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD})
}

#[test]
fn the_link_for_the_first_superuser_works_once() {
    let site = Site::empty();
    let server = site.start();
    let link = eventually("the link", Duration::from_secs(20), || server.said(LINK));
    let mut visitor = server.client();
    let page = visitor.get("/_/");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<html"), "{}", page.text());
    visitor.token = link.rsplit('/').next().unwrap_or_default().to_owned();
    let path = "/api/collections/_superusers/records";
    visitor.post(path, &superuser(EMAIL)).expect(200);
    visitor
        .post(path, &superuser("second@example.com"))
        .envelope(403);
    let mut api = Api::sign_in(server.address);
    let found = api.client.get(path).expect(200);
    assert_eq!(found["totalItems"], 1, "the installer's account is gone");
    drop(server);

    // Nobody is asked again.
    let server = site.start();
    Api::sign_in(server.address);
    eventually("the end of what it says", Duration::from_secs(20), || {
        server.said("Dashboard:")
    });
    assert_eq!(server.said(LINK), None);
}

#[test]
fn the_collections_of_a_new_pocketbase_are_there() {
    let site = Site::empty();
    site.run(&["superuser", "create", EMAIL, PASSWORD])
        .expect(0);
    let server: Server = site.start();
    let mut api = Api::sign_in(server.address);
    let list = api
        .client
        .get("/api/collections?fields=name,system")
        .expect(200);
    let names: BTreeSet<(&str, bool)> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|one| {
            let name = one["name"].as_str().expect("a name");
            (name, one["system"].as_bool().expect("a bool"))
        })
        .collect();
    let wanted = [
        ("_authOrigins", true),
        ("_externalAuths", true),
        ("_mfas", true),
        ("_otps", true),
        ("_superusers", true),
        ("users", false),
    ];
    assert_eq!(names, BTreeSet::from(wanted));
}
