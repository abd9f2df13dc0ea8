//! A collection with everything that is derived from it once.

use std::cell::OnceCell;
use std::ops::Deref;

use hangar_filter::schema::Collection as FilterCollection;
use hangar_filter::{Expr, parse};
use hangar_model::Collection;

use crate::records::plans::Plans;
use crate::records::template::Shapes;

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

impl Deref for Entry {
    type Target = Collection;

    fn deref(&self) -> &Collection {
        &self.model
    }
}

impl Entry {
    /// An entry for a collection.
    pub fn new(model: Collection) -> Self {
        Self {
            filter: FilterCollection::from(&model),
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
