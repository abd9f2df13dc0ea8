use std::time::Instant;

use http::{HeaderMap, HeaderValue};

use super::*;

const PRIVILEGED: &str = r#"{"subject":"a/b","privileged":true}"#;
const KNOWN: &str = r#"{"subject":"a/b"}"#;

fn guard(policy: serde_json::Value) -> Guard {
    let guard = Guard::default();
    guard.configure(&policy.to_string()).expect("a policy");
    guard
}

fn asked<'a>(method: &'a str, path: &'a str, identity: Option<&'a str>) -> Asked<'a> {
    Asked {
        method,
        path,
        client: "1.2.3.4",
        identity,
    }
}

/// How many of so many requests are let through.
fn passes(guard: &Guard, asked: Asked<'_>, labels: &[&str], times: usize) -> usize {
    let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    (0..times)
        .filter(|_| guard.count(asked, &labels).is_ok())
        .count()
}

#[test]
fn without_a_policy_everything_passes() {
    let guard = Guard::default();
    assert_eq!(passes(&guard, asked("GET", "/", None), &[], 50), 50);
    assert!(guard.admit(asked("GET", "/", Some(PRIVILEGED))).is_ok());
}

#[test]
fn the_search_goes_from_labels_over_the_path_to_prefixes_in_order() {
    let guard = guard(serde_json::json!({"limits": [
        {"label": "/api/", "seconds": 60, "requests": 5},
        {"label": "/api/hello/", "seconds": 60, "requests": 6},
        {"label": "GET /api/health", "seconds": 60, "requests": 1},
        {"label": "/api/health", "seconds": 60, "requests": 2},
        {"label": "*:list", "seconds": 60, "requests": 3},
        {"label": "posts:list", "seconds": 60, "requests": 4},
    ]}));
    assert_eq!(passes(&guard, asked("GET", "/api/health", None), &[], 9), 1);
    assert_eq!(
        passes(&guard, asked("HEAD", "/api/health", None), &[], 9),
        2
    );
    let list = asked("GET", "/api/posts", None);
    assert_eq!(passes(&guard, list, &["posts:list", "*:list"], 9), 4);
    assert_eq!(passes(&guard, list, &["notes:list", "*:list"], 9), 3);
    // The wildcard counts each label apart.
    assert_eq!(passes(&guard, list, &["users:list", "*:list"], 9), 3);
    assert_eq!(passes(&guard, list, &["posts:view", "*:view"], 9), 5);
    // The first prefix that fits, the folder itself included, and one count for all below.
    assert_eq!(passes(&guard, asked("GET", "/api/hello", None), &[], 9), 5);
    assert_eq!(passes(&guard, asked("GET", "/api", None), &[], 9), 0);
    assert_eq!(passes(&guard, asked("GET", "/other", None), &[], 9), 9);
}

#[test]
fn audiences_and_exceptions() {
    let guard = guard(serde_json::json!({
        "unlimited-networks": ["9.9.9.0/24"],
        "limits": [
            {"label": "/a", "audience": "guests", "seconds": 60, "requests": 1},
            {"label": "/a", "audience": "known", "seconds": 60, "requests": 2},
        ],
    }));
    assert_eq!(passes(&guard, asked("GET", "/a", None), &[], 9), 1);
    assert_eq!(passes(&guard, asked("GET", "/a", Some(KNOWN)), &[], 9), 2);
    assert_eq!(
        passes(&guard, asked("GET", "/a", Some(PRIVILEGED)), &[], 9),
        9
    );
    let other = Asked {
        client: "9.9.9.1",
        ..asked("GET", "/a", None)
    };
    assert_eq!(passes(&guard, other, &[], 9), 9);
    // A new policy begins to count anew.
    guard
        .configure(r#"{"limits":[{"label":"/a","seconds":60,"requests":1}]}"#)
        .expect("a policy");
    assert_eq!(passes(&guard, asked("GET", "/a", None), &[], 9), 1);
}

#[test]
fn a_window_ends() {
    let guard = guard(serde_json::json!({"limits": [{"label": "/", "seconds": 1, "requests": 2}]}));
    assert_eq!(passes(&guard, asked("GET", "/x", None), &[], 5), 2);
    std::thread::sleep(std::time::Duration::from_millis(1_050));
    assert_eq!(passes(&guard, asked("GET", "/x", None), &[], 5), 2);
}

#[test]
fn privileged_identities_stay_in_their_networks() {
    let guard = guard(serde_json::json!({"privileged-networks": ["10.0.0.0/8", "::1"]}));
    let from = |client, identity| Asked {
        client,
        ..asked("GET", "/", identity)
    };
    assert!(guard.admit(from("10.1.2.3", Some(PRIVILEGED))).is_ok());
    assert!(
        guard
            .admit(from(
                "0000:0000:0000:0000:0000:0000:0000:0001",
                Some(PRIVILEGED)
            ))
            .is_ok()
    );
    let refused = guard
        .admit(from("11.1.2.3", Some(PRIVILEGED)))
        .expect_err("outside");
    assert_eq!(refused.status, 403);
    assert!(guard.admit(from("junk", Some(PRIVILEGED))).is_err());
    assert!(guard.admit(from("11.1.2.3", Some(KNOWN))).is_ok());
    assert!(guard.admit(from("11.1.2.3", None)).is_ok());
}

#[test]
fn only_trusted_headers_tell_the_address() {
    let mut headers = HeaderMap::new();
    headers.append("x-forwarded-for", HeaderValue::from_static("8.8.8.8"));
    headers.append(
        "x-forwarded-for",
        HeaderValue::from_static("zz, 9.9.9.9, ::1 , 2.2.2.2:80"),
    );
    let peer = "127.0.0.1".parse().expect("an address");
    assert_eq!(Guard::default().client(peer, &headers), "127.0.0.1");
    let named = |leftmost: bool| {
        guard(serde_json::json!({"proxy-headers": ["CF-Missing", "X-Forwarded-For"], "proxy-leftmost": leftmost}))
            .client(peer, &headers)
    };
    assert_eq!(named(true), "9.9.9.9");
    assert_eq!(named(false), "0000:0000:0000:0000:0000:0000:0000:0001");
}

#[test]
fn addresses_count_as_they_are_written() {
    let peer = "127.0.0.1".parse().expect("an address");
    for (network, inside, outside) in [
        ("::ffff:7.7.7.7", "::ffff:7.7.7.7", "7.7.7.7"),
        ("9.9.9.0/24", "9.9.9.9", "::ffff:9.9.9.9"),
        ("::ffff:9.9.9.0/120", "::ffff:9.9.9.9", "9.9.9.9"),
        ("FE80:0::1%eth0", "fe80::1%eth0", "fe80::1"),
        ("fe80::/64", "fe80::1", "fe80::1%eth0"),
    ] {
        let guard = guard(serde_json::json!({
            "privileged-networks": [network], "proxy-headers": ["X-Real-IP"],
        }));
        let welcome = |told: &'static str| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("x-real-ip"),
                HeaderValue::from_static(told),
            )]);
            guard.welcomes_privileged(&guard.client(peer, &headers))
        };
        assert!(welcome(inside), "{network}");
        assert!(!welcome(outside), "{network}");
    }
}

#[test]
fn zones_are_part_of_an_address() {
    let told = |line: &'static str| {
        let proxies = policy::Proxies {
            headers: vec![http::HeaderName::from_static("x-real-ip")],
            leftmost: false,
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-real-ip", HeaderValue::from_static(line));
        address::client(&proxies, "127.0.0.1".parse().expect("an address"), &headers)
    };
    assert_eq!(
        told("fe80::1%eth0"),
        "fe80:0000:0000:0000:0000:0000:0000:0001%eth0"
    );
    assert_eq!(
        told("::ffff:1.2.3.4"),
        "0000:0000:0000:0000:0000:ffff:0102:0304"
    );
    for line in ["fe80::1%", "1.2.3.4%eth0", "[::1]"] {
        assert_eq!(told(line), "127.0.0.1", "{line}");
    }
}

#[test]
fn what_is_no_policy_changes_nothing() {
    let guard = guard(serde_json::json!({"limits": [{"label": "/", "seconds": 9, "requests": 1}]}));
    assert!(guard.configure("{").is_err());
    assert!(
        guard
            .configure(r#"{"privileged-networks":["10.0.0.0/40"]}"#)
            .is_err()
    );
    assert_eq!(passes(&guard, asked("GET", "/x", None), &[], 5), 1);
}

/// How long an answer with this hint is held back.
async fn held(guard: &Guard, client: &str, hint: &serde_json::Value) -> Duration {
    let began = Instant::now();
    guard
        .delay(client, &hint.to_string())
        .await
        .expect("it is let through");
    began.elapsed()
}

#[tokio::test]
async fn answers_are_held_back_once_a_client_has_had_enough() {
    let guard = Guard::default();
    let hint = |label: &str| serde_json::json!({"label": label, "requests": 2, "seconds": 3600, "up-to-ms": 40});
    let mut sums = Vec::new();
    for (client, label, times) in [("c", "a", 2), ("c", "a", 20), ("d", "a", 2), ("c", "b", 2)] {
        let mut sum = Duration::ZERO;
        for _ in 0..times {
            sum += held(&guard, client, &hint(label)).await;
        }
        sums.push(sum);
    }
    let enough = Duration::from_millis(100);
    let late: Vec<bool> = sums.iter().map(|sum| *sum > enough).collect();
    assert_eq!(late, [false, true, false, false], "{sums:?}");
}

#[tokio::test]
async fn only_so_many_answers_are_held_back_at_once() {
    let guard = Guard::default();
    let hint =
        serde_json::json!({"label": "", "requests": 0, "seconds": 9, "up-to-ms": 500}).to_string();
    let all = futures_util::future::join_all((0..1_500).map(|_| guard.delay("c", &hint))).await;
    let refused = all.iter().filter_map(|held| held.as_ref().err());
    assert!(refused.clone().all(|error| error.status == 503));
    // Some may draw a wait of nothing.
    assert!((400..=500).contains(&refused.count()));
}

#[tokio::test]
async fn a_hint_that_is_none_is_an_error() {
    let guard = Guard::default();
    for hint in [
        "",
        "{}",
        r#"{"label":"","requests":1,"seconds":1,"up-to-ms":5001}"#,
    ] {
        let error = guard.delay("c", hint).await.expect_err("no hint");
        assert_eq!(
            (error.code.as_ref(), error.status),
            ("bad_response", 500),
            "{hint}"
        );
    }
}
