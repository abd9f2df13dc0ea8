//! Rules as policies of the database: direct connections under the API's role, and the API itself under them.

use std::process::Command;

use hangar_tests::{Api, Client, Site};
use serde_json::{Value, json};

/// What SQL as the superuser of a site's managed database server prints, or its error.
fn sql(site: &Site, text: &str) -> Result<String, String> {
    let psql = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin/psql"))
        .filter(|path| path.exists())
        .max();
    let output = Command::new(psql.unwrap_or_else(|| "psql".into()))
        .args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-p",
            "5432",
        ])
        .args(["-U", "hangar", "-d", "hangar", "-c", text, "-h"])
        .arg(site.data().join("postgres/run"))
        .output()
        .expect("psql runs");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The same in a transaction under the API's role, for a user or a guest.
fn direct(site: &Site, user: Option<&str>, text: &str) -> Result<String, String> {
    let who = user.map_or(String::new(), |id| {
        let identity = json!({"collection": "users", "id": id});
        format!("DO $do$ BEGIN PERFORM set_config('hangar.auth', '{identity}', true); END $do$;")
    });
    sql(
        site,
        &format!("BEGIN; SET LOCAL ROLE hangar_api; {who} {text}; COMMIT"),
    )
}

const ADA: &str = "ada000000000001";
const BOB: &str = "bob000000000001";

/// Users, and notes that belong to them.
fn fill(api: &mut Api) {
    for (id, name) in [(ADA, "ada"), (BOB, "bob")] {
        let email = format!("{name}@example.com");
        api.create(
            "users",
            json!({"id": id, "name": name, "email": email, "password": "1234567890", "passwordConfirm": "1234567890"}),
        );
    }
    let users = api.client.get("/api/collections/users").expect(200)["id"].clone();
    let own = "author = @request.auth.id && author.name != ''";
    let body = json!({
        "name": "notes", "type": "base", "listRule": own, "viewRule": "", "createRule": own, "updateRule": own, "deleteRule": null,
        "fields": [
            {"id": "field_text", "name": "text", "type": "text"},
            {"name": "secret", "type": "text", "hidden": true},
            {"name": "author", "type": "relation", "collectionId": users, "maxSelect": 1},
        ],
    });
    api.client.post("/api/collections", &body).expect(200);
    for (text, author) in [("of ada", ADA), ("of bob", BOB), ("of nobody", "")] {
        api.create(
            "notes",
            json!({"text": text, "author": author, "secret": "s"}),
        );
    }
}

#[test]
fn direct_connections_meet_the_rules() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    fill(&mut api);
    let texts = "SELECT text FROM notes ORDER BY text";
    assert_eq!(direct(&site, None, texts), Ok(String::new()));
    assert_eq!(direct(&site, Some(ADA), texts), Ok("of ada".into()));
    assert_eq!(direct(&site, Some(BOB), texts), Ok("of bob".into()));
    assert_eq!(direct(&site, Some("nobody"), texts), Ok(String::new()));
    // The view rule is another one.
    let view = "DO $do$ BEGIN PERFORM set_config('hangar.action', 'view', true); END $do$; SELECT count(*) FROM notes";
    assert_eq!(direct(&site, None, view), Ok("3".into()));
    // Nothing of one transaction is left for the next.
    let identity = json!({"collection": "users", "id": ADA});
    let leak = format!(
        "SET ROLE hangar_api; BEGIN; DO $do$ BEGIN PERFORM set_config('hangar.auth', '{identity}', true); END $do$; COMMIT; {texts}"
    );
    assert_eq!(sql(&site, &leak), Ok(String::new()));

    for (secret, what) in [
        ("SELECT secret FROM notes", "a hidden field"),
        ("SELECT \"tokenKey\" FROM users", "a token key"),
        ("SELECT password FROM users", "a password hash"),
        ("SELECT email FROM users", "an email"),
        (
            "SELECT * FROM hangar_rls.users",
            "the views of the policies",
        ),
        (
            "SELECT data FROM hangar_collections.collections",
            "token secrets",
        ),
        ("CREATE POLICY x ON notes USING (true)", "policies"),
    ] {
        let refused = direct(&site, Some(ADA), secret);
        let error = refused.expect_err(what);
        assert!(
            error.contains("permission denied") || error.contains("must be owner"),
            "{what}: {error}"
        );
    }

    let superusers = "SELECT count(*) FROM _superusers";
    assert_eq!(direct(&site, Some(ADA), superusers), Ok("0".into()));
    let insert = |author: &str| {
        format!(
            "INSERT INTO notes (id, text, author) VALUES ('n{author}', 'new', '{author}') RETURNING text"
        )
    };
    assert_eq!(direct(&site, Some(ADA), &insert(ADA)), Ok("new".into()));
    let error = direct(&site, Some(ADA), &insert(BOB)).expect_err("of somebody else");
    assert!(error.contains("row-level security"), "{error}");
    let update = "UPDATE notes SET text = 'changed' WHERE text <> '' RETURNING author";
    assert_eq!(direct(&site, Some(BOB), update), Ok(BOB.into()));
    let delete = "DELETE FROM notes RETURNING author";
    assert_eq!(direct(&site, Some(BOB), delete), Ok(String::new()));
}

#[test]
fn policies_follow_the_collections() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    fill(&mut api);
    let count = |site: &Site, table: &str| {
        direct(site, Some(ADA), &format!("SELECT count(*) FROM {table}"))
    };
    let mut patch = |name: &str, body: Value| {
        api.client
            .call("PATCH", &format!("/api/collections/{name}"), &body)
            .expect(200)
    };
    patch("notes", json!({"listRule": "author.name ~ 'B'"}));
    assert_eq!(count(&site, "notes"), Ok("1".into()));
    patch("notes", json!({"listRule": ""}));
    assert_eq!(count(&site, "notes"), Ok("3".into()));
    patch("notes", json!({"listRule": null, "viewRule": null}));
    assert_eq!(count(&site, "notes"), Ok("0".into()));
    // Names change under the policies of other collections too.
    let rule = "notes_via_author.text ?= 'of ada'";
    patch("users", json!({"listRule": rule}));
    assert_eq!(count(&site, "users"), Ok("1".into()));
    patch(
        "notes",
        json!({"name": "papers", "listRule": "text = 'of bob'"}),
    );
    assert_eq!(count(&site, "papers"), Ok("1".into()));
    patch(
        "users",
        json!({"listRule": "papers_via_author.text ?= 'of ada'"}),
    );
    assert_eq!(count(&site, "users"), Ok("1".into()));
    // A column that goes takes no policy along that does not need it.
    patch("users", json!({"listRule": ""}));
    let fields = patch(
        "papers",
        json!({"listRule": "", "createRule": null, "updateRule": null}),
    )["fields"]
        .clone();
    let kept: Vec<Value> = fields
        .as_array()
        .into_iter()
        .flatten()
        .filter(|field| field["name"] != "author")
        .cloned()
        .collect();
    patch("papers", json!({"fields": kept}));
    assert_eq!(count(&site, "papers"), Ok("3".into()));
    let deleted = api
        .client
        .call("DELETE", "/api/collections/papers", &Value::Null);
    assert_eq!(deleted.status, 204);
    assert_eq!(count(&site, "users"), Ok("2".into()));
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'hangar_rls'::regnamespace AND relname = 'papers'";
    assert_eq!(sql(&site, left), Ok("0".into()));
}

/// A view of the notes under rules of its own.
fn view(api: &mut Api) {
    let body = json!({
        "name": "seen", "type": "view", "viewQuery": "SELECT id, text, secret, author FROM notes",
        "listRule": "author = @request.auth.id && author.name ~ 'a'", "viewRule": "text != 'of nobody'",
    });
    api.client.post("/api/collections", &body).expect(200);
}

#[test]
fn view_collections_are_read_through_views_with_their_rules() {
    let site = Site::new();
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    fill(&mut api);
    view(&mut api);
    let texts = |who, name: &str| {
        direct(
            &site,
            who,
            &format!("SELECT string_agg(text, ',' ORDER BY text) FROM hangar_views.{name}"),
        )
    };
    let (of_ada, nothing) = (Ok("of ada".to_owned()), Ok(String::new()));
    assert_eq!(texts(Some(ADA), "seen"), of_ada);
    assert_eq!(texts(Some(BOB), "seen"), nothing);
    assert_eq!(texts(None, "seen"), nothing);
    let view = "DO $do$ BEGIN PERFORM set_config('hangar.action', 'view', true); END $do$; SELECT count(*) FROM hangar_views.seen";
    assert_eq!(direct(&site, None, view), Ok("2".into()));
    for refused in [
        "SELECT secret FROM hangar_views.seen",
        "SELECT text FROM public.seen",
    ] {
        let error = direct(&site, Some(ADA), refused).expect_err(refused);
        assert!(error.contains("permission denied"), "{refused}: {error}");
    }
    // A function that tells what it sees, and that PostgreSQL would call first, is not shown what the rule hides.
    let spy = "CREATE FUNCTION pg_temp.spy(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS \
               $f$ BEGIN IF t <> 'of ada' THEN RAISE 'seen: %', t; END IF; RETURN TRUE; END $f$";
    let spied = format!("{spy}; SELECT text FROM hangar_views.seen WHERE pg_temp.spy(text)");
    assert_eq!(direct(&site, Some(ADA), &spied), of_ada);

    let mut patch = |name: &str, body: Value| {
        api.client
            .call("PATCH", &format!("/api/collections/{name}"), &body)
            .expect(200)
    };
    patch("seen", json!({"listRule": "text != 'of ada'"}));
    assert_eq!(texts(None, "seen"), Ok("of bob,of nobody".into()));
    patch("seen", json!({"listRule": null}));
    assert_eq!(texts(Some(ADA), "seen"), nothing);
    patch("seen", json!({"listRule": "", "name": "shown"}));
    assert_eq!(texts(None, "shown"), Ok("of ada,of bob,of nobody".into()));
    let query = "SELECT id, text, author FROM notes WHERE text = 'of bob'";
    patch("shown", json!({"viewQuery": query}));
    assert_eq!(texts(None, "shown"), Ok("of bob".into()));
    // A view that reads a view, with a rule about another collection whose table changes.
    let body = json!({
        "name": "again", "type": "view", "viewQuery": "SELECT id, text, author FROM shown",
        "listRule": "author.name = 'bob'", "viewRule": null,
    });
    api.client.post("/api/collections", &body).expect(200);
    assert_eq!(texts(None, "again"), Ok("of bob".into()));
    let users = api.client.get("/api/collections/users").expect(200);
    let mut fields = users["fields"].as_array().expect("fields").clone();
    fields.push(json!({"name": "more", "type": "text"}));
    let mut patch = |name: &str, body: Value| {
        api.client
            .call("PATCH", &format!("/api/collections/{name}"), &body)
            .expect(200)
    };
    patch("users", json!({"fields": fields}));
    assert_eq!(texts(None, "again"), Ok("of bob".into()));
    for name in ["again", "shown"] {
        let path = format!("/api/collections/{name}");
        let deleted = api.client.call("DELETE", &path, &Value::Null);
        assert_eq!(deleted.status, 204);
    }
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'hangar_views'::regnamespace";
    assert_eq!(sql(&site, left), Ok("0".into()));
}

#[test]
fn the_api_reads_under_the_policies() {
    let site = Site::new();
    site.settings("[security]\nrls = \"always\"\n");
    let server = site.start();
    let mut api = Api::sign_in(server.address);
    fill(&mut api);
    let mut ada = Client::new(server.address);
    let signed_in = ada.post(
        "/api/collections/users/auth-with-password",
        &json!({"identity": "ada@example.com", "password": "1234567890"}),
    );
    ada.token = signed_in.expect(200)["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let total = |client: &mut Client, query: &str| {
        let path = format!("/api/collections/notes/records?{query}");
        client.get(&path).expect(200)["totalItems"].clone()
    };
    assert_eq!(total(&mut ada, ""), 1);
    assert_eq!(total(&mut ada, "expand=author&fields=id"), 1);
    assert_eq!(total(&mut server.client(), ""), 0);
    assert_eq!(total(&mut api.client, ""), 3);
    // It is the policy that decides: without it nothing is shown.
    sql(
        &site,
        "DO $$ DECLARE p record; BEGIN FOR p IN SELECT polname FROM pg_policy WHERE polrelid = 'notes'::regclass \
         LOOP EXECUTE format('DROP POLICY %I ON notes', p.polname); END LOOP; END $$",
    )
    .expect("policies can be dropped");
    assert_eq!(total(&mut ada, ""), 0);
    assert_eq!(total(&mut api.client, ""), 3);

    // View collections too: what is shown is what the view in their place shows.
    view(&mut api);
    let seen = |client: &mut Client, query: &str| {
        let path = format!("/api/collections/seen/records?{query}");
        client.get(&path).expect(200)["totalItems"].clone()
    };
    let one = format!(
        "/api/collections/seen/records/{}",
        api.client
            .get("/api/collections/notes/records?filter=text='of%20nobody'")
            .expect(200)["items"][0]["id"]
            .as_str()
            .expect("an id")
    );
    assert_eq!(seen(&mut ada, ""), 1);
    assert_eq!(seen(&mut ada, "filter=author.name='ada'&sort=-text"), 1);
    assert_eq!(seen(&mut ada, "expand=author"), 1);
    assert_eq!(seen(&mut server.client(), ""), 0);
    assert_eq!(seen(&mut api.client, ""), 3);
    assert_eq!(server.client().get(&one).status, 404);
    sql(
        &site,
        "CREATE OR REPLACE VIEW hangar_views.seen WITH (security_barrier) AS SELECT * FROM hangar_rls.seen",
    )
    .expect("the view can be replaced");
    assert_eq!(seen(&mut server.client(), ""), 3);
    assert_eq!(server.client().get(&one).status, 200);

    let typo = Site::new();
    typo.settings("[security]\nrls = \"allways\"\n");
    let printed = typo.start_refused();
    assert!(printed.contains("security.rls is \"allways\""), "{printed}");
}
