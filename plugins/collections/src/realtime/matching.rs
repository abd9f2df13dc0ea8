//! Who is told of a change, and what: the host asks for groups of clients with equal subscriptions and identities.
//!
//! Access is decided in the database, on what is committed, by one statement for each distinct question; all of a call
//! travel together. What is told is the record as it was when it changed.

use std::collections::HashMap;
use std::rc::Rc;

use hangar_failure::Outcome;
use hangar_filter::{Scope, check_client, parse};
use hangar_sdk::log;
use hangar_sdk::postgres::{Segment, Value as Param};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Call, Identity};
use crate::catalog::{self, Catalog, Entry, Rule, RuleKind};
use crate::realtime::topic::Topic;
use crate::records::document;
use crate::records::hooks::Events;
use crate::records::present::{self, Options};
use crate::records::query::{self, Values};
use crate::records::record::Shown;

/// What the host asks.
#[derive(Deserialize)]
struct Question {
    identities: Vec<Value>,
    changes: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    change: Change,
    groups: Vec<Group>,
}

/// A change as [`crate::realtime::announce`] posts it.
#[derive(Deserialize)]
struct Change {
    collection: String,
    action: String,
    record: Values,
}

#[derive(Deserialize)]
struct Group {
    topic: String,
    identity: Option<usize>,
}

/// What the host is answered.
#[derive(Serialize)]
struct Told {
    change: usize,
    groups: Vec<usize>,
    data: String,
}

/// A group with what is found out about it.
struct Candidate {
    change: usize,
    group: usize,
    identity: Option<usize>,
    call: Call,
    access: Access,
}

enum Access {
    Denied,
    Allowed,
    /// As the database answers this question.
    Asked(usize),
}

/// Questions for the database, each once.
#[derive(Default)]
struct Questions {
    segments: Vec<Segment>,
    known: HashMap<String, usize>,
}

/// `hangar:realtime/matcher.match-changes`.
///
/// # Errors
/// What the database says.
pub fn match_changes(text: &str) -> Outcome<String> {
    let question: Question = serde_json::from_str(text)?;
    let catalog = catalog::current()?;
    let mut questions = Questions::default();
    let mut candidates = Vec::new();
    for (change, asked) in question.changes.iter().enumerate() {
        // A collection that is gone has taken its subscriptions with it.
        let Some(entry) = catalog.get(&asked.change.collection) else {
            continue;
        };
        let record = Shown::new(asked.change.record.clone());
        for (group, Group { topic, identity }) in asked.groups.iter().enumerate() {
            let viewer = identity.and_then(|at| question.identities.get(at));
            let Some(call) = subscriber(topic, viewer) else {
                continue;
            };
            let kind = rule_kind(entry, topic);
            let access = questions.access(&catalog, entry, record.id(), &call, kind);
            candidates.push(Candidate {
                change,
                group,
                identity: *identity,
                call,
                access,
            });
        }
    }
    let answers = questions.ask();
    candidates.retain(|candidate| match candidate.access {
        Access::Denied => false,
        Access::Allowed => true,
        Access::Asked(at) => answers.get(at).copied().unwrap_or(false),
    });
    Ok(serde_json::to_string(&tell(
        &catalog, &question, candidates,
    ))?)
}

/// The request a subscription stands for.
fn subscriber(topic: &str, viewer: Option<&Value>) -> Option<Call> {
    let identity = match viewer {
        None => None,
        Some(document) => match Identity::deserialize(document) {
            Ok(identity) => Some(identity),
            Err(error) => {
                log::error(&format!(
                    "an identity of a realtime client cannot be read: {error}"
                ));
                return None;
            }
        },
    };
    let topic = Topic::parse(topic);
    let headers = topic
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&topic.query)
        .finish();
    Some(Call {
        method: "GET".into(),
        path: super::ROUTE.into(),
        query,
        headers: headers.collect(),
        context: "realtime",
        identity,
        identity_text: viewer.map(Value::to_string),
        ..Call::default()
    })
}

/// A single record is viewed, all others are listed.
fn rule_kind(entry: &Entry, topic: &str) -> RuleKind {
    let base = Topic::parse(topic).base;
    let whole = base.ends_with("/*") || base == entry.name || base == entry.id;
    if whole {
        RuleKind::List
    } else {
        RuleKind::View
    }
}

impl Questions {
    /// Whether a subscriber may know of a record; what cannot be asked is denied, as PocketBase does without a word.
    fn access(
        &mut self,
        catalog: &Catalog,
        entry: &Entry,
        id: &str,
        call: &Call,
        kind: RuleKind,
    ) -> Access {
        let Ok(rule) = query::rule_for(entry, kind, call) else {
            return Access::Denied;
        };
        let filter = call.parameter("filter");
        if filter.is_empty() && matches!(rule, Rule::Open) {
            return Access::Allowed;
        }
        match condition(catalog, entry, id, call, &rule) {
            Ok(segment) => Access::Asked(self.place(segment)),
            Err(_) => Access::Denied,
        }
    }

    fn place(&mut self, segment: Segment) -> usize {
        let Segment::Rows(rendered) = &segment else {
            return usize::MAX;
        };
        let key = format!(
            "{} {:?}",
            rendered.statement.sql,
            rendered
                .statement
                .params
                .iter()
                .map(plain)
                .collect::<Vec<_>>()
        );
        let next = self.segments.len();
        let place = *self.known.entry(key).or_insert(next);
        if place == next {
            self.segments.push(segment);
        }
        place
    }

    /// Asks the database. A question it cannot answer (a filter may divide a text by a date) is answered no, and does
    /// not take the others with it.
    fn ask(self) -> Vec<bool> {
        let answered = |rows: &Vec<Value>| !rows.is_empty();
        if self.segments.is_empty() {
            return Vec::new();
        }
        if let Ok(answers) = query::fetch(self.segments.clone()) {
            return answers.iter().map(answered).collect();
        }
        let alone = |segment: Segment| {
            query::fetch(vec![segment]).is_ok_and(|answers| answers.first().is_some_and(answered))
        };
        self.segments.into_iter().map(alone).collect()
    }
}

/// A parameter as part of a key.
fn plain(param: &Param) -> String {
    match param {
        Param::Null => "null".into(),
        Param::Boolean(value) => value.to_string(),
        Param::Integer(value) => value.to_string(),
        Param::Float(value) => format!("f{value}"),
        Param::Text(text) => format!("t{text}"),
        Param::Bytes(bytes) => format!("b{bytes:?}"),
    }
}

fn condition(
    catalog: &Catalog,
    entry: &Entry,
    id: &str,
    call: &Call,
    rule: &Rule<'_>,
) -> Outcome<Segment> {
    let request = call.plain_request();
    let mut query = query::query(catalog, entry, &request);
    query::with_id(&mut query, id);
    query::with_rule(&mut query, rule)?;
    let filter = call.parameter("filter");
    if !filter.is_empty() {
        let scope = match call.superuser() {
            true => Scope::Subscription,
            false => {
                check_client(filter, "")?;
                Scope::Client { superuser: false }
            }
        };
        query.filter(&parse(filter)?, scope)?;
    }
    Ok(query::exists(query.finish()))
}

/// What those who may know are told; what several are told alike is made once.
fn tell(catalog: &Rc<Catalog>, question: &Question, candidates: Vec<Candidate>) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let mut known: HashMap<(usize, String), usize> = HashMap::new();
    let mut hooked: HashMap<usize, bool> = HashMap::new();
    for candidate in candidates {
        let Some(asked) = question.changes.get(candidate.change) else {
            continue;
        };
        let Some(entry) = catalog.get(&asked.change.collection) else {
            continue;
        };
        let hooked = *hooked
            .entry(candidate.change)
            .or_insert_with(|| !Events::among(&["onRecordEnrich"], entry).is_empty());
        let likeness = likeness(entry, &asked.change, &candidate, hooked);
        let key = (candidate.change, likeness);
        if let Some(at) = known.get(&key) {
            told[*at].groups.push(candidate.group);
            continue;
        }
        match data(catalog, entry, &asked.change, &candidate.call) {
            Ok(data) => {
                known.insert(key, told.len());
                told.push(Told {
                    change: candidate.change,
                    groups: vec![candidate.group],
                    data,
                });
            }
            Err(failure) => {
                let error = hangar_sdk::Error::from(failure);
                log::error(&format!(
                    "a record of {} cannot be shown to a realtime client: {}",
                    entry.name, error.message
                ));
            }
        }
    }
    told
}

/// Subscribers with the same likeness are shown the same.
fn likeness(entry: &Entry, change: &Change, candidate: &Candidate, hooked: bool) -> String {
    let Candidate { call, identity, .. } = candidate;
    let expand = call.parameter("expand");
    let superuser = call.superuser();
    let own = entry.is_auth()
        && call
            .own_id(&entry.id)
            .is_some_and(|own| change.record.get("id").and_then(Value::as_str) == Some(own));
    let managed = entry.is_auth() && !superuser && entry.rule_text(RuleKind::Manage).is_some();
    if hooked || managed || !expand.is_empty() {
        // Rules and hooks may look at anything of the request.
        return format!("{identity:?} {} {}", call.query, call.headers);
    }
    format!("{superuser} {own} {}", call.parameter("fields"))
}

fn data(catalog: &Rc<Catalog>, entry: &Entry, change: &Change, call: &Call) -> Outcome<String> {
    let record = Shown::new(change.record.clone());
    let mut records = present::enrich(catalog, entry, call, vec![record], Options::of(call))?;
    // Fields that cannot be read are not asked for.
    let picker = present::picker(call).unwrap_or_default();
    let record = present::pick(&picker, records.pop().unwrap_or_default());
    Ok(format!(
        "{{\"record\":{},\"action\":\"{}\"}}",
        document::text(catalog, &record),
        change.action
    ))
}
