//! Where clusters lie, and what is said when they cannot.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{folder, is_root, options, psql, start, stop};
use hangar_cluster::{Cluster, Error, Options, Programs};

fn program(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).expect("made");
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode set");
}

#[tokio::test]
async fn a_path_too_long_or_too_odd_for_a_socket() {
    let temp = folder();
    for name in ["long".repeat(40), "it's, \"odd\" ü".to_owned()] {
        let mut options = Options::new(temp.path().join(name));
        options.fallback_root = temp.path().join("elsewhere");
        let cluster = Cluster::attach_or_start(options).await.expect("started");
        let socket_dir = cluster.connection_config().socket_dir.clone();
        assert!(socket_dir.starts_with("/tmp"), "{}", socket_dir.display());
        let mode = std::fs::metadata(&socket_dir)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(psql(&cluster, "SELECT 1"), "1");
        stop(&cluster).await;
        std::fs::remove_dir_all(socket_dir).expect("removed");
    }
}

#[tokio::test]
async fn a_socket_folder_made_by_someone_else_is_refused() {
    if !is_root() {
        return; // Only root can make a folder of another user.
    }
    let temp = folder();
    let dir = temp.path().join("long".repeat(40));
    let cluster = Cluster::attach_or_start(Options::new(&dir))
        .await
        .expect("started");
    let socket_dir = cluster.connection_config().socket_dir.clone();
    stop(&cluster).await;
    drop(cluster);
    std::fs::remove_dir_all(&socket_dir).expect("removed");
    std::fs::create_dir(&socket_dir).expect("made");
    std::os::unix::fs::chown(&socket_dir, Some(12345), Some(12345)).expect("given away");
    let error = Cluster::attach_or_start(Options::new(&dir))
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains(&*socket_dir.to_string_lossy()), "{error}");
    std::fs::remove_dir_all(&socket_dir).expect("removed");
}

#[tokio::test]
async fn root_below_a_closed_folder_places_the_cluster_elsewhere() {
    if !is_root() {
        return; // An ordinary user runs the server itself and can enter its own folders.
    }
    let temp = folder();
    let closed = temp.path().join("closed");
    std::fs::create_dir(&closed).expect("made");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).expect("mode set");
    let at = |name: &str| {
        let mut options = Options::new(closed.join(name));
        options.fallback_root = temp.path().join("elsewhere");
        options
    };
    let cluster = Cluster::attach_or_start(at("data")).await.expect("started");
    let place = cluster.folder().to_owned();
    assert!(
        place.starts_with(temp.path().join("elsewhere")),
        "{}",
        place.display()
    );
    psql(&cluster, "CREATE TABLE kept ()");
    stop(&cluster).await;
    drop(cluster);

    // A copy of the directory must not open the original's cluster.
    std::fs::create_dir(closed.join("copy")).expect("made");
    std::fs::copy(
        closed.join("data/postgres.path"),
        closed.join("copy/postgres.path"),
    )
    .expect("copied");
    let error = Cluster::attach_or_start(at("copy"))
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains("is a copy of"), "{error}");

    // A moved one finds it.
    std::fs::rename(closed.join("data"), closed.join("moved")).expect("moved");
    let cluster = Cluster::attach_or_start(at("moved"))
        .await
        .expect("started");
    assert_eq!(cluster.folder(), place);
    psql(&cluster, "SELECT * FROM kept");
    stop(&cluster).await;
    drop(cluster);

    // A lost one is not replaced by an empty one in silence.
    std::fs::remove_dir_all(&place).expect("removed");
    let error = Cluster::attach_or_start(at("moved"))
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains("which is not there"), "{error}");
}

#[tokio::test]
async fn root_takes_over_files_it_restored_itself() {
    if !is_root() {
        return; // Only root runs the server as someone else.
    }
    let temp = folder();
    let cluster = start(&temp).await;
    stop(&cluster).await;
    drop(cluster);
    let mut copy = std::process::Command::new("cp");
    copy.arg("-r")
        .arg(temp.path().join("data"))
        .arg(temp.path().join("restored"));
    assert!(copy.status().expect("cp runs").success());
    let cluster = Cluster::attach_or_start(Options::new(temp.path().join("restored")))
        .await
        .expect("started");
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    stop(&cluster).await;
}

#[tokio::test]
async fn a_folder_that_is_no_cluster_is_left_alone() {
    let temp = folder();
    let cluster = start(&temp).await;
    stop(&cluster).await;
    drop(cluster);
    let data = temp.path().join("data/postgres/data");
    std::fs::rename(data.join("PG_VERSION"), data.join("PG_VERSION.away")).expect("renamed");
    let error = Cluster::attach_or_start(options(&temp))
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains("is no PostgreSQL cluster"), "{error}");
    std::fs::rename(data.join("PG_VERSION.away"), data.join("PG_VERSION")).expect("renamed");
    let cluster = start(&temp).await;
    stop(&cluster).await;
}

#[tokio::test]
async fn missing_programs_are_explained() {
    let temp = folder();
    let empty = temp.path().join("empty");
    std::fs::create_dir(&empty).expect("made");
    let error = Programs::find(Some(&empty))
        .expect_err("there are none")
        .to_string();
    for part in [
        &*empty.to_string_lossy(),
        "HANGAR_POSTGRES_BIN",
        "apt-get install postgresql",
        "--database-url",
    ] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
    let mut options = options(&temp);
    options.postgres_bin = Some(empty);
    assert!(matches!(
        Cluster::attach_or_start(options).await,
        Err(Error::Programs(_))
    ));
}

#[tokio::test]
async fn a_cluster_of_another_version_is_explained() {
    let temp = folder();
    let cluster = start(&temp).await;
    stop(&cluster).await;
    drop(cluster);
    std::fs::write(temp.path().join("data/postgres/data/PG_VERSION"), "14\n").expect("written");
    let mut options = options(&temp);
    let programs = Programs::find(None).expect("installed");
    options.postgres_bin = Some(programs.folder().to_owned());
    let error = Cluster::attach_or_start(options)
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("made by PostgreSQL 14") && error.contains(&programs.version().to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn linked_programs_are_followed_to_their_folder() {
    let temp = folder();
    let real = Programs::find(None).expect("installed");
    for path in [real.postgres(), real.initdb()] {
        let link = temp.path().join(path.file_name().expect("a name"));
        std::os::unix::fs::symlink(&path, link).expect("linked");
    }
    assert_eq!(Programs::find(Some(temp.path())).expect("found"), real);
}

#[tokio::test]
async fn a_failing_initdb_is_quoted_and_leaves_nothing() {
    let temp = folder();
    let bin = temp.path().join("bin");
    program(&bin, "postgres", "echo 'postgres (PostgreSQL) 15.1'");
    program(
        &bin,
        "initdb",
        "echo 'initdb: error: could not write: No space left on device' >&2; exit 1",
    );
    let mut broken = options(&temp);
    broken.postgres_bin = Some(bin);
    let error = Cluster::attach_or_start(broken)
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains("No space left on device"), "{error}");
    // The same directory works once the cause is gone.
    let cluster = start(&temp).await;
    stop(&cluster).await;
}

#[tokio::test]
async fn an_interrupted_initdb_is_done_again() {
    let temp = folder();
    let half = temp.path().join("data/postgres/data.new/base");
    std::fs::create_dir_all(half).expect("made");
    let cluster = start(&temp).await;
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    stop(&cluster).await;
}

#[tokio::test]
async fn an_ordinary_user_is_told_about_a_foreign_cluster_or_folder() {
    if is_root() {
        return; // Root may use everything.
    }
    let error = Cluster::attach_or_start(Options::new("/proc/hangar"))
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains("/proc/hangar"), "{error}");
}
