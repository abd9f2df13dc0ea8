//! The builder callers use: filters and sort keys of one query over one collection.

use std::collections::BTreeSet;

use crate::compare::{Binder, Side, compare};
use crate::error::Error;
use crate::joins::Joins;
use crate::lexer::{Comparison, Op};
use crate::operand::{AllRows, Nulls, Operand};
use crate::params::Params;
use crate::parser::{Expr, MAX_CLIENT_COMPARISONS, Node, Term, parse};
use crate::quoting::text as quoted;
use crate::request::Request;
use crate::resolve::Walker;
use crate::row::{Row, Shared};
use crate::schema::{Collection, Schema};
use crate::scope::Scope;
use crate::session::Session;
use crate::sort::{Key, list};
use crate::value::{Const, Value};

/// Deepest chain of list rules that a client's path may pull in.
const MAX_RULES: usize = 100;

/// Settings of a query.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// PostgreSQL schema of the record tables. Default `public`.
    pub schema: &'a str,
    /// PostgreSQL schema in which paths find other records than those asked for. Default `public`.
    pub related: &'a str,
    /// Number of the first parameter. Default 1.
    pub first_param: usize,
    /// A CTE (unquoted name) that stands in for the table as the source of the records, with all its columns and
    /// `_rowid_`. Relations and `@collection` still read the real tables. For createRule over the submitted row.
    pub cte: Option<&'a str>,
    /// What is compiled is a policy: it has no parameters, and reads the request from the session when it is evaluated.
    pub session: Option<Session<'a>>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            schema: "public",
            related: "public",
            first_param: 1,
            cte: None,
            session: None,
        }
    }
}

/// A finished query, to be assembled as `SELECT … FROM {from} WHERE {where_sql} ORDER BY {order_by} LIMIT …` and
/// `SELECT count(*) FROM {count_from} WHERE {where_sql}`. No row comes twice, so neither needs DISTINCT.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// FROM list for the rows: the base table under its alias and joins that yield at most one row each.
    pub from: String,
    /// The same without the joins that only sorting needs.
    pub count_from: String,
    /// Condition, `TRUE` if there is none.
    pub where_sql: String,
    /// ORDER BY list; without sort keys the insertion order.
    pub order_by: String,
    /// The same order from its end.
    pub reverse_order: String,
    /// Values of the parameters, the same for rows and count: sorting adds none.
    pub params: Vec<Value>,
}

/// An identifier in double quotes.
///
/// A name PostgreSQL could not hold is the shortened one of its column or table.
pub fn quote(identifier: &str) -> String {
    hangar_model::sql::ident(identifier)
}

/// A condition on the record, and whether it is about joined rows too.
pub(crate) struct Condition {
    pub sql: String,
    pub joined: bool,
}

/// Builder of one query over one collection.
pub struct Query<'a> {
    pub(crate) shared: Shared<'a>,
    pub(crate) request: &'a Request,
    pub(crate) joins: Joins,
    pub(crate) alias: String,
    /// Conditions on the record and rows that are single.
    pub(crate) outer: Vec<Condition>,
    pub(crate) outer_joins: BTreeSet<usize>,
    /// Conditions on joined rows of which there may be several.
    pub(crate) inner: Vec<String>,
    pub(crate) inner_joins: BTreeSet<usize>,
    pub(crate) order: Vec<Key>,
    pub(crate) order_joins: BTreeSet<usize>,
    /// The order is already total or random.
    pub(crate) order_total: bool,
    /// Implied by the last comparison: a list column of the record holds a value. Redundant, but an index can serve it.
    membership: Option<String>,
    /// Joins whose list rule has been added.
    ruled: BTreeSet<usize>,
    /// Parameters that their own comparison turned out not to need.
    loose: Vec<usize>,
}

impl<'a> Query<'a> {
    /// An empty query: all records in insertion order.
    pub fn new(
        schema: &'a dyn Schema,
        collection: &'a Collection,
        request: &'a Request,
        options: Options<'a>,
    ) -> Self {
        Query {
            shared: Shared {
                schema,
                base: collection,
                options,
                params: Params::new(options.first_param, options.session.is_some()),
                aliases: 0,
            },
            request,
            joins: Joins::default(),
            alias: quote(&collection.name),
            outer: Vec::new(),
            outer_joins: BTreeSet::new(),
            inner: Vec::new(),
            inner_joins: BTreeSet::new(),
            order: Vec::new(),
            order_joins: BTreeSet::new(),
            order_total: false,
            membership: None,
            ruled: BTreeSet::new(),
            loose: Vec::new(),
        }
    }

    /// Quoted alias of the base table, which is the collection's name.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// PostgreSQL schema in which paths find other records.
    pub fn related(&self) -> &'a str {
        self.shared.options.related
    }

    /// Binds a value for a condition of the caller's own and returns its placeholder (`$3`), to be cast by the caller.
    pub fn param(&mut self, value: Value) -> String {
        self.shared.bind(value, "")
    }

    /// ANDs a condition of the caller's own, in SQL over [`Query::alias`].
    pub fn condition(&mut self, sql: &str) {
        self.outer.push(Condition {
            sql: format!("({sql})"),
            joined: false,
        });
    }

    /// ANDs a filter or rule. Several share their joins: `?=` comparisons over one path mean the same joined row.
    pub fn filter(&mut self, expr: &Expr, scope: Scope) -> Result<(), Error> {
        if scope.restricted() && expr.comparisons > MAX_CLIENT_COMPARISONS {
            return Err(Error::limit(format!(
                "the filter has {} comparisons, at most {MAX_CLIENT_COMPARISONS} are allowed",
                expr.comparisons
            )));
        }
        let base = self.base_row();
        self.conjuncts(&expr.root, &base, scope)
    }

    /// The record itself.
    pub(crate) fn base_row(&self) -> Row<'a> {
        Row::Table {
            alias: self.alias.clone(),
            collection: self.shared.base,
            join: None,
            nullable: false,
        }
    }

    /// Adds `node`, each member of an AND on its own so that those about single rows stay plain conditions.
    fn conjuncts(&mut self, node: &Node, start: &Row<'a>, scope: Scope) -> Result<(), Error> {
        if let Node::And(nodes) = node {
            return nodes
                .iter()
                .try_for_each(|node| self.conjuncts(node, start, scope));
        }
        let mut crossed = Vec::new();
        self.membership = None;
        let sql = self.node(node, start, scope, &mut crossed)?;
        if let (Node::Compare { .. }, Some(membership)) = (node, self.membership.take()) {
            self.outer.push(Condition {
                sql: membership,
                joined: false,
            });
        }
        self.place(sql);
        self.list_rules(crossed)
    }

    /// Files a condition by the joins used since the last one.
    fn place(&mut self, sql: String) {
        let used = self.joins.take_used();
        if sql == "TRUE" {
            return;
        }
        if self.joins.any_many(&used) {
            self.inner.push(sql);
            self.inner_joins.extend(used);
        } else {
            let joined = !used.is_empty();
            self.outer.push(Condition { sql, joined });
            self.outer_joins.extend(used);
        }
    }

    /// Adds the list rules of collections a client's path has crossed.
    pub(crate) fn list_rules(&mut self, crossed: Vec<(usize, Row<'a>)>) -> Result<(), Error> {
        for (join, row) in crossed {
            let Row::Table {
                alias, collection, ..
            } = &row
            else {
                continue;
            };
            if !self.ruled.insert(join) {
                continue;
            }
            if self.ruled.len() > MAX_RULES {
                return Err(Error::limit(format!(
                    "the filter crosses more than {MAX_RULES} collections"
                )));
            }
            match collection.list_rule.as_deref() {
                None => {
                    return Err(Error::field(format!(
                        "only superusers may filter or sort through collection {}",
                        collection.name
                    )));
                }
                Some("") => {}
                Some(rule) => {
                    let expr = parse(rule)?;
                    let sql = self.node(&expr.root, &row, Scope::Rule, &mut Vec::new())?;
                    // The rule may be about constants only; its condition still belongs to the joined row.
                    let condition = format!("({alias}.\"id\" IS NULL OR {sql})");
                    self.joins.touch(join);
                    self.place(condition);
                }
            }
        }
        Ok(())
    }

    fn node(
        &mut self,
        node: &Node,
        start: &Row<'a>,
        scope: Scope,
        crossed: &mut Vec<(usize, Row<'a>)>,
    ) -> Result<String, Error> {
        let mut list = |this: &mut Self, nodes: &[Node], join: &str| -> Result<String, Error> {
            let parts = nodes
                .iter()
                .map(|node| this.node(node, start, scope, crossed))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(format!("({})", parts.join(join)))
        };
        match node {
            Node::And(nodes) => list(self, nodes, " AND "),
            Node::Or(nodes) => list(self, nodes, " OR "),
            Node::Compare { left, op, right } => {
                let before = self.shared.params.next();
                let sql = self.comparison(left, *op, right, start, scope, crossed)?;
                let loose = |number: &usize| !sql.contains(&format!("${number}:"));
                self.loose
                    .extend((before..self.shared.params.next()).filter(loose));
                Ok(sql)
            }
        }
    }

    fn comparison(
        &mut self,
        left: &Term,
        op: Op,
        right: &Term,
        start: &Row<'a>,
        scope: Scope,
        crossed: &mut Vec<(usize, Row<'a>)>,
    ) -> Result<String, Error> {
        let mut operand = |term: &Term, which: &str| {
            self.operand(term, start, scope, op.any, crossed)
                .map_err(|error| Error {
                    message: format!(
                        "invalid {which} operand {} - {}",
                        quoted(term.describe().0),
                        error.message
                    ),
                    ..error
                })
        };
        let left = operand(left, "left")?;
        let right = operand(right, "right")?;
        if let (Operand::Changed(sql), Operand::Const(value))
        | (Operand::Const(value), Operand::Changed(sql)) = (&left, &right)
            && let Some(sql) = changed(sql, op.comparison, value)
        {
            return Ok(sql);
        }
        let (left, right) = (left.plain(), right.plain());
        let mut bind = Binder::new(&mut self.shared.params);
        let main = compare(op.comparison, side(&left), side(&right), false, &mut bind);
        self.membership = match (op.comparison, &left, &right) {
            (Comparison::Eq, Operand::Value { value, .. }, Operand::Const(Const::Text(text)))
            | (Comparison::Eq, Operand::Const(Const::Text(text)), Operand::Value { value, .. })
                if !text.is_empty() =>
            {
                value
                    .element_of
                    .as_ref()
                    .map(|list| format!("{list} ? {}", bind.text(text)))
            }
            _ => None,
        };
        let mut parts = vec![main];
        let (left_all, right_all) = (all_rows(&left), all_rows(&right));
        if left_all.is_some() || right_all.is_some() {
            let (left_one, right_one) = (lenient(&left), lenient(&right));
            let left_side = left_all.map_or_else(|| side(&left_one), |all| Side::Value(&all.value));
            let right_side =
                right_all.map_or_else(|| side(&right_one), |all| Side::Value(&all.value));
            let violated = compare(op.comparison, left_side, right_side, true, &mut bind);
            let both: Vec<&AllRows> = left_all.into_iter().chain(right_all).collect();
            let from: Vec<&str> = both.iter().map(|all| all.from.as_str()).collect();
            let conditions: Vec<&str> = both.iter().map(|all| all.condition.as_str()).collect();
            parts.push(format!(
                "NOT EXISTS (SELECT 1 FROM {} WHERE {} AND NOT ({violated}))",
                from.join(" CROSS JOIN "),
                conditions.join(" AND ")
            ));
        }
        parts.extend([&left, &right].into_iter().filter_map(guard));
        let sql = parts.join(" AND ");
        Ok(if parts.len() > 1 {
            format!("({sql})")
        } else {
            sql
        })
    }

    /// The rows of a multi-valued path once more, for all of the record's joined rows.
    pub(crate) fn all_rows(
        &mut self,
        walk: impl FnOnce(&mut Walker<'_, 'a>, Row<'a>) -> Result<crate::resolve::Found, Error>,
    ) -> Result<AllRows, Error> {
        let alias = self.shared.alias();
        // A policy is about the row at hand, which need not be stored yet.
        let (table, row, condition) = if self.shared.options.session.is_some() {
            ("(SELECT)".to_owned(), self.base_row(), "TRUE".to_owned())
        } else {
            let row = Row::Table {
                alias: alias.clone(),
                collection: self.shared.base,
                join: None,
                nullable: false,
            };
            let same = format!("{alias}.\"id\" = {}.\"id\"", self.alias);
            (self.shared.base_table(), row, same)
        };
        let mut joins = Joins::default();
        let mut found = walk(&mut Walker::new(&mut self.shared, &mut joins, false), row)?;
        // No violation is found where there is nothing: here it counts as empty.
        if found.value.nulls == Nulls::Nothing {
            found.value.nulls = Nulls::Empty;
        }
        Ok(AllRows {
            from: format!("{table} AS {alias}{}", joins.sql(&joins.all())),
            condition,
            value: found.value,
        })
    }

    /// The finished SQL and its parameters.
    pub fn finish(mut self) -> Built {
        let base = format!("{} AS {}", self.shared.base_table(), self.alias);
        let mut conditions: Vec<String> = self.outer.iter().map(|one| one.sql.clone()).collect();
        if !self.inner.is_empty() {
            conditions.push(format!(
                "{0}.\"id\" IN (SELECT {0}.\"id\" FROM {base}{1} WHERE {2})",
                self.alias,
                self.joins.sql(&self.inner_joins),
                self.inner.join(" AND ")
            ));
        }
        // Views have the hidden column too: the order in which SQLite would give their rows.
        if !self.order_total {
            let rowid = format!("{}.\"_rowid_\"", self.alias);
            self.order.push(Key::plain(rowid, false));
        }
        self.settle_order();
        let row_joins: BTreeSet<usize> =
            self.outer_joins.union(&self.order_joins).copied().collect();
        // PostgreSQL wants to know the type of every parameter, also of one that no condition needs.
        let joins = self.joins.sql(&self.outer_joins);
        for number in self.loose {
            let placeholder = format!("${number}:");
            let needed = |sql: &String| sql.contains(&placeholder);
            if !needed(&joins) && !conditions.iter().any(needed) {
                let cast = self.shared.params.cast(number);
                conditions.push(format!("(TRUE OR ${number}{cast} IS NULL)"));
            }
        }
        Built {
            from: base.clone() + &self.joins.sql(&row_joins),
            count_from: base + &self.joins.sql(&self.outer_joins),
            where_sql: if conditions.is_empty() {
                "TRUE".to_owned()
            } else {
                conditions.join(" AND ")
            },
            order_by: list(&self.order, false),
            reverse_order: list(&self.order, true),
            params: self.shared.params.into_values(),
        }
    }
}

fn side(operand: &Operand) -> Side<'_> {
    match operand {
        Operand::Const(constant) => Side::Const(constant),
        Operand::Value { value, .. } => Side::Value(value),
        Operand::Changed(_) => Side::Const(&Const::Null),
    }
}

/// The one value that all rows of the other operand are compared with. There PocketBase merges NULL with the empty text
/// for json values, too.
fn lenient(operand: &Operand) -> Operand {
    let mut operand = operand.clone();
    if let Operand::Value { value, .. } = &mut operand {
        value.nulls = match value.nulls {
            Nulls::Own => Nulls::Empty,
            Nulls::Lenient => Nulls::Nothing,
            other => other,
        };
    }
    operand
}

fn all_rows(operand: &Operand) -> Option<&AllRows> {
    match operand {
        Operand::Value { all, .. } => all.as_deref(),
        _ => None,
    }
}

fn guard(operand: &Operand) -> Option<String> {
    match operand {
        Operand::Value { guard, .. } => guard.clone(),
        _ => None,
    }
}

/// `x:changed = true` and its kin over a condition that is never NULL; none for comparisons with anything else.
fn changed(sql: &str, comparison: Comparison, value: &Const) -> Option<String> {
    let value = match value.number()? {
        1.0 => true,
        0.0 => false,
        _ => return None,
    };
    let wanted = match comparison {
        Comparison::Eq => value,
        Comparison::Ne => !value,
        _ => return None,
    };
    Some(if wanted {
        sql.to_owned()
    } else {
        format!("NOT {sql}")
    })
}

/// Checks a rule of `collection` before it is saved: grammar, fields, modifiers, macros and functions.
pub fn validate(schema: &dyn Schema, collection: &Collection, rule: &str) -> Result<(), Error> {
    let request = Request::default();
    Query::new(schema, collection, &request, Options::default()).filter(&parse(rule)?, Scope::Rule)
}
