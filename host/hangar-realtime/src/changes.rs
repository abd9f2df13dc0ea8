//! What the matcher is asked and what it answers.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hangar_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::client::{Client, Identity, State};

/// Groups one question holds at most.
const GROUPS: usize = 1_000;

/// Changes one question holds at most.
const CHANGES: usize = 64;

/// Asks the plugin that decides who is told of a change; `None` if there is no such plugin.
pub trait Matcher: Send + Sync {
    /// `hangar:realtime/matcher.match-changes`.
    fn ask(
        &self,
        changes: String,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>>> + Send + '_>>;
}

/// All clients with the same topic and identity.
pub(crate) struct Group {
    pub topic: Arc<str>,
    pub identity: Option<Arc<Identity>>,
    pub members: Vec<Member>,
}

/// A client and what it was when a change was posted.
pub(crate) struct Member {
    pub client: Arc<Client>,
    pub state: Arc<State>,
}

impl Member {
    /// Whether it still wants messages of the topic, as the same somebody.
    pub fn still_wants(&self, topic: &Arc<str>) -> bool {
        let now = self.client.state();
        Arc::ptr_eq(&now, &self.state)
            || (now.subject() == self.state.subject() && now.topics().any(|known| known == topic))
    }
}

/// A change and who may hear of it.
pub(crate) struct Change {
    pub document: Box<RawValue>,
    pub groups: Vec<Group>,
}

/// A change with some of its groups.
pub(crate) struct Part<'a> {
    pub document: &'a RawValue,
    pub groups: &'a [Group],
}

/// What one question is about.
pub(crate) struct Question<'a>(pub Vec<Part<'a>>);

/// One answer of the matcher.
#[derive(Deserialize)]
pub(crate) struct Told {
    change: usize,
    groups: Vec<usize>,
    pub data: String,
}

/// Splits changes into questions of bounded size, in order.
pub(crate) fn questions(changes: &[Change]) -> Vec<Question<'_>> {
    let mut all: Vec<Question<'_>> = Vec::new();
    let mut room = 0;
    for change in changes {
        for groups in change.groups.chunks(GROUPS) {
            if groups.len() > room || all.last().is_none_or(|last| last.0.len() >= CHANGES) {
                all.push(Question(Vec::new()));
                room = GROUPS;
            }
            room -= groups.len();
            let part = Part {
                document: &change.document,
                groups,
            };
            if let Some(last) = all.last_mut() {
                last.0.push(part);
            }
        }
    }
    all
}

#[derive(Serialize)]
struct Asked<'a> {
    identities: Vec<&'a RawValue>,
    changes: Vec<AskedChange<'a>>,
}

#[derive(Serialize)]
struct AskedChange<'a> {
    change: &'a RawValue,
    groups: Vec<AskedGroup<'a>>,
}

#[derive(Serialize)]
struct AskedGroup<'a> {
    topic: &'a str,
    identity: Option<usize>,
}

impl Question<'_> {
    /// Asks it. What is told, with the groups it is told to; nothing without a matcher.
    pub async fn ask(&self, matcher: &dyn Matcher) -> Result<Vec<(Vec<&Group>, String)>> {
        let Some(answer) = matcher.ask(self.text()?).await? else {
            return Ok(Vec::new());
        };
        let told: Vec<Told> = serde_json::from_str(&answer).map_err(|error| {
            Error::new(
                "bad_answer",
                500,
                format!("the matcher's answer cannot be read: {error}"),
            )
        })?;
        let resolve = |told: Told| {
            let groups = self.0.get(told.change).map_or(&[][..], |part| part.groups);
            let groups = told.groups.iter().filter_map(|at| groups.get(*at));
            (groups.collect(), told.data)
        };
        Ok(told.into_iter().map(resolve).collect())
    }

    fn text(&self) -> Result<String> {
        let broken = |error: serde_json::Error| Error::internal(format!("a change: {error}"));
        let mut places: HashMap<*const Identity, usize> = HashMap::new();
        let mut identities = Vec::new();
        let mut changes = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            let mut groups = Vec::with_capacity(part.groups.len());
            for group in part.groups {
                let identity = match &group.identity {
                    None => None,
                    Some(identity) => Some(match places.get(&Arc::as_ptr(identity)) {
                        Some(place) => *place,
                        None => {
                            identities
                                .push(serde_json::from_str(&identity.document).map_err(broken)?);
                            places.insert(Arc::as_ptr(identity), identities.len() - 1);
                            identities.len() - 1
                        }
                    }),
                };
                groups.push(AskedGroup {
                    topic: &group.topic,
                    identity,
                });
            }
            changes.push(AskedChange {
                change: part.document,
                groups,
            });
        }
        serde_json::to_string(&Asked {
            identities,
            changes,
        })
        .map_err(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(topic: &str, subject: Option<&str>) -> Group {
        let identity =
            |subject| Identity::parse(&format!("{{\"subject\":\"{subject}\"}}")).expect("valid");
        Group {
            topic: topic.into(),
            identity: subject.map(identity).map(Arc::new),
            members: Vec::new(),
        }
    }

    fn change(groups: Vec<Group>) -> Change {
        let document = RawValue::from_string("{\"n\":1}".into()).expect("JSON");
        Change { document, groups }
    }

    #[test]
    fn a_question_names_each_identity_once() {
        let mut groups = vec![group("a", Some("u/1")), group("b", None)];
        groups.push(Group {
            topic: "c".into(),
            identity: groups[0].identity.clone(),
            members: Vec::new(),
        });
        let changes = [change(groups)];
        let all = questions(&changes);
        let text = all[0].text().expect("valid");
        assert_eq!(
            text,
            "{\"identities\":[{\"subject\":\"u/1\"}],\"changes\":[{\"change\":{\"n\":1},\"groups\":[\
             {\"topic\":\"a\",\"identity\":0},{\"topic\":\"b\",\"identity\":null},{\"topic\":\"c\",\"identity\":0}]}]}"
        );
    }

    #[test]
    fn questions_are_bounded_and_keep_the_order() {
        let many = |count| (0..count).map(|_| group("t", None)).collect();
        let mut changes = vec![change(many(2_500)), change(many(400)), change(many(200))];
        changes.extend((0..200).map(|_| change(many(1))));
        let sizes: Vec<Vec<usize>> = questions(&changes)
            .iter()
            .map(|question| question.0.iter().map(|part| part.groups.len()).collect())
            .collect();
        assert_eq!(sizes[..3], [vec![1_000], vec![1_000], vec![500, 400]]);
        assert_eq!(sizes[3].len(), CHANGES);
        assert_eq!(sizes.concat().iter().sum::<usize>(), 3_300);
    }
}
