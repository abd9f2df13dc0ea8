//! A cluster's ordinary life: made, used, stopped, started again.

mod common;

use std::time::{Duration, Instant};

use common::{folder, options, psql, psql_as, start, stop, try_psql};
use hangar_cluster::{Cluster, Error, Origin};

#[tokio::test]
async fn first_start_use_stop_and_warm_start() {
    let temp = folder();
    let began = Instant::now();
    let cluster = start(&temp).await;
    let first = began.elapsed();
    assert_eq!(cluster.origin(), Origin::Started);
    psql(
        &cluster,
        "CREATE TABLE kept (id int); INSERT INTO kept VALUES (42)",
    );
    stop(&cluster).await;
    let (folder_before, connection) = (
        cluster.folder().to_owned(),
        cluster.connection_config().clone(),
    );
    drop(cluster);

    let began = Instant::now();
    let cluster = start(&temp).await;
    let warm = began.elapsed();
    assert_eq!(psql(&cluster, "SELECT id FROM kept"), "42");
    assert_eq!(
        (cluster.folder(), cluster.connection_config()),
        (folder_before.as_path(), &connection)
    );
    let began = Instant::now();
    stop(&cluster).await;
    println!(
        "first start {first:?}, warm start {warm:?}, stop {:?}",
        began.elapsed()
    );
    assert!(
        warm < Duration::from_secs(10),
        "a warm start makes nothing anew, yet took {warm:?}"
    );
}

#[tokio::test]
async fn the_login_role_owns_its_database_and_nothing_else() {
    let temp = folder();
    let mut options = options(&temp);
    options.roles = vec!["readers".to_owned(), "the \"others\"' ".to_owned()];
    let cluster = Cluster::attach_or_start(options).await.expect("starts");
    psql(
        &cluster,
        "CREATE TABLE kept (id int); CREATE SCHEMA more; CREATE EXTENSION pg_trgm; GRANT SELECT ON kept TO readers; \
         GRANT readers TO \"the \"\"others\"\"' \"; SET ROLE readers; SELECT * FROM kept",
    );
    for beyond in [
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE ROLE another",
        "GRANT pg_execute_server_program TO hangar",
        "ALTER ROLE hangar SUPERUSER",
        "ALTER SYSTEM SET log_connections = on",
        "SET ROLE postgres",
        "CREATE EXTENSION file_fdw",
    ] {
        let error = try_psql("hangar", &cluster, beyond).expect_err(beyond);
        assert!(
            ["permission denied", "must ", "superuser"]
                .iter()
                .any(|word| error.contains(word)),
            "{beyond}: {error}"
        );
    }
    stop(&cluster).await;
}

#[tokio::test]
async fn a_cluster_whose_login_role_is_its_administrator_is_used_as_it_is() {
    let temp = folder();
    let cluster = start(&temp).await;
    psql_as("postgres", &cluster, "ALTER ROLE hangar SUPERUSER");
    psql(&cluster, "ALTER ROLE postgres RENAME TO nobody_we_know");
    stop(&cluster).await;
    drop(cluster);
    let cluster = start(&temp).await;
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    stop(&cluster).await;
}

#[tokio::test]
async fn the_server_is_private_and_ready_for_replication() {
    let temp = folder();
    let cluster = start(&temp).await;
    let show = |name: &str| psql(&cluster, &format!("SHOW {name}"));
    assert_eq!(show("listen_addresses"), "");
    assert_eq!(show("unix_socket_permissions"), "0700");
    assert_eq!(show("wal_level"), "logical");
    assert_eq!(show("max_replication_slots"), "16");
    assert_eq!(show("max_slot_wal_keep_size"), "1GB");
    assert_eq!(show("synchronous_commit"), "on");
    assert_eq!(show("server_encoding"), "UTF8");
    assert_eq!(
        psql(&cluster, "SELECT lower('ÄÉ') || ('a' > 'B')::text"),
        "äétrue"
    );
    assert_eq!(
        psql(&cluster, "SELECT current_user, current_database()"),
        "hangar|hangar"
    );

    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&cluster.connection_config().socket_dir)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    // Not root, and out of reach of a Ctrl-C on our terminal.
    let (uid, _) = common::owner(std::path::Path::new(&format!("/proc/{}", cluster.pid())));
    assert_ne!(uid, 0);
    let group = |pid| nix::unistd::getpgid(pid).expect("a process group");
    assert_ne!(
        group(Some(nix::unistd::Pid::from_raw(cluster.pid()))),
        group(None)
    );
    // Nothing of our environment reaches the server.
    let environment = std::fs::read(format!("/proc/{}/environ", cluster.pid())).expect("readable");
    assert!(
        !String::from_utf8_lossy(&environment).contains("CARGO"),
        "the environment is clean"
    );
    stop(&cluster).await;
}

#[tokio::test]
async fn the_connection_string_works_with_tokio_postgres() {
    let temp = folder();
    let cluster = start(&temp).await;
    let (client, connection) =
        tokio_postgres::connect(&cluster.connection_string(), tokio_postgres::NoTls)
            .await
            .expect("connected");
    let driver = tokio::spawn(connection);
    let row = client
        .query_one("SELECT $1::int4 + 1", &[&41])
        .await
        .expect("answered");
    assert_eq!(row.get::<_, i32>(0), 42);
    // An open session does not keep the server from stopping.
    stop(&cluster).await;
    assert!(client.is_closed() || driver.await.expect("joined").is_err());
}

#[tokio::test]
async fn settings_are_added_and_those_hangar_needs_are_refused() {
    let temp = folder();
    let with = |name: &str, value: &str| {
        let mut options = options(&temp);
        options.settings = vec![(name.into(), value.into())];
        options
    };
    let cluster = Cluster::attach_or_start(with("shared_buffers", "64MB"))
        .await
        .expect("started");
    assert_eq!(psql(&cluster, "SHOW shared_buffers"), "64MB");
    // Hangar's own keep the upper hand over the server's file of its own.
    psql_as(
        "postgres",
        &cluster,
        "ALTER SYSTEM SET unix_socket_directories = '/nowhere'",
    );
    stop(&cluster).await;
    drop(cluster);
    let cluster = start(&temp).await;
    assert_eq!(psql(&cluster, "SHOW shared_buffers"), "128MB");
    stop(&cluster).await;
    drop(cluster);

    for (name, value) in [
        ("listen_addresses", "*"),
        ("Port", "1"),
        ("a b", "1"),
        ("work_mem", "1\nport=1"),
    ] {
        let error = Cluster::attach_or_start(with(name, value))
            .await
            .expect_err("refused");
        assert!(
            matches!(&error, Error::Setting(text) if text.contains(name)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_rejects_its_settings_says_why() {
    let temp = folder();
    let mut options = options(&temp);
    options.settings = vec![("shared_buffers".into(), "lots".into())];
    let error = Cluster::attach_or_start(options)
        .await
        .expect_err("refused by the server")
        .to_string();
    assert!(
        error.contains("did not start") && error.contains("shared_buffers"),
        "{error}"
    );
    // And the next start with good settings works.
    let cluster = start(&temp).await;
    stop(&cluster).await;
}

#[tokio::test]
async fn dropping_without_stop_still_stops_the_server() {
    let temp = folder();
    let cluster = start(&temp).await;
    let pid = cluster.pid();
    drop(cluster);
    common::eventually("the server stops", common::STOP, || !common::alive(pid)).await;
}

#[tokio::test]
async fn a_cancelled_start_leaves_no_server() {
    let temp = folder();
    let cluster = start(&temp).await;
    stop(&cluster).await;
    drop(cluster);
    let pid_file = temp.path().join("data/postgres/data/postmaster.pid");
    tokio::select! {
        _ = Cluster::attach_or_start(options(&temp)) => panic!("the start was not cancelled"),
        () = common::eventually("the server begins", common::STOP, || pid_file.exists()) => {}
    }
    common::eventually("the server stops", common::STOP, || !pid_file.exists()).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_stopped_at_once_and_recovers() {
    use nix::sys::signal::{Signal, kill};
    let temp = folder();
    let cluster = start(&temp).await;
    psql(&cluster, "CREATE TABLE kept AS SELECT 5 AS id");
    let (client, connection) =
        tokio_postgres::connect(&cluster.connection_string(), tokio_postgres::NoTls)
            .await
            .expect("connected");
    tokio::spawn(connection);
    let row = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .expect("answered");
    // A session that does not react keeps the server from stopping in the ordinary way.
    let session = nix::unistd::Pid::from_raw(row.get(0));
    kill(session, Signal::SIGSTOP).expect("paused");
    let stopped = cluster.stop(Duration::from_secs(1)).await.expect("stopped");
    assert_eq!(stopped, hangar_cluster::Stopped::AtOnce);
    assert!(!common::alive(cluster.pid()) && !common::alive(session.as_raw()));
    drop(cluster);
    let cluster = start(&temp).await;
    assert_eq!(psql(&cluster, "SELECT id FROM kept"), "5");
    stop(&cluster).await;
}
