//! Joins of a query and of the subqueries of multi-valued comparisons.

use std::collections::{BTreeSet, HashMap};

/// One LEFT JOIN.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    /// From `LEFT JOIN` to the end of its condition.
    sql: String,
    /// Joins it refers to.
    parent: Option<usize>,
    /// Can yield several rows for one.
    many: bool,
    /// Expression that orders its rows as stored; empty if at most one.
    order: String,
}

/// Joins in order of creation, each made once per path.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    list: Vec<Join>,
    by_key: HashMap<String, (usize, String)>,
    /// Joins touched since the last [`Joins::take_used`], ancestors included.
    used: BTreeSet<usize>,
}

/// A moment in the making of [`Joins`].
pub(crate) struct Mark {
    len: usize,
    used: BTreeSet<usize>,
}

impl Joins {
    /// The join known under `key`, with its alias; marks it used.
    pub(crate) fn find(&mut self, key: &str) -> Option<(usize, String)> {
        let found = self.by_key.get(key).cloned()?;
        self.used_with_parents(found.0);
        Some(found)
    }

    pub(crate) fn add(
        &mut self,
        key: String,
        alias: String,
        sql: String,
        parent: Option<usize>,
        many: bool,
        order: String,
    ) -> usize {
        let index = self.list.len();
        self.list.push(Join {
            sql,
            parent,
            many,
            order,
        });
        self.by_key.insert(key, (index, alias));
        self.used_with_parents(index);
        index
    }

    /// Marks a join used.
    pub(crate) fn touch(&mut self, index: usize) {
        self.used_with_parents(index);
    }

    fn used_with_parents(&mut self, index: usize) {
        let mut next = Some(index);
        while let Some(index) = next {
            self.used.insert(index);
            next = self.list[index].parent;
        }
    }

    /// The joins used since the last call.
    pub(crate) fn take_used(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.used)
    }

    /// The state to which [`Joins::back_to`] leads.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            len: self.list.len(),
            used: self.used.clone(),
        }
    }

    /// Forgets the joins of a path that has led nowhere.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.list.truncate(mark.len);
        self.by_key.retain(|_, (index, _)| *index < mark.len);
        self.used = mark.used;
    }

    /// Whether one of them multiplies rows.
    pub(crate) fn any_many(&self, used: &BTreeSet<usize>) -> bool {
        used.iter().any(|index| self.list[*index].many)
    }

    /// Their SQL, each preceded by a space.
    pub(crate) fn sql(&self, used: &BTreeSet<usize>) -> String {
        used.iter().fold(String::new(), |sql, index| {
            sql + " " + &self.list[*index].sql
        })
    }

    /// ORDER BY list for the stored order of the rows of these joins, empty if there is at most one.
    pub(crate) fn order(&self, used: &BTreeSet<usize>) -> String {
        let parts: Vec<&str> = used
            .iter()
            .map(|index| self.list[*index].order.as_str())
            .filter(|order| !order.is_empty())
            .collect();
        parts.join(", ")
    }

    /// All indexes.
    pub(crate) fn all(&self) -> BTreeSet<usize> {
        (0..self.list.len()).collect()
    }
}
