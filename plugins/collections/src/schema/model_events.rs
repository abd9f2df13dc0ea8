//! The model events around a change of a collection, in PocketBase's order. Handlers run inside the transaction of the
//! change. What follows the change waits for the end of the outermost transaction, as text with the host.

use hangar_failure::{Failure, Outcome};
use hangar_model::{ApiError, Collection, messages};
use hangar_sdk::context::after_transaction;
use hangar_sdk::hooks::subscribed;
use hangar_sdk::{event, log};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::random::{HostRandom, now};
use crate::records::hooks::error_document;
use crate::schema::remove;

/// The tag of model events about collections: the name of PocketBase's table of them.
const TABLE: &str = "_collections";
/// The two kinds of model events.
const KINDS: [&str; 2] = ["Collection", "Model"];

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Verb {
    Create,
    Update,
    Delete,
}

/// Judges a collection, which it may complete.
pub type Judge<'a> = &'a dyn Fn(&mut Collection) -> Outcome<()>;

/// A change of a collection.
pub struct Change<'a> {
    collection: Collection,
    old: Option<&'a Collection>,
    verb: Verb,
    imported: bool,
    /// The events that somebody listens to.
    listened: Vec<String>,
    /// Whether handlers have changed the collection, which they may until it is judged.
    changed: bool,
    judged: bool,
    done: bool,
    /// What has failed in here, not in a handler.
    own: Option<ApiError>,
}

impl<'a> Change<'a> {
    /// A collection to be stored, in the place of an old one if there is one.
    pub fn save(new: Collection, old: Option<&'a Collection>) -> Self {
        let verb = if old.is_none() {
            Verb::Create
        } else {
            Verb::Update
        };
        Self::of(verb, new, old)
    }

    /// A collection to be deleted.
    pub fn delete(collection: &'a Collection) -> Self {
        Self::of(Verb::Delete, collection.clone(), Some(collection))
    }

    /// As part of an import, which has judged all collections together.
    pub fn imported(mut self) -> Self {
        self.imported = true;
        self
    }

    fn of(verb: Verb, collection: Collection, old: Option<&'a Collection>) -> Self {
        let listened = KINDS.iter().flat_map(|kind| {
            let mut names = vec![format!("on{kind}Validate")];
            names.extend(["", "Execute"].map(|suffix| format!("on{kind}{verb:?}{suffix}")));
            names.extend(["Success", "Error"].map(|outcome| after(kind, verb, outcome)));
            subscribed(&names, &tags(kind, &collection.name, &collection.id))
        });
        Self {
            listened: listened.collect(),
            collection,
            old,
            verb,
            imported: false,
            changed: false,
            judged: false,
            done: false,
            own: None,
        }
    }

    /// Does it inside its events. Answers the collection as it is now, and whether it has happened: a handler may have
    /// ended the chain.
    ///
    /// # Errors
    /// What `judge` and `act` fail with, and what handlers throw, in the words of PocketBase.
    pub fn run(
        mut self,
        judge: Judge<'_>,
        act: &dyn Fn(&Collection) -> Outcome<()>,
    ) -> Outcome<(Collection, bool)> {
        let result = self.inside("Collection", "", |change| {
            change.inside("Model", "", |change| {
                if change.verb != Verb::Delete {
                    change.validate(judge)?;
                }
                change.judged = true;
                change.inside("Collection", "Execute", |change| {
                    if change.verb == Verb::Delete {
                        change.judge(judge)?;
                    }
                    change.inside("Model", "Execute", |change| {
                        let done = act(&change.collection);
                        change.note(done)?;
                        change.done = true;
                        Ok(())
                    })
                })
            })
        });
        self.leave(result.as_ref().err().map(error_document))?;
        match result {
            Ok(()) => Ok((self.collection, self.done)),
            // A handler's own words.
            Err(Failure::Api(error)) if self.own.as_ref() != Some(&error) => {
                let name = &self.collection.name;
                Err(refusal(self.verb, self.imported, name, &error.message).into())
            }
            Err(failure) => Err(failure),
        }
    }

    fn validate(&mut self, judge: Judge<'_>) -> Outcome<()> {
        if self.imported {
            return if self.changed {
                self.judge(judge)
            } else {
                Ok(())
            };
        }
        self.inside_named("Collection", "onCollectionValidate", |change| {
            change.judge(judge)?;
            change.inside_named("Model", "onModelValidate", |_| Ok(()))
        })
    }

    fn judge(&mut self, judge: Judge<'_>) -> Outcome<()> {
        let judged = judge(&mut self.collection);
        self.note(judged)
    }

    fn note(&mut self, result: Outcome<()>) -> Outcome<()> {
        if let Err(Failure::Api(error)) = &result {
            self.own = Some(error.clone());
        }
        result
    }

    fn inside(
        &mut self,
        kind: &str,
        suffix: &str,
        action: impl FnOnce(&mut Self) -> Outcome<()>,
    ) -> Outcome<()> {
        let event = format!("on{kind}{:?}{suffix}", self.verb);
        self.inside_named(kind, &event, action)
    }

    /// Runs an action inside the handlers of an event, or bare if nobody listens.
    fn inside_named(
        &mut self,
        kind: &str,
        event: &str,
        action: impl FnOnce(&mut Self) -> Outcome<()>,
    ) -> Outcome<()> {
        if !self.listened.iter().any(|name| name == event) {
            return action(self);
        }
        let tags = tags(kind, &self.collection.name, &self.collection.id);
        let document = document(kind, &self.shown()?, None).into();
        event::around(event, &tags, &document, self, action)?;
        Ok(())
    }

    /// The collection as handlers see it. By `created` scripts tell a new one.
    fn shown(&self) -> Outcome<Value> {
        let mut shown: Value = serde_json::from_str(&self.collection.to_json())?;
        if self.verb == Verb::Create && !self.done {
            shown["created"] = "".into();
        }
        Ok(shown)
    }

    /// Leaves what follows with the transaction.
    fn leave(&self, error: Option<Value>) -> Outcome<()> {
        let heard = |outcome: &str| {
            let mut names = KINDS.iter().map(|kind| after(kind, self.verb, outcome));
            names.any(|name| self.listened.contains(&name))
        };
        // What has gone well may still be rolled back.
        if !heard("Error") && (error.is_some() || !heard("Success")) {
            return Ok(());
        }
        let left = Left {
            changed_collection: Ended {
                verb: self.verb,
                imported: self.imported,
                name: self.collection.name.clone(),
                id: self.collection.id.clone(),
                shown: self.shown()?,
                error,
            },
        };
        after_transaction(&serde_json::to_string(&left)?)?;
        Ok(())
    }
}

/// What handlers may change.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Patch {
    event: Map<String, Value>,
}

impl event::Subject for Change<'_> {
    type Patch = Patch;

    fn apply(&mut self, mut patch: Patch) {
        let Some(Value::Object(mut changes)) = patch.event.remove("collection") else {
            return;
        };
        changes.remove("id");
        if self.judged || self.verb == Verb::Delete {
            log::warn("a hook has changed a collection when it was too late for that");
        } else if self.collection.merge(&changes).is_err() {
            log::warn("a hook has given a collection values that cannot be read");
        } else {
            self.changed = true;
            let collection = &mut self.collection;
            collection.prepare(self.old, &|_| false, &now(), &mut HostRandom);
        }
    }

    fn outcome(&self) -> Option<String> {
        let shown = self.shown().ok().filter(|_| self.done)?;
        Some(json!({"event": {"collection": shown}}).to_string())
    }
}

/// What follows a change.
#[derive(Serialize, Deserialize)]
struct Left {
    changed_collection: Ended,
}

#[derive(Serialize, Deserialize)]
struct Ended {
    verb: Verb,
    imported: bool,
    name: String,
    id: String,
    shown: Value,
    error: Option<Value>,
}

/// Does what a change has left for the end of its transaction; `None` for work that is of another kind.
pub fn ended(work: &str, committed: bool) -> Option<Outcome<()>> {
    let left: Left = serde_json::from_str(work).ok()?;
    Some(left.changed_collection.tell(committed))
}

impl Ended {
    fn tell(mut self, committed: bool) -> Outcome<()> {
        if !committed && self.error.is_none() {
            let undone = Failure::Api(ApiError::bad_request(messages::SOMETHING_WRONG));
            self.error = Some(error_document(&undone));
        }
        match self.raise("Collection", || self.raise("Model", || Ok(()))) {
            Err(Failure::Api(error)) if self.imported => {
                log::error(&format!("a hook after an import: {}", error.message));
                Ok(())
            }
            Err(Failure::Api(error)) => {
                Err(refusal(self.verb, false, &self.name, &error.message).into())
            }
            other => other,
        }
    }

    fn raise(&self, kind: &str, inner: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
        let outcome = if self.error.is_some() {
            "Error"
        } else {
            "Success"
        };
        let event = after(kind, self.verb, outcome);
        let tags = tags(kind, &self.name, &self.id);
        if subscribed(std::slice::from_ref(&event), &tags).is_empty() {
            return inner();
        }
        let document = document(kind, &self.shown, self.error.as_ref()).into();
        let mut patches: Vec<Value> = Vec::new();
        event::around(&event, &tags, &document, &mut patches, |_| inner())?;
        Ok(())
    }
}

fn after(kind: &str, verb: Verb, outcome: &str) -> String {
    format!("on{kind}After{verb:?}{outcome}")
}

fn tags(kind: &str, name: &str, id: &str) -> Vec<String> {
    match kind {
        "Model" => vec![TABLE.to_owned()],
        _ => vec![name.to_owned(), id.to_owned()],
    }
}

fn document(kind: &str, shown: &Value, error: Option<&Value>) -> Value {
    let mut document = json!({"collection": shown});
    if kind == "Model" {
        document["tags"] = json!([TABLE]);
    }
    if let Some(error) = error {
        document["error"] = error.clone();
    }
    document
}

/// What a client is told of what a handler has thrown.
fn refusal(verb: Verb, imported: bool, name: &str, message: &str) -> ApiError {
    let raw = "Failed to import the collections configuration. Raw error:\nfailed to";
    let text = match (imported, verb) {
        (true, Verb::Delete) => format!("{raw} delete collection {name:?}: {message}"),
        (true, _) => format!("{raw} save collection {name:?}: {message}"),
        (false, Verb::Create) => {
            format!("{} Raw error: \n{message}", messages::CREATE_COLLECTION)
        }
        (false, Verb::Update) => {
            format!("{} Raw error: \n{message}", messages::UPDATE_COLLECTION)
        }
        (false, Verb::Delete) => remove::FAILED.to_owned(),
    };
    ApiError::bad_request(&text)
}
