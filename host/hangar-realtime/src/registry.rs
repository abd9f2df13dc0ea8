//! Who is connected, by id, by what they subscribe to and by who they are.

use std::collections::HashMap;
use std::sync::Arc;

use crate::changes::{Group, Member};
use crate::client::{Client, Identity, State};

type Clients = HashMap<Arc<str>, Arc<Client>>;

/// The clients of this node.
#[derive(Default)]
pub(crate) struct Registry {
    clients: Clients,
    /// Clients by channel, then topic.
    channels: HashMap<Arc<str>, HashMap<Arc<str>, Clients>>,
    subjects: HashMap<Arc<str>, Clients>,
    /// Text of all subscriptions together.
    pub topic_bytes: usize,
}

impl Registry {
    pub fn get(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    pub fn insert(&mut self, client: Arc<Client>) {
        self.clients.insert(client.id.clone(), client);
    }

    /// Takes a client out; does nothing if it has been taken out before.
    pub fn remove(&mut self, client: &Arc<Client>) {
        if self.clients.remove(&client.id).is_some() {
            self.forget(client);
        }
    }

    /// Takes all out.
    pub fn take(&mut self) -> Vec<Arc<Client>> {
        std::mem::take(self).clients.into_values().collect()
    }

    /// Gives a client another state.
    pub fn set(&mut self, client: &Arc<Client>, mut state: State) {
        self.forget(client);
        state.identity = state.identity.map(|identity| self.shared(identity));
        self.topic_bytes += state.size();
        for (channel, topics) in &state.channels {
            let known = self.channels.entry(channel.clone()).or_default();
            for topic in topics {
                let clients = known.entry(topic.clone()).or_default();
                clients.insert(client.id.clone(), client.clone());
            }
        }
        if let Some(identity) = &state.identity {
            let clients = self.subjects.entry(identity.subject.clone()).or_default();
            clients.insert(client.id.clone(), client.clone());
        }
        client.replace(Arc::new(state));
    }

    /// Equal identities are one, so that groups are told apart by address.
    fn shared(&self, identity: Arc<Identity>) -> Arc<Identity> {
        let known = self.subjects.get(&identity.subject).into_iter().flatten();
        known
            .filter_map(|(_, client)| client.state().identity.clone())
            .find(|known| *known == identity)
            .unwrap_or(identity)
    }

    /// Drops what leads to a client by its state.
    fn forget(&mut self, client: &Arc<Client>) {
        let state = client.state();
        self.topic_bytes = self.topic_bytes.saturating_sub(state.size());
        for (channel, topics) in &state.channels {
            let Some(known) = self.channels.get_mut(channel) else {
                continue;
            };
            for topic in topics {
                drop_from(known, topic, client);
            }
            if known.is_empty() {
                self.channels.remove(channel);
            }
        }
        if let Some(identity) = &state.identity {
            drop_from(&mut self.subjects, &identity.subject, client);
        }
    }

    /// Whether anybody subscribes to one of the channels.
    pub fn listening(&self, channels: &[String]) -> bool {
        !self.channels.is_empty()
            && channels
                .iter()
                .any(|channel| self.channels.contains_key(&**channel))
    }

    /// Who subscribes to the channels, grouped by topic and identity.
    pub fn audience(&self, channels: &[String]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let topics = channels
            .iter()
            .filter_map(|channel| self.channels.get(&**channel))
            .flatten();
        for (topic, clients) in topics {
            let mut places: HashMap<Option<*const Identity>, usize> = HashMap::new();
            for client in clients.values() {
                let state = client.state();
                let key = state.identity.as_ref().map(Arc::as_ptr);
                let place = *places.entry(key).or_insert_with(|| {
                    groups.push(Group {
                        topic: topic.clone(),
                        identity: state.identity.clone(),
                        members: Vec::new(),
                    });
                    groups.len() - 1
                });
                groups[place].members.push(Member {
                    client: client.clone(),
                    state,
                });
            }
        }
        groups
    }

    /// How many clients a subject has.
    pub fn identified(&self, subject: &str) -> usize {
        self.subjects.get(subject).map_or(0, HashMap::len)
    }

    /// The clients of a subject, or of all that start with it if it ends in `/`.
    pub fn of_subject(&self, subject: &str) -> Vec<Arc<Client>> {
        if !subject.ends_with('/') {
            let clients = self.subjects.get(subject);
            return clients.into_iter().flatten().map(pair).collect();
        }
        let all = self
            .subjects
            .iter()
            .filter(|(known, _)| known.starts_with(subject));
        all.flat_map(|(_, clients)| clients).map(pair).collect()
    }
}

fn pair((_, client): (&Arc<str>, &Arc<Client>)) -> Arc<Client> {
    client.clone()
}

fn drop_from(map: &mut HashMap<Arc<str>, Clients>, key: &Arc<str>, client: &Client) {
    if let Some(clients) = map.get_mut(key) {
        clients.remove(&client.id);
        if clients.is_empty() {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(registry: &mut Registry) -> Arc<Client> {
        let client = Client::new(Default::default(), 1_000).expect("random");
        let client = Arc::new(client);
        registry.insert(client.clone());
        client
    }

    fn state(topics: &[(&str, &str)], subject: Option<&str>) -> State {
        let mut state = State::default();
        for (channel, topic) in topics {
            let known = state.channels.entry((*channel).into()).or_default();
            known.push((*topic).into());
        }
        let document = |subject: &str| format!("{{\"subject\":\"{subject}\"}}");
        state.identity = subject
            .map(|subject| Arc::new(Identity::parse(&document(subject)).expect("an identity")));
        state
    }

    fn channels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn audiences_are_grouped_by_topic_and_identity() {
        let mut registry = Registry::default();
        let all: Vec<_> = (0..5).map(|_| client(&mut registry)).collect();
        registry.set(&all[0], state(&[("a", "a?x")], None));
        registry.set(&all[1], state(&[("a", "a?x"), ("b", "b")], None));
        registry.set(&all[2], state(&[("a", "a?x")], Some("u/1")));
        registry.set(&all[3], state(&[("a", "a?x")], Some("u/1")));
        registry.set(&all[4], state(&[("a", "a"), ("c", "c")], Some("u/2")));
        let mut sizes: Vec<_> = registry
            .audience(&channels(&["a", "b"]))
            .iter()
            .map(|group| {
                let subject = group
                    .identity
                    .as_ref()
                    .map_or("", |identity| &identity.subject);
                (
                    group.topic.to_string(),
                    subject.to_owned(),
                    group.members.len(),
                )
            })
            .collect();
        sizes.sort();
        let expected = [
            ("a", "u/2", 1),
            ("a?x", "", 2),
            ("a?x", "u/1", 2),
            ("b", "", 1),
        ];
        let expected: Vec<_> = expected
            .map(|(topic, subject, size)| (topic.to_owned(), subject.to_owned(), size))
            .into();
        assert_eq!(sizes, expected);
        assert_eq!(registry.identified("u/1"), 2);
        assert_eq!(registry.of_subject("u/").len(), 3);
    }

    #[test]
    fn nothing_is_left_of_those_who_are_gone() {
        let mut registry = Registry::default();
        let (one, two) = (client(&mut registry), client(&mut registry));
        registry.set(&one, state(&[("a", "a?x"), ("b", "b")], Some("u/1")));
        registry.set(&two, state(&[("a", "a?x")], None));
        registry.set(&one, state(&[("c", "c")], None));
        assert!(!registry.listening(&channels(&["b"])));
        assert_eq!(registry.identified("u/1"), 0);
        registry.remove(&one);
        registry.remove(&one);
        registry.remove(&two);
        assert!(registry.channels.is_empty() && registry.subjects.is_empty());
        assert_eq!(registry.topic_bytes, 0);
    }
}
