//! What a kill -9 leaves behind.

mod common;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::{Helper, alive, eventually, folder, kill_hard, owner, psql, start, stop};
use hangar_cluster::{Cluster, Origin};
use tempfile::TempDir;

#[tokio::test]
#[ignore = "the other process of the tests below"]
async fn helper() {
    common::helper_main().await;
}

fn pid_file(temp: &TempDir) -> PathBuf {
    temp.path().join("data/postgres/data/postmaster.pid")
}

/// A cluster that was killed, so that its pid file and its socket's lock file are left.
async fn killed(temp: &TempDir) -> i32 {
    let cluster = start(temp).await;
    psql(
        &cluster,
        "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)",
    );
    let pid = cluster.pid();
    kill_hard(pid);
    eventually("the server dies", common::STOP, || !alive(pid)).await;
    assert!(pid_file(temp).exists());
    pid
}

#[tokio::test]
async fn a_pid_file_of_a_dead_process() {
    let temp = folder();
    killed(&temp).await;
    let cluster = start(&temp).await;
    assert_eq!(cluster.origin(), Origin::Started);
    assert_eq!(psql(&cluster, "SELECT id FROM kept"), "7");
    stop(&cluster).await;
}

#[tokio::test]
async fn a_pid_file_whose_process_is_another_program() {
    let temp = folder();
    let dead = killed(&temp).await;
    // Of the server's user: PostgreSQL itself would take it for a server and refuse to start.
    let mut sleep = std::process::Command::new("sleep");
    sleep.arg("600");
    if common::is_root() {
        let (uid, gid) = owner(&pid_file(&temp));
        sleep.uid(uid).gid(gid);
    }
    let mut sleep = sleep.spawn().expect("sleep runs");
    let replace = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("read");
        assert!(text.starts_with(&dead.to_string()));
        std::fs::write(
            &path,
            text.replacen(&dead.to_string(), &sleep.id().to_string(), 1),
        )
        .expect("written");
    };
    replace(pid_file(&temp));
    replace(temp.path().join("data/postgres/run/.s.PGSQL.5432.lock"));
    let cluster = start(&temp).await;
    assert_eq!(cluster.origin(), Origin::Started);
    assert_eq!(psql(&cluster, "SELECT id FROM kept"), "7");
    assert!(
        sleep.try_wait().expect("asked").is_none(),
        "the other program was left alone"
    );
    sleep.kill().and_then(|()| sleep.wait()).expect("ended");
    stop(&cluster).await;
}

#[tokio::test]
async fn a_damaged_pid_file() {
    let temp = folder();
    for damage in ["", "not a number\nmore\n"] {
        killed(&temp).await;
        std::fs::write(pid_file(&temp), damage).expect("written");
        let cluster = start(&temp).await;
        assert_eq!(
            psql(&cluster, "SELECT id FROM kept; DROP TABLE kept"),
            "7\nDROP TABLE"
        );
        stop(&cluster).await;
    }
}

#[tokio::test]
async fn an_orphan_is_adopted_and_stopped_at_the_end() {
    let temp = folder();
    let helper = Helper::ready(Helper::spawn(&temp));
    assert_eq!(helper.origin, "Started");
    let server = helper.kill();
    assert!(alive(server), "the server outlives a kill -9 of its parent");
    let cluster = start(&temp).await;
    assert_eq!((cluster.origin(), cluster.pid()), (Origin::Adopted, server));
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    stop(&cluster).await;
    assert!(!pid_file(&temp).exists(), "stopped cleanly");
}

#[tokio::test]
async fn an_orphan_with_old_settings_is_restarted() {
    let temp = folder();
    let server = Helper::ready(Helper::spawn(&temp)).kill();
    let mut options = common::options(&temp);
    options.settings = vec![("work_mem".into(), "5MB".into())];
    let cluster = Cluster::attach_or_start(options).await.expect("started");
    assert_ne!(cluster.pid(), server);
    assert_eq!(psql(&cluster, "SHOW work_mem"), "5MB");
    stop(&cluster).await;
}

#[tokio::test]
async fn an_orphan_whose_socket_is_gone_is_restarted() {
    let temp = folder();
    let server = Helper::ready(Helper::spawn(&temp)).kill();
    std::fs::remove_file(temp.path().join("data/postgres/run/.s.PGSQL.5432")).expect("removed");
    let mut options = common::options(&temp);
    options.start_timeout = Duration::from_secs(2);
    let cluster = Cluster::attach_or_start(options).await.expect("started");
    assert_ne!(cluster.pid(), server);
    assert!(!alive(server));
    stop(&cluster).await;
}

#[tokio::test]
async fn a_supervised_server_comes_back_after_a_kill() {
    let temp = folder();
    let cluster = Arc::new(start(&temp).await);
    let supervisor = tokio::spawn({
        let cluster = cluster.clone();
        async move { cluster.supervise().await }
    });
    psql(
        &cluster,
        "CREATE TABLE kept (id int); INSERT INTO kept VALUES (9)",
    );
    for _ in 0..2 {
        let old = cluster.pid();
        kill_hard(old);
        eventually("another server runs", common::STOP, || cluster.pid() != old).await;
        assert_eq!(psql(&cluster, "SELECT id FROM kept"), "9");
    }
    stop(&cluster).await;
    supervisor
        .await
        .expect("joined")
        .expect("a stop is no failure");
}

#[tokio::test]
async fn an_adopted_server_is_supervised_too() {
    let temp = folder();
    let server = Helper::ready(Helper::spawn(&temp)).kill();
    let cluster = start(&temp).await;
    assert_eq!(cluster.origin(), Origin::Adopted);
    kill_hard(server);
    let restarted = eventually("another server runs", common::STOP, || {
        cluster.pid() != server
    });
    tokio::select! {
        end = cluster.supervise() => panic!("the supervision ended: {end:?}"),
        () = restarted => {}
    }
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    stop(&cluster).await;
}

#[tokio::test]
async fn a_server_that_cannot_stay_up_is_given_up() {
    let temp = folder();
    let cluster = start(&temp).await;
    // From now on every start fails.
    let version = temp.path().join("data/postgres/data/global/pg_control");
    std::fs::rename(&version, version.with_extension("away")).expect("renamed");
    kill_hard(cluster.pid());
    let end = tokio::time::timeout(Duration::from_secs(60), cluster.supervise())
        .await
        .expect("bounded");
    let error = end.expect_err("given up").to_string();
    assert!(error.contains("6 times"), "{error}");
}
