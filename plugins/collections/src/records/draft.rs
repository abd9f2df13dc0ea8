//! A record about to be saved, and the chain of model events around the save.

use std::rc::Rc;

use hangar_failure::{Failure, Outcome};
use hangar_model::value::{blank_record, fill_generated};
use hangar_model::{FieldType, messages};
use hangar_sdk::event;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::catalog::{Catalog, Entry};
use crate::files::{self, Upload};
use crate::random::HostRandom;
use crate::records::checks;
use crate::records::event_document::{self, Difference, Document, Outcome as Told, Record};
use crate::records::hooks::{Around, Events, Subject, around};
use crate::records::query::Values;
use crate::records::record::{Shown, name_collection};
use crate::records::write;

/// A record about to be saved.
pub struct Draft {
    /// Its collection.
    pub entry: Rc<Entry>,
    /// The record as it shall be. Password fields hold the stored hash; new ones wait in `shown.passwords`.
    pub shown: Shown,
    /// The record as stored; none for a new one.
    pub original: Option<Values>,
    /// What was saved by the action, for handlers that look afterwards.
    pub saved: bool,
    /// Whether the id came from a client.
    pub id_given: bool,
    /// Of a deletion: the messages to those who may know of it.
    pub farewell: Option<String>,
    /// Files of the request.
    pub uploads: Rc<[Upload]>,
    /// Keys of the files that were stored for this save.
    pub stored_files: Vec<String>,
    /// A password that the server has made up: nobody is to know it, so its field does not judge it.
    pub made_password: Option<String>,
}

/// The event names of one kind of change.
pub struct Names {
    /// `Create`, `Update` or `Delete`.
    pub verb: &'static str,
}

/// Creation.
pub const CREATE: Names = Names { verb: "Create" };
/// Update.
pub const UPDATE: Names = Names { verb: "Update" };
/// Deletion.
pub const DELETE: Names = Names { verb: "Delete" };

impl Names {
    /// An event of records or models: `onRecordCreate`, with a suffix.
    pub fn of(&self, kind: &str, suffix: &str) -> String {
        format!("on{kind}{}{suffix}", self.verb)
    }

    /// An event after the change: `onRecordAfterCreateSuccess`.
    pub fn after(&self, kind: &str, outcome: &str) -> String {
        format!("on{kind}After{}{outcome}", self.verb)
    }

    /// All events a change may raise, and a few more.
    pub fn all(&self, more: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = more.iter().map(|name| (*name).to_owned()).collect();
        for kind in ["Record", "Model"] {
            names.push(self.of(kind, ""));
            names.push(self.of(kind, "Execute"));
            names.push(self.after(kind, "Success"));
            names.push(self.after(kind, "Error"));
            names.push(format!("on{kind}Validate"));
        }
        names
    }
}

/// The events of this kind of change that somebody listens to.
pub fn listened(names: &Names, entry: &Entry, more: &[&str]) -> Events {
    let all = names.all(more);
    Events::among(&all.iter().map(String::as_str).collect::<Vec<_>>(), entry)
}

impl Draft {
    /// A new record with zero values.
    pub fn new(entry: Rc<Entry>) -> Self {
        let mut values = blank_record(&entry);
        name_collection(&entry, &mut values);
        Self {
            entry,
            shown: Shown::new(values),
            original: None,
            saved: false,
            id_given: false,
            farewell: None,
            uploads: Rc::from([]),
            stored_files: Vec::new(),
            made_password: None,
        }
    }

    /// A stored record.
    pub fn stored(entry: Rc<Entry>, values: Values) -> Self {
        Self {
            entry,
            shown: Shown::new(values.clone()),
            original: Some(values),
            saved: false,
            id_given: false,
            farewell: None,
            uploads: Rc::from([]),
            stored_files: Vec::new(),
            made_password: None,
        }
    }

    /// Whether it is not stored yet.
    pub fn is_new(&self) -> bool {
        self.original.is_none()
    }

    /// The stored value of a field.
    pub fn before(&self, name: &str) -> Option<&Value> {
        self.original
            .as_ref()
            .and_then(|original| original.get(name))
    }

    /// Whether a field differs from what is stored; all of a new record do.
    pub fn changed(&self, name: &str) -> bool {
        self.shown.passwords.contains_key(name) || self.before(name) != self.shown.values.get(name)
    }

    /// Assigns values in normal form by field name. Autodates and what is no field are left out; passwords are kept
    /// aside until they are hashed.
    pub fn load(&mut self, values: &Map<String, Value>) {
        for (name, value) in values {
            let Some(field) = self.entry.field(name) else {
                continue;
            };
            match field.kind() {
                FieldType::Autodate => {}
                FieldType::Password => {
                    self.shown.passwords.insert(name.clone(), value.clone());
                }
                _ => {
                    self.shown.values.insert(name.clone(), value.clone());
                }
            }
        }
    }

    /// The document of an event, in the request of `call` if that is what it is about; `error` is that of an
    /// after-error event.
    pub fn document(&self, call: Option<&Call>, error: Option<&Value>) -> event::Document {
        let original = match (&self.original, self.saved) {
            (None, false) => Value::Null,
            (_, true) => json!({}),
            (Some(original), false) => original
                .iter()
                .filter(|(name, value)| self.shown.values.get(*name) != Some(value))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect::<Map<_, _>>()
                .into(),
        };
        let document = Document {
            record: Some(Record(&self.shown)),
            is_new: Some(self.original.is_none() && !self.saved),
            original: Some(original),
            error,
            ..Document::default()
        };
        event_document::event(&document, call)
    }

    /// What the save has changed of what handlers know.
    pub fn difference<'a>(&'a self, known: &'a Values) -> Option<Difference<'a>> {
        let record = Record(&self.shown);
        self.saved.then_some(Difference { record, known })
    }
}

impl Subject for Draft {
    fn apply(&mut self, patch: &Map<String, Value>) {
        let entry = self.entry.clone();
        self.shown.apply(&entry, patch);
    }

    fn known(&self) -> Values {
        let values = Record(&self.shown);
        let pairs = values.values();
        pairs
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    fn changes(&self, known: &Values) -> Option<String> {
        let set = self.difference(known)?;
        Some(event_document::text(&Told {
            set: Some(set),
            response: None,
        }))
    }
}

/// Runs an action inside the chain of an event, or bare if nobody listens.
pub fn inside(
    events: &Events,
    event: &str,
    draft: &mut Draft,
    action: &mut dyn FnMut(&mut Draft) -> Outcome<()>,
) -> Outcome<()> {
    if !events.has(event) {
        return action(draft);
    }
    let entry = draft.entry.clone();
    let document = draft.document(None, None);
    match around(event, &entry.tags, document, draft, action)? {
        Around::Done(()) | Around::Stopped => Ok(()),
    }
}

/// How a save is to be done.
#[derive(Default)]
pub struct How {
    /// Whether values are judged.
    pub validate: bool,
    /// Answers of checks in the database that were asked for already, if nothing can have changed the record since.
    pub checked: Option<Vec<Vec<Value>>>,
}

/// Validates and stores a record inside its model events. The after-events are the caller's (see [`crate::records::ended`]), since they
/// wait for the commit.
///
/// # Errors
/// Validation errors as an answer with the message of the operation, and what hooks and the database say.
pub fn save(catalog: &Catalog, draft: &mut Draft, events: &Events, how: How) -> Outcome<()> {
    let names = if draft.is_new() { CREATE } else { UPDATE };
    let How {
        validate,
        mut checked,
    } = how;
    inside(events, &names.of("Record", ""), draft, &mut |draft| {
        inside(events, &names.of("Model", ""), draft, &mut |draft| {
            prepare(draft)?;
            if validate {
                let checked = checked.take();
                validate_inside(catalog, draft, events, checked)?;
            }
            inside(
                events,
                &names.of("Record", "Execute"),
                draft,
                &mut |draft| {
                    inside(events, &names.of("Model", "Execute"), draft, &mut |draft| {
                        files::store(draft)?;
                        write::store(draft)?;
                        draft.saved = true;
                        Ok(())
                    })
                },
            )
        })
    })
}

/// What the server fills in before a record is judged.
///
/// # Errors
/// What the database says.
pub fn prepare(draft: &mut Draft) -> Outcome<()> {
    if draft.is_new() {
        let entry = draft.entry.clone();
        fill_generated(&entry, &mut draft.shown.values, &mut HostRandom);
    }
    crate::records::auth::prepare(draft)
}

fn validate_inside(
    catalog: &Catalog,
    draft: &mut Draft,
    events: &Events,
    mut checked: Option<Vec<Vec<Value>>>,
) -> Outcome<()> {
    inside(events, "onRecordValidate", draft, &mut |draft| {
        checks::validate(catalog, draft, checked.take())?;
        inside(events, "onModelValidate", draft, &mut |_| Ok(()))
    })
}

/// The message of a failed save.
pub fn failed_message(draft: &Draft) -> &'static str {
    if draft.is_new() {
        messages::CREATE_RECORD
    } else {
        messages::UPDATE_RECORD
    }
}

/// A failed save as the client gets it.
pub fn failed(draft: &Draft, failure: Failure) -> Failure {
    Failure::Api(failure.into_api(failed_message(draft)))
}
