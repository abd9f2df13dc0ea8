//! Rules compiled into queries and rules compiled into policies show the same records.
//!
//! Needs `HANGAR_TEST_POSTGRES`; without it, it says so and passes. Every filter and rule of `data/differential.txt` is
//! taken as a rule, for a guest and for Bob: once compiled into the query, as the API does, and once as a policy that
//! a direct connection under the API role meets. (That the former agree with PocketBase is what `differential.rs` tests.)

mod support;

use std::collections::BTreeSet;

use hangar_filter::schema::CollectionKind;
use hangar_filter::validate;
use serde_json::Map;
use support::seed::parse;
use support::sides::{Case, start};

#[test]
fn policies_show_what_the_api_shows() {
    let Some(mut bench) = start(parse(include_str!("data/seed.json"))) else {
        return;
    };
    let (mut agreed, mut failures) = (0, Vec::new());
    let lines = include_str!("data/differential.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let line = line.strip_prefix('!').unwrap_or(line);
        let parts: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let kind = parts[0].split_once(':').map_or("filter", |(mode, _)| mode);
        let (name, id) = parts[1].split_once('/').unwrap_or((parts[1], ""));
        let collection = bench.collection(name);
        let rule = parts[2];
        if validate(&bench.seed.collections, &collection, rule).is_err() {
            continue;
        }
        // Records that can sign in are not made past the API.
        if kind == "create" && collection.kind == CollectionKind::Auth {
            continue;
        }
        let body = match kind {
            "create" | "update" => serde_json::from_str(parts[3]).expect("the body is JSON"),
            _ => Map::new(),
        };
        for bob in [false, true] {
            let case = Case {
                kind,
                who: bob.then_some(("people", "bob")),
                collection: name,
                id,
                rule,
                body: body.clone(),
            };
            let (inlined, direct) = (bench.inlined(&case), bench.direct(&case));
            // A policy cannot know that a request will not need a path which leads nowhere: it denies.
            let no_policy = matches!(&direct, Err(error) if error.starts_with("no policy"));
            let nothing = no_policy || direct.as_ref().is_ok_and(BTreeSet::is_empty);
            if inlined == direct || no_policy || inlined.is_err() && nothing {
                agreed += 1;
            } else {
                let who = if bob { "bob" } else { "guest" };
                failures.push(format!(
                    "{kind}:{who} {line}\n    inlined {inlined:?}\n    policy  {direct:?}"
                ));
            }
        }
    }
    eprintln!("{agreed} rules agree, {} do not", failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
