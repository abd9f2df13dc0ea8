//! All collections, read once and kept until one changes.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

use hangar_filter::schema::{
    Collection as FilterCollection, CollectionKind, Field as FilterField, FieldKind, Schema,
};
use hangar_filter::{Expr, parse};
use hangar_model::index::Index;
use hangar_model::options::RelationOptions;
use hangar_model::{Collection, CollectionType, Field, FieldOptions, FieldType};
use hangar_sdk::{Error, Result, kv, postgres};

use crate::records::plans::Plans;
use crate::records::template::Shapes;

/// Topic bumped after every change of a collection.
pub const TOPIC: &str = "collections";

/// All collections at one revision.
pub struct Catalog {
    revision: u32,
    entries: Vec<Rc<Entry>>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<String, usize>,
}

/// A collection and what was derived from it.
pub struct Entry {
    model: Collection,
    /// The collection as the filter compiler sees it.
    pub filter: FilterCollection,
    /// Select lists and row templates.
    pub shapes: Shapes,
    /// Compiled statements.
    pub plans: Plans,
    /// `[name, id]`, the tags of its hooks.
    pub tags: [String; 2],
    rules: [OnceCell<Expr>; 6],
    insert: OnceCell<String>,
}

/// A rule of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the rule of its name")]
pub enum RuleKind {
    List,
    View,
    Create,
    Update,
    Delete,
    Manage,
}

/// What a rule asks for.
pub enum Rule<'a> {
    /// Null: superusers only.
    Locked,
    /// Empty: everyone.
    Open,
    /// An expression; the flag tells whether it refers to the request or the clock.
    Expr(&'a Expr, bool),
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
    let revision = kv::revisions::current(TOPIC);
    let kept =
        CURRENT.with_borrow(|current| current.as_ref().filter(|c| c.revision == revision).cloned());
    if let Some(catalog) = kept {
        return Ok(catalog);
    }
    let catalog = load_at(revision)?;
    // A transaction may see collections that never come to be.
    if !postgres::active() {
        CURRENT.set(Some(catalog.clone()));
    }
    Ok(catalog)
}

/// Reads the catalogue anew, without keeping it: for use inside a transaction that has changed collections.
///
/// # Errors
/// What the database says.
pub fn load() -> Result<Rc<Catalog>> {
    load_at(kv::revisions::current(TOPIC))
}

fn load_at(revision: u32) -> Result<Rc<Catalog>> {
    let rows = postgres::query(
        "SELECT data::text FROM hangar_collections.collections ORDER BY name",
        vec![],
    )?;
    let mut collections = Vec::with_capacity(rows.rows.len());
    for row in rows.rows {
        let text = row
            .first()
            .and_then(|value| value.as_str())
            .unwrap_or_default();
        let collection = Collection::from_storage(text).map_err(|error| {
            Error::internal(format!("a stored collection cannot be read: {}", error.0))
        })?;
        collections.push(collection);
    }
    Ok(Rc::new(Catalog::new(revision, collections)))
}

impl Catalog {
    /// A catalogue of these collections.
    pub fn new(revision: u32, collections: Vec<Collection>) -> Self {
        let mut catalog = Self {
            revision,
            entries: Vec::new(),
            by_name: HashMap::new(),
            by_id: HashMap::new(),
        };
        for collection in collections {
            let at = catalog.entries.len();
            catalog
                .by_name
                .insert(collection.name.to_ascii_lowercase(), at);
            catalog.by_id.insert(collection.id.clone(), at);
            catalog.entries.push(Rc::new(Entry::new(collection)));
        }
        catalog
    }

    /// By name in any case, or exact id.
    pub fn get(&self, name_or_id: &str) -> Option<&Rc<Entry>> {
        let at = self
            .by_id
            .get(name_or_id)
            .or_else(|| self.by_name.get(name_or_id))
            .or_else(|| self.by_name.get(&name_or_id.to_ascii_lowercase()))?;
        self.entries.get(*at)
    }

    /// All, by name.
    pub fn all(&self) -> &[Rc<Entry>] {
        &self.entries
    }

    /// The relation fields of tables that point to a collection, by collection name.
    pub fn references<'a>(&'a self, collection_id: &'a str) -> impl Iterator<Item = Reference<'a>> {
        self.entries
            .iter()
            .filter(|entry| !entry.is_view())
            .flat_map(move |entry| {
                entry
                    .fields
                    .iter()
                    .filter_map(move |field| match &field.options {
                        FieldOptions::Relation(options)
                            if options.collection_id == collection_id =>
                        {
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

impl Deref for Entry {
    type Target = Collection;

    fn deref(&self) -> &Collection {
        &self.model
    }
}

impl Entry {
    fn new(model: Collection) -> Self {
        Self {
            filter: filter_collection(&model),
            shapes: Shapes::default(),
            plans: Plans::default(),
            tags: [model.name.clone(), model.id.clone()],
            rules: Default::default(),
            insert: OnceCell::new(),
            model,
        }
    }

    /// The text of a rule.
    pub fn rule_text(&self, kind: RuleKind) -> Option<&str> {
        let rules = &self.model.rules;
        match kind {
            RuleKind::List => rules.list.as_deref(),
            RuleKind::View => rules.view.as_deref(),
            RuleKind::Create => rules.create.as_deref(),
            RuleKind::Update => rules.update.as_deref(),
            RuleKind::Delete => rules.delete.as_deref(),
            // An empty manage rule grants nothing.
            RuleKind::Manage => self
                .model
                .auth
                .as_ref()
                .and_then(|auth| auth.manage_rule.as_deref())
                .filter(|rule| !rule.is_empty()),
        }
    }

    /// A rule, parsed once.
    ///
    /// # Errors
    /// A stored rule that cannot be parsed.
    pub fn rule(&self, kind: RuleKind) -> Result<Rule<'_>, hangar_filter::Error> {
        let Some(text) = self.rule_text(kind) else {
            return Ok(Rule::Locked);
        };
        if text.trim().is_empty() {
            return Ok(Rule::Open);
        }
        let cell = &self.rules[kind as usize];
        let expr = match cell.get() {
            Some(expr) => expr,
            None => {
                let expr = parse(text)?;
                cell.get_or_init(|| expr)
            }
        };
        Ok(Rule::Expr(expr, text.contains('@')))
    }

    /// The statement that inserts a record, made once.
    pub fn insert_sql(&self, make: impl FnOnce() -> String) -> &str {
        self.insert.get_or_init(make)
    }

    /// The table, quoted and with its schema.
    pub fn table(&self) -> String {
        hangar_model::sql::table(&self.model.name)
    }
}

fn filter_collection(model: &Collection) -> FilterCollection {
    let unique = model
        .indexes
        .iter()
        .filter_map(|text| Index::parse(text))
        .filter_map(|index| {
            let column = index.columns.first()?;
            (index.is_unique_on(&column.name) && index.condition.is_empty())
                .then(|| column.name.clone())
        })
        .collect();
    FilterCollection {
        id: model.id.clone(),
        name: model.name.clone(),
        kind: match model.kind {
            CollectionType::Base => CollectionKind::Base,
            CollectionType::Auth => CollectionKind::Auth,
            CollectionType::View => CollectionKind::View,
        },
        fields: model.fields.iter().map(filter_field).collect(),
        list_rule: model.rules.list.clone(),
        unique,
    }
}

fn filter_field(field: &Field) -> FilterField {
    FilterField {
        name: field.name.clone(),
        kind: match field.kind() {
            FieldType::Text => FieldKind::Text,
            FieldType::Number => FieldKind::Number,
            FieldType::Bool => FieldKind::Bool,
            FieldType::Email => FieldKind::Email,
            FieldType::Url => FieldKind::Url,
            FieldType::Editor => FieldKind::Editor,
            FieldType::Date => FieldKind::Date,
            FieldType::Autodate => FieldKind::Autodate,
            FieldType::Select => FieldKind::Select,
            FieldType::Json => FieldKind::Json,
            FieldType::File => FieldKind::File,
            FieldType::Relation => FieldKind::Relation,
            FieldType::Password => FieldKind::Password,
            FieldType::GeoPoint => FieldKind::GeoPoint,
        },
        multiple: field.is_multiple(),
        hidden: field.hidden,
        target: match &field.options {
            FieldOptions::Relation(options) => options.collection_id.clone(),
            _ => String::new(),
        },
    }
}
