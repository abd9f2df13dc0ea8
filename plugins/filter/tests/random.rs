//! Random schemas, records, rules and identities: the same records through the rule compiled into the query, through
//! the rule as a policy under the API role (of a view, as the view that takes its place), and, where it is at hand, from the real PocketBase.
//!
//! Needs `HANGAR_TEST_POSTGRES`, and `HANGAR_TEST_POCKETBASE` for the third; without, it says so and passes.
//! `HANGAR_RANDOM_ROUNDS` and `HANGAR_RANDOM_SEED` choose how many schemas, and which.

mod support;

use std::collections::BTreeSet;
use std::env::var;

use hangar_filter::validate;
use serde_json::{Map, json};
use support::http::encode;
use support::pocketbase::PocketBase;
use support::random::{Random, World};
use support::seed::read;
use support::sides::{Case, Sides, start};

const RULES: usize = 60;

fn number(name: &str, default: u64) -> u64 {
    var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[test]
fn rules_policies_and_pocketbase_agree() {
    let first = number("HANGAR_RANDOM_SEED", 1);
    let pocketbase = var("HANGAR_TEST_POCKETBASE").ok();
    let empty = || read(json!({"collections": [], "records": []}));
    let mut server = pocketbase
        .filter(|_| var("HANGAR_TEST_POSTGRES").is_ok())
        .map(|binary| PocketBase::start(&binary, &empty()));
    if server.is_none() {
        eprintln!("not compared with PocketBase: HANGAR_TEST_POCKETBASE is not set");
    }
    let (mut compared, mut failures) = (0, Vec::new());
    for round in 0..usize::try_from(number("HANGAR_RANDOM_ROUNDS", 3)).unwrap_or(3) {
        let seed = first + round as u64;
        let mut random = Random::new(seed);
        let world = World::new(&mut random, round);
        let Some(mut sides) = start(read(world.seed.clone())) else {
            return;
        };
        let people = world.people().to_owned();
        let ids: Vec<String> = sides
            .seed
            .records
            .iter()
            .filter(|(name, _)| *name == people)
            .map(|(_, record)| record["id"].as_str().unwrap_or_default().to_owned())
            .collect();
        let tokens: Vec<String> = match &mut server {
            Some(server) => {
                server.fill(&sides.seed);
                ids.iter()
                    .map(|id| server.log_in(&people, &format!("{id}@example.com")))
                    .collect()
            }
            None => Vec::new(),
        };
        for _ in 0..RULES {
            let (at, table) = world.collection(&mut random);
            let view = world.view(at);
            let collection = if random.below(4) == 0 { &view } else { table };
            let rule = world.rule(&mut random, at);
            let valid = validate(
                &sides.seed.collections,
                &sides.collection(collection),
                &rule,
            )
            .is_ok();
            if let Some(server) = &server {
                let path = format!("/api/collections/{collection}");
                let (status, body) = server.call("PATCH", &path, Some(&json!({"listRule": rule})));
                if (status == 200) != valid {
                    failures.push(format!("seed {seed}: {collection}: {rule}: PocketBase {status} {body}, valid here: {valid}"));
                    continue;
                }
            }
            if !valid {
                continue;
            }
            let who = random.below(ids.len() + 1).checked_sub(1);
            let case = Case {
                kind: "list",
                who: who.map(|at| (people.as_str(), ids[at].as_str())),
                collection,
                id: "",
                rule: &rule,
                body: Map::new(),
            };
            compared += 1;
            let theirs = server.as_ref().map(|server| {
                let token = who.map_or("", |at| tokens[at].as_str());
                ask(server, collection, token)
            });
            if let Some(text) = compare(&mut sides, &case, theirs) {
                failures.push(format!(
                    "seed {seed}: {collection} as {:?}: {rule}\n{text}",
                    case.who
                ));
            }
        }
    }
    eprintln!("{compared} rules compared, {} differ", failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn ask(server: &PocketBase, collection: &str, token: &str) -> Result<BTreeSet<String>, u16> {
    let path = format!(
        "/api/collections/{collection}/records?skipTotal=1&perPage=100&q=first&filter={}",
        encode("")
    );
    let (status, body) = server.call_as(token, "GET", &path, None);
    if status != 200 {
        return Err(status);
    }
    let items = body["items"].as_array().into_iter().flatten();
    Ok(items
        .map(|item| item["id"].as_str().unwrap_or_default().to_owned())
        .collect())
}

/// What differs, if something does.
fn compare(
    sides: &mut Sides,
    case: &Case<'_>,
    theirs: Option<Result<BTreeSet<String>, u16>>,
) -> Option<String> {
    let inlined = sides.inlined(case);
    let direct = sides.direct(case);
    // A rule that leads nowhere for who asks shows nothing.
    let refused = inlined.is_err();
    let same = match &direct {
        Ok(found) if refused => found.is_empty(),
        Err(error) if error.starts_with("no policy") => true,
        _ => inlined == direct,
    };
    let as_pocketbase = match &theirs {
        None => true,
        Some(Ok(theirs)) => inlined.as_ref() == Ok(theirs),
        Some(Err(_)) => refused,
    };
    (!same || !as_pocketbase).then(|| {
        format!("    inlined    {inlined:?}\n    policy     {direct:?}\n    PocketBase {theirs:?}")
    })
}
