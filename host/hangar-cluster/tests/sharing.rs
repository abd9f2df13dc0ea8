//! Several processes, one cluster.

mod common;

use common::{Helper, alive, folder, options, psql, start, stop};
use hangar_cluster::{Cluster, Origin, Stopped};

#[tokio::test]
#[ignore = "the other process of the tests below"]
async fn helper() {
    common::helper_main().await;
}

#[tokio::test]
async fn two_at_once_get_the_same_server() {
    let temp = folder();
    let (one, two) = tokio::join!(start(&temp), start(&temp));
    assert_eq!(one.pid(), two.pid());
    let mut origins = [one.origin(), two.origin()];
    origins.sort_by_key(|origin| format!("{origin:?}"));
    assert_eq!(origins, [Origin::Attached, Origin::Started]);
    assert_eq!(
        one.stop(common::STOP).await.expect("left"),
        Stopped::LeftToOthers
    );
    assert_eq!(psql(&two, "SELECT 1"), "1");
    stop(&two).await;
}

#[tokio::test]
async fn processes_racing_for_the_first_start_share_it() {
    let temp = folder();
    let racing: Vec<_> = (0..3).map(|_| Helper::spawn(&temp)).collect();
    let helpers: Vec<_> = racing.into_iter().map(Helper::ready).collect();
    let server = helpers[0].server;
    assert!(
        helpers.iter().all(|helper| helper.server == server),
        "one server for all"
    );
    assert_eq!(
        helpers
            .iter()
            .filter(|helper| helper.origin == "Started")
            .count(),
        1
    );
    let last = helpers.len() - 1;
    for (number, helper) in helpers.into_iter().enumerate() {
        helper.finish();
        assert_eq!(
            alive(server),
            number < last,
            "only the last one stops the server"
        );
    }
}

#[tokio::test]
async fn a_command_beside_a_running_hangar_leaves_the_server_alone() {
    let temp = folder();
    let serving = Helper::ready(Helper::spawn(&temp));
    let command = start(&temp).await;
    assert_eq!(
        (command.origin(), command.pid()),
        (Origin::Attached, serving.server)
    );
    assert_eq!(
        command.stop(common::STOP).await.expect("left"),
        Stopped::LeftToOthers
    );
    assert!(alive(serving.server));
    // Dropped without a stop, it leaves it alone as well.
    drop(start(&temp).await);
    drop(command);
    assert!(alive(serving.server));
    let server = serving.server;
    serving.finish();
    assert!(!alive(server));
}

#[tokio::test]
async fn the_server_outlives_the_command_that_started_it() {
    let temp = folder();
    let command = Helper::ready(Helper::spawn(&temp));
    let serving = start(&temp).await;
    assert_eq!(serving.origin(), Origin::Attached);
    command.finish();
    assert_eq!(psql(&serving, "SELECT 1"), "1");
    stop(&serving).await;
}

#[tokio::test]
async fn other_settings_do_not_disturb_a_server_in_use() {
    let temp = folder();
    let serving = start(&temp).await;
    let mut other = options(&temp);
    other.settings = vec![("work_mem".into(), "5MB".into())];
    let command = Cluster::attach_or_start(other).await.expect("attached");
    assert_eq!(command.pid(), serving.pid());
    assert_eq!(
        command.stop(common::STOP).await.expect("left"),
        Stopped::LeftToOthers
    );
    stop(&serving).await;
}
