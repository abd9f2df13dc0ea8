//! Runs the statements of `ddl` on a scratch PostgreSQL cluster, which needs PostgreSQL's programs on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use hangar_model::{Collection, Random, ddl, system};

struct Counter(u64);

impl Random for Counter {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| {
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                letters[(self.0 >> 33) as usize % letters.len()]
            })
            .collect()
    }
}

/// A cluster that lives as long as the value, reachable by socket only.
struct Cluster {
    programs: PathBuf,
    directory: PathBuf,
}

impl Cluster {
    fn start() -> Self {
        let programs = programs();
        let directory = {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            std::env::temp_dir().join(format!("hangar-model-ddl-{}-{number}", std::process::id()))
        };
        std::fs::create_dir_all(&directory).expect("a scratch directory");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&directory));
        }
        let cluster = Self {
            programs,
            directory,
        };
        let data = cluster.directory.join("data").display().to_string();
        cluster.program(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
        );
        let options = format!(
            "-c listen_addresses= -c fsync=off -k {}",
            cluster.directory.display()
        );
        let log = cluster.directory.join("log").display().to_string();
        cluster.program(
            "pg_ctl",
            &["-D", &data, "-w", "-l", &log, "-o", &options, "start"],
        );
        cluster
    }

    /// Runs one of PostgreSQL's programs, as the user `postgres` where we are root, which they refuse.
    fn program(&self, name: &str, arguments: &[&str]) {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        run(command.args(arguments).current_dir(&self.directory));
    }

    fn psql(&self, sql: &str) -> Output {
        Command::new(self.programs.join("psql"))
            .args([
                "-h",
                &self.directory.display().to_string(),
                "-U",
                "postgres",
                "-X",
                "-q",
                "-A",
                "-t",
            ])
            .args(["-v", "ON_ERROR_STOP=1", "-1", "-c", sql])
            .output()
            .expect("psql runs")
    }

    /// The rows of a query, one a line, columns separated by bars.
    fn query(&self, sql: &str) -> String {
        let output = self.psql(sql);
        assert!(
            output.status.success(),
            "{sql}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn sync(&self, old: Option<&Collection>, new: &Collection) {
        let statements = ddl::sync(old, new).expect("translatable");
        let sql: Vec<String> = statements
            .into_iter()
            .map(|statement| statement.sql)
            .collect();
        if !sql.is_empty() {
            self.query(&sql.join(";\n"));
        }
    }

    fn columns(&self, table: &str) -> String {
        self.query(&format!(
            "SELECT string_agg(column_name || ':' || data_type, ' ' ORDER BY ordinal_position) \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'"
        ))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.directory.join("data").display().to_string();
        self.program("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
        // A leftover in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program runs");
    assert!(
        output.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The folder of the newest PostgreSQL.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&path));
    found.sort();
    let usable = |folder: &&PathBuf| {
        ["initdb", "pg_ctl", "psql"]
            .iter()
            .all(|name| Path::new(folder).join(name).exists())
    };
    found
        .iter()
        .rev()
        .find(usable)
        .cloned()
        .expect("PostgreSQL's programs in /usr/lib/postgresql or on PATH")
}

/// A prepared collection from a body.
fn collection(body: &str) -> Collection {
    let text = body.replacen('{', "{\"type\":\"base\",", 1);
    let mut collection = Collection::from_storage(&text).expect("a collection");
    collection.prepare(
        None,
        &|_| false,
        "2026-01-01 00:00:00.000Z",
        &mut Counter(1),
    );
    collection
}

#[test]
fn tables_follow_their_definitions() {
    let cluster = Cluster::start();
    for collection in system::collections(0, &mut Counter(1)) {
        cluster.sync(None, &collection);
    }
    assert_eq!(
        cluster.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "6"
    );

    let first = collection(
        r#"{"name":"posts","fields":[
            {"id":"a","name":"a","type":"text"},{"id":"b","name":"b","type":"text"},{"id":"n","name":"n","type":"number"},
            {"id":"s","name":"s","type":"select","values":["x","y"]},{"id":"m","name":"m","type":"select","maxSelect":2,"values":["x","y"]},
            {"id":"f","name":"Select From","type":"bool"},{"id":"d","name":"d","type":"date"},{"id":"j","name":"j","type":"json"},
            {"id":"c","name":"ctid","type":"text"},{"id":"g","name":"g","type":"geoPoint"}],
          "indexes":["create unique index i_a on posts (a collate nocase) where a != ''",
                     "create index i_b on posts (`b` desc, lower(`A`), n + 1) where `d` != '' and [n] > 1.5 and a like 'x%'"]}"#,
    );
    cluster.sync(None, &first);
    assert_eq!(
        cluster.columns("posts"),
        "_rowid_:bigint id:text a:text b:text n:double precision s:text m:jsonb Select From:boolean \
         d:timestamp with time zone j:jsonb ctid_a5cf32d2:text g:jsonb"
    );
    cluster.query(
        r#"INSERT INTO posts (id, a, b, s, m) VALUES ('1', 'one', 'eins', 'x', '["x","y"]'), ('2', '', 'zwei', '', '[]')"#,
    );
    let clash = cluster.psql("INSERT INTO posts (id, a) VALUES ('3', 'ONE')");
    assert!(String::from_utf8_lossy(&clash.stderr).contains("\"i_a\""));
    assert_eq!(hangar_model::index::violated_fields(&first, "i_a"), ["a"]);
    assert_eq!(
        hangar_model::index::violated_fields(&first, "posts_pkey"),
        ["id"]
    );

    // Names swapped, a field dropped and one added, single and multiple exchanged, the table renamed, an index dropped.
    let second = collection(
        r#"{"name":"Articles","fields":[
            {"id":"a","name":"b","type":"text"},{"id":"b","name":"a","type":"text"},
            {"id":"s","name":"s","type":"select","maxSelect":2,"values":["x","y"]},{"id":"m","name":"m","type":"select","values":["x","y"]},
            {"id":"n2","name":"n","type":"bool"}],
          "indexes":["create unique index i_a on posts (b collate nocase) where b != ''"]}"#,
    );
    cluster.sync(Some(&first), &second);
    assert_eq!(cluster.columns("posts"), "");
    assert_eq!(
        cluster.columns("Articles"),
        "_rowid_:bigint id:text b:text a:text s:jsonb m:text n:boolean"
    );
    assert_eq!(
        cluster.query("SELECT id, a, b, s, m, n FROM \"Articles\" ORDER BY _rowid_"),
        "1|eins|one|[\"x\"]|y|f\n2|zwei||[]||f"
    );
    assert_eq!(
        cluster.query(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'Articles' AND indexname LIKE 'i%'"
        ),
        "i_a"
    );
    cluster.query("INSERT INTO \"Articles\" (id) VALUES ('9')");
    assert_eq!(
        cluster.query("SELECT s, m FROM \"Articles\" WHERE id = '9'"),
        "[]|"
    );

    // Nothing to do is nothing done, and a mere rename keeps the indexes.
    assert_eq!(ddl::sync(Some(&second), &second), Ok(vec![]));
    let mut third = second.clone();
    third.name = "posts".to_owned();
    third.retarget_indexes();
    let statements = ddl::sync(Some(&second), &third).expect("translatable");
    assert_eq!(statements.len(), 1, "{statements:?}");
    cluster.sync(Some(&second), &third);
    let drop: Vec<String> = ddl::drop(&third)
        .into_iter()
        .map(|statement| statement.sql)
        .collect();
    cluster.query(&drop.join(";"));
    assert_eq!(cluster.columns("posts"), "");
}

#[test]
fn indexes_reach_the_database_only_in_known_words() {
    let with = |index: &str| {
        collection(&format!(
            r#"{{"name":"t","fields":[{{"name":"a","type":"text"}}],"indexes":[{}]}}"#,
            serde_json::Value::from(index)
        ))
    };
    for (index, message) in [
        ("create index i on t (nope)", "no such column: nope"),
        (
            "create index i on t (a) where a = (select 1)",
            "no such column: select",
        ),
        (
            "create index i on t (a) where a = 1; drop table t",
            "unrecognized token",
        ),
        (
            "create index i on t (pg_sleep(5))",
            "no such function: pg_sleep",
        ),
        ("create index i on t (a) where a = 'x", "unrecognized token"),
        (
            "create index i on t (a) where a = 1 -- x",
            "comments are not supported",
        ),
        ("create index i on t (a) where a = 1)", "syntax error"),
        (
            "create index i on t (a collate french)",
            "no such collation",
        ),
        ("create index i on t (\"a\"\"b\")", "no such column"),
    ] {
        let errors = ddl::sync(None, &with(index)).expect_err(index);
        let text = serde_json::Value::Object(errors.into_data()).to_string();
        assert!(text.contains(message), "{index}: {text}");
    }
    let statements = ddl::sync(
        None,
        &with("create index `i\u{e9}` on t (`a`) where a = 'it''s \\ \"x\"'"),
    )
    .expect("fine");
    let sql = statements
        .last()
        .map(|statement| statement.sql.clone())
        .unwrap_or_default();
    assert_eq!(
        sql,
        "CREATE INDEX \"i\u{e9}\" ON public.\"t\" (\"a\", \"_rowid_\") WHERE \"a\" = E'it''s \\\\ \"x\"'"
    );
}

#[test]
fn ids_of_any_case_are_indexed() {
    let cluster = Cluster::start();
    let with_pattern = |name: &str, pattern: &str| {
        collection(&format!(
            r#"{{"id":"pbc_ids","name":"{name}","fields":[{{"name":"id","type":"text","primaryKey":true,"pattern":"{pattern}"}}]}}"#
        ))
    };
    let indexes = || {
        cluster.query(
            "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%lower(id%' AND tablename = 'ids'",
        )
    };
    let plain = with_pattern("ids", "^[a-z0-9]+$");
    cluster.sync(None, &plain);
    assert_eq!(indexes(), "0");
    let custom = with_pattern("names", "^[A-Za-z]+$");
    cluster.sync(Some(&plain), &custom);
    cluster.sync(Some(&custom), &with_pattern("ids", "^[A-Z]+$"));
    assert_eq!(indexes(), "1");
    cluster.sync(Some(&with_pattern("ids", "^[A-Z]+$")), &plain);
    assert_eq!(indexes(), "0");
    for statement in ddl::drop(&plain) {
        cluster.query(&statement.sql);
    }
    cluster.sync(None, &custom);
}
