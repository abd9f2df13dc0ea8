//! Compiled response plans, kept per collection while they depend on nothing but the text of the request.

use std::cell::RefCell;
use std::collections::HashMap;

use hangar_sdk::Result;
use hangar_sdk::http::Body;
use hangar_sdk::postgres::{Plan, Segment, Value, defer};

/// Plans kept per collection and instance; when full, all go.
const MAX_PLANS: usize = 64;
/// Longest key worth keeping.
const MAX_KEY: usize = 2048;

/// The plans of one collection.
#[derive(Default)]
pub struct Plans {
    kept: RefCell<HashMap<String, Prepared>>,
}

/// A plan whose first statement takes some values of the request at hand.
pub struct Prepared {
    /// Everything else.
    pub plan: Plan,
    /// Parameter of the first statement that holds the record's id.
    pub id_at: Option<usize>,
    /// Parameter of the first statement that holds the id of who is asking (empty for others).
    pub own_at: Option<usize>,
}

impl Prepared {
    /// Puts in the values and hands the plan to the host.
    ///
    /// # Errors
    /// What the host says.
    pub fn defer(&mut self, id: &str, own: &str) -> Result<Body> {
        let statement = self
            .plan
            .segments
            .iter_mut()
            .find_map(|segment| match segment {
                Segment::Rows(rendered) => Some(&mut rendered.statement),
                Segment::Text(_) => None,
            });
        if let Some(statement) = statement {
            for (at, text) in [(self.id_at, id), (self.own_at, own)] {
                if let Some(value) = at.and_then(|at| statement.params.get_mut(at)) {
                    *value = Value::Text(text.to_owned());
                }
            }
        }
        defer(&self.plan)
    }
}

impl Plans {
    /// Runs a kept plan.
    pub fn defer(&self, key: &str, id: &str, own: &str) -> Option<Result<Body>> {
        self.kept
            .borrow_mut()
            .get_mut(key)
            .map(|prepared| prepared.defer(id, own))
    }

    /// Keeps a plan.
    pub fn keep(&self, key: &str, prepared: Prepared) {
        if key.len() > MAX_KEY {
            return;
        }
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MAX_PLANS {
            kept.clear();
        }
        kept.insert(key.to_owned(), prepared);
    }
}
