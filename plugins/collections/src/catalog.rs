//! The collections, read when they are first needed and kept until one changes.
//!
//! An instance lives for some hundred calls, so a new one must be ready fast: it reads a short index of all collections
//! and then only those that a request touches. What has been read is shared between the instances of a node through
//! `hangar:kv`, under the revision it belongs to.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use hangar_filter::schema::{Collection as FilterCollection, Schema};
use hangar_model::options::RelationOptions;
use hangar_model::{Collection, Field, FieldOptions};
use hangar_sdk::context::transaction_marked;
use hangar_sdk::postgres::Value;
use hangar_sdk::{Error, Result, kv, log, postgres};
use serde::Deserialize;

pub use crate::entry::{Entry, Rule, RuleKind};

/// Topic bumped after every change of a collection, and the mark of transactions that have made one.
pub const TOPIC: &str = "collections";

const INDEX: &str = "SELECT coalesce(json_agg(json_build_object('id', c.id, 'name', c.name, 'type', c.data ->> 'type', \
    'targets', (SELECT coalesce(json_agg(DISTINCT f ->> 'collectionId'), '[]') \
    FROM json_array_elements(c.data -> 'fields') AS f WHERE f ->> 'type' = 'relation')) ORDER BY c.name), '[]')::text \
    FROM hangar_collections.collections AS c";
const ONE: &str = "SELECT data::text FROM hangar_collections.collections WHERE id = $1::text";
const ALL: &str = "SELECT data::text FROM hangar_collections.collections ORDER BY name";

/// All collections at one revision.
pub struct Catalog {
    revision: u32,
    slots: Vec<Slot>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<String, usize>,
    all: OnceCell<Vec<Rc<Entry>>>,
}

/// What the index says of a collection, and the collection once it has been read.
#[derive(Deserialize)]
struct Slot {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// Ids of the collections its relations point to.
    targets: Vec<String>,
    #[serde(skip)]
    entry: OnceCell<Rc<Entry>>,
}

/// A field of some collection that points to another.
pub struct Reference<'a> {
    /// Where the field is.
    pub entry: &'a Rc<Entry>,
    /// The field.
    pub field: &'a Field,
    /// Its options.
    pub options: &'a RelationOptions,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Catalog>>> = const { RefCell::new(None) };
}

/// The catalogue at the current revision.
///
/// # Errors
/// What the database says.
pub fn current() -> Result<Rc<Catalog>> {
    // A transaction that has changed collections sees what may never come to be: nothing cached holds there, and
    // nothing it reads may be cached.
    if transaction_marked(TOPIC) {
        return load();
    }
    let revision = kv::revisions::current(TOPIC);
    let kept = CURRENT.with_borrow(|current| {
        current
            .as_ref()
            .filter(|catalog| catalog.revision == revision)
            .cloned()
    });
    if let Some(catalog) = kept {
        return Ok(catalog);
    }
    let text =
        shared(&format!("index {revision}"), || one_text(INDEX, vec![]))?.unwrap_or_default();
    let slots = serde_json::from_str(&text).map_err(|error| {
        Error::internal(format!("the index of collections cannot be read: {error}"))
    })?;
    let catalog = Rc::new(Catalog::of(revision, slots));
    CURRENT.set(Some(catalog.clone()));
    Ok(catalog)
}

/// Reads all collections anew, without keeping them: for use inside a transaction that has changed some.
///
/// # Errors
/// What the database says.
pub fn load() -> Result<Rc<Catalog>> {
    let rows = postgres::query(ALL, vec![])?;
    let texts = rows.rows.iter().filter_map(|row| row.first()?.as_str());
    let collections = texts.map(parse).collect::<Result<Vec<_>>>()?;
    Ok(Rc::new(Catalog::new(
        kv::revisions::current(TOPIC),
        collections,
    )))
}

fn parse(text: &str) -> Result<Collection> {
    Collection::from_storage(text).map_err(|error| {
        Error::internal(format!("a stored collection cannot be read: {}", error.0))
    })
}

/// A text from the cache that all instances share, or else from where it comes.
fn shared(key: &str, read: impl FnOnce() -> Result<Option<String>>) -> Result<Option<String>> {
    if let Ok(Some(text)) = kv::store::get(key) {
        return Ok(Some(text));
    }
    let text = read()?;
    if let Some(text) = &text
        && let Err(error) = kv::store::set(key, text, 0)
    {
        // It works without; only starting an instance takes longer.
        log::warn(&format!("{key:?} could not be cached: {}", error.message));
    }
    Ok(text)
}

fn one_text(sql: &str, params: Vec<Value>) -> Result<Option<String>> {
    let rows = postgres::query(sql, params)?;
    Ok(rows
        .rows
        .first()
        .and_then(|row| row.first()?.as_str().map(str::to_owned)))
}

impl Catalog {
    /// A catalogue of these collections.
    pub fn new(revision: u32, collections: Vec<Collection>) -> Self {
        let slot = |collection: Collection| Slot {
            id: collection.id.clone(),
            name: collection.name.clone(),
            kind: collection.kind.name().to_owned(),
            targets: targets(&collection).map(str::to_owned).collect(),
            entry: OnceCell::from(Rc::new(Entry::new(collection))),
        };
        Self::of(revision, collections.into_iter().map(slot).collect())
    }

    fn of(revision: u32, slots: Vec<Slot>) -> Self {
        let by_name = |(at, slot): (usize, &Slot)| (slot.name.to_ascii_lowercase(), at);
        let by_id = |(at, slot): (usize, &Slot)| (slot.id.clone(), at);
        Self {
            revision,
            by_name: slots.iter().enumerate().map(by_name).collect(),
            by_id: slots.iter().enumerate().map(by_id).collect(),
            slots,
            all: OnceCell::new(),
        }
    }

    /// By name in any case, or exact id. A collection that cannot be read is logged and not there.
    pub fn get(&self, name_or_id: &str) -> Option<&Rc<Entry>> {
        let at = self
            .by_id
            .get(name_or_id)
            .or_else(|| self.by_name.get(name_or_id))
            .or_else(|| self.by_name.get(&name_or_id.to_ascii_lowercase()))?;
        self.entry(self.slots.get(*at)?)
    }

    fn entry<'a>(&self, slot: &'a Slot) -> Option<&'a Rc<Entry>> {
        if let Some(entry) = slot.entry.get() {
            return Some(entry);
        }
        let key = format!("collection {} {}", self.revision, slot.id);
        let read = || one_text(ONE, vec![slot.id.as_str().into()]);
        match shared(&key, read).and_then(|text| text.as_deref().map(parse).transpose()) {
            Ok(Some(collection)) => {
                Some(slot.entry.get_or_init(|| Rc::new(Entry::new(collection))))
            }
            Ok(None) => None,
            Err(error) => {
                log::error(&format!(
                    "collection {} cannot be read: {}",
                    slot.name, error.message
                ));
                None
            }
        }
    }

    /// All, by name.
    pub fn all(&self) -> &[Rc<Entry>] {
        self.all.get_or_init(|| {
            self.slots
                .iter()
                .filter_map(|slot| self.entry(slot).cloned())
                .collect()
        })
    }

    /// Id and name of the collections whose records can log in.
    pub fn auth_collections(&self) -> impl Iterator<Item = (&str, &str)> {
        let auth = self.slots.iter().filter(|slot| slot.kind == "auth");
        auth.map(|slot| (slot.id.as_str(), slot.name.as_str()))
    }

    /// The relation fields of tables that point to a collection, by collection name.
    pub fn references<'a>(&'a self, collection_id: &'a str) -> impl Iterator<Item = Reference<'a>> {
        let referring = move |slot: &&Slot| {
            slot.kind != "view" && slot.targets.iter().any(|id| id == collection_id)
        };
        let entries = self
            .slots
            .iter()
            .filter(referring)
            .filter_map(|slot| self.entry(slot));
        entries.flat_map(move |entry| {
            entry
                .fields
                .iter()
                .filter_map(move |field| match &field.options {
                    FieldOptions::Relation(options) if options.collection_id == collection_id => {
                        Some(Reference {
                            entry,
                            field,
                            options,
                        })
                    }
                    _ => None,
                })
        })
    }
}

impl Schema for Catalog {
    fn collection(&self, name_or_id: &str) -> Option<&FilterCollection> {
        self.get(name_or_id).map(|entry| &entry.filter)
    }
}

fn targets(collection: &Collection) -> impl Iterator<Item = &str> {
    collection
        .fields
        .iter()
        .filter_map(|field| match &field.options {
            FieldOptions::Relation(options) => Some(options.collection_id.as_str()),
            _ => None,
        })
}
