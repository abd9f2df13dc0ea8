//! Queries and selects.

use hangar_model::sql::ident;
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, OrderBy, OrderByExpr, OrderByKind, OrderBySort, Query,
    Select, SelectItem, SetExpr, Value as Constant, With,
};

use crate::scope::{Column, Grouping, Scope};
use crate::sets::limit;
use crate::value::{Ty, Value};
use crate::{Error, Tables, names};

/// The state of one translation.
pub(crate) struct Translator<'a> {
    pub tables: &'a dyn Tables,
    pub scopes: Vec<Scope>,
    ctes: Vec<(String, Vec<Column>)>,
    /// Names of collections as written, and their ids.
    pub sources: Vec<(String, String)>,
    pub unnamed: usize,
    pub depth: usize,
}

/// A translated query.
pub(crate) struct Translated {
    pub sql: String,
    pub columns: Vec<Column>,
}

/// One column of a select.
pub(crate) struct Output {
    pub name: String,
    /// What stands there; `None` for what `*` gave.
    pub expr: Option<Expr>,
    pub value: Value,
    /// The collection and field it is, without any change.
    pub origin: Option<(String, String)>,
}

/// In which order SQLite gives the rows of a select without ORDER BY.
#[derive(Default)]
pub(crate) struct Natural {
    /// By this expression of the rows in FROM.
    pub rows: Option<String>,
    /// By these keys of groups; with whether each is a text.
    pub keys: Option<Vec<(String, bool)>>,
    /// By what the only window sorts by, as items of ORDER BY.
    pub window: Option<String>,
}

/// A translated select, not yet put together.
pub(crate) struct Arm {
    pub outputs: Vec<Output>,
    pub distinct: bool,
    /// From FROM to HAVING, with a space before.
    pub tail: String,
    /// Items of ORDER BY.
    pub order: Vec<String>,
    pub natural: Natural,
}

/// A SELECT, or several put together.
pub(crate) enum Body {
    One(Box<Arm>),
    Set { sql: String, columns: Vec<Column> },
}

impl<'a> Translator<'a> {
    pub(crate) fn new(tables: &'a dyn Tables) -> Self {
        Self {
            tables,
            scopes: Vec::new(),
            ctes: Vec::new(),
            sources: Vec::new(),
            unnamed: 0,
            depth: 0,
        }
    }

    pub(crate) fn scope(&self) -> &Scope {
        // Whoever asks has pushed one.
        const NONE: &Scope = &Scope {
            sources: Vec::new(),
            aliases: Vec::new(),
            grouping: None,
            in_aggregate: false,
            windows: Vec::new(),
        };
        self.scopes.last().unwrap_or(NONE)
    }

    pub(crate) fn scope_mut(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let at = self.scopes.len() - 1;
        &mut self.scopes[at]
    }

    pub(crate) fn used(&mut self, name: &str, id: &str) {
        if !self.sources.iter().any(|(known, _)| known == name) {
            self.sources.push((name.to_owned(), id.to_owned()));
        }
    }

    pub(crate) fn cte(&self, name: &str) -> Option<&[Column]> {
        self.ctes
            .iter()
            .rev()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, columns)| columns.as_slice())
    }

    /// A query within another one.
    pub(crate) fn query(&mut self, query: &Query) -> Result<Translated, Error> {
        let known = self.ctes.len();
        let with = self.with(query.with.as_ref())?;
        let body = self.body(&query.body, query.order_by.as_ref())?;
        self.ctes.truncate(known);
        let tail = limit(query.limit_clause.as_ref())?;
        Ok(match body {
            Body::Set { sql, columns } => Translated {
                sql: format!("{with}{sql}{tail}"),
                columns,
            },
            Body::One(arm) => Translated {
                columns: columns(&arm.outputs, None),
                sql: format!("{with}{}{}{tail}", arm.select(None), arm.ordered()),
            },
        })
    }

    /// WITH, followed by a space.
    pub(crate) fn with(&mut self, with: Option<&With>) -> Result<String, Error> {
        let Some(with) = with else {
            return Ok(String::new());
        };
        let mut parts = Vec::new();
        for cte in &with.cte_tables {
            let name = cte.alias.name.value.clone();
            let given: Vec<String> = cte
                .alias
                .columns
                .iter()
                .map(|column| column.name.value.clone())
                .collect();
            if with.recursive
                && let SetExpr::SetOperation { left, .. } = &*cte.query.body
            {
                // The first part tells the types of the columns that the second part reads.
                let first = self.body(left, None)?;
                let mut found = first.columns();
                renamed(&mut found, &given);
                self.ctes.push((name.clone(), found));
            }
            let query = self.query(&cte.query)?;
            let mut found = query.columns;
            renamed(&mut found, &given);
            let list: Vec<&str> = found.iter().map(|column| column.sql.as_str()).collect();
            parts.push(format!(
                "{}({}) AS ({})",
                ident(&names::cte(&name)),
                list.join(", "),
                query.sql
            ));
            self.ctes.push((name, found));
        }
        let recursive = if with.recursive { "RECURSIVE " } else { "" };
        Ok(format!("WITH {recursive}{} ", parts.join(", ")))
    }

    /// What stands between WITH and LIMIT.
    pub(crate) fn body(
        &mut self,
        body: &SetExpr,
        order_by: Option<&OrderBy>,
    ) -> Result<Body, Error> {
        self.depth += 1;
        if self.depth > 30 {
            return Err(Error::new("the query is nested too deeply"));
        }
        let found = match body {
            SetExpr::Select(select) => Body::One(Box::new(self.select(select, order_by)?)),
            SetExpr::Query(query) if order_by.is_none() => {
                let inner = self.query(query)?;
                Body::Set {
                    sql: format!("({})", inner.sql),
                    columns: inner.columns,
                }
            }
            SetExpr::SetOperation { .. } | SetExpr::Values(_) => self.set(body, order_by)?,
            _ => return Err(Error::unsupported("this kind of query")),
        };
        self.depth -= 1;
        Ok(found)
    }

    pub(crate) fn select(
        &mut self,
        select: &Select,
        order_by: Option<&OrderBy>,
    ) -> Result<Arm, Error> {
        self.scopes.push(Scope::default());
        let arm = self.select_in_scope(select, order_by);
        self.scopes.pop();
        arm
    }

    fn select_in_scope(
        &mut self,
        select: &Select,
        order_by: Option<&OrderBy>,
    ) -> Result<Arm, Error> {
        let mut tail = String::new();
        if !select.from.is_empty() {
            tail = format!(" FROM {}", self.from(&select.from)?);
        }
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item {
                self.scope_mut().aliases.push((alias.clone(), expr.clone()));
            }
        }
        if let Some(condition) = &select.selection {
            tail.push_str(&format!(" WHERE {}", self.expr(condition)?.boolean()));
        }
        let order_items = match order_by {
            Some(order) => order_items(order)?,
            None => &[],
        };
        let grouped = self.group(select, order_items)?;
        if let Some(grouping) = &grouped
            && !grouping.keys.is_empty()
        {
            let keys: Vec<&str> = grouping
                .keys
                .iter()
                .map(|(_, key)| key.sql.as_str())
                .collect();
            tail.push_str(&format!(" GROUP BY {}", keys.join(", ")));
        }
        let mut natural = Natural {
            window: None,
            rows: self.scope().row_key(),
            keys: grouped.as_ref().map(|grouping| {
                let key = |(_, key): &(Expr, Value)| {
                    let text = key.is_text();
                    key.keys().into_iter().map(move |sql| (sql, text))
                };
                grouping.keys.iter().flat_map(key).collect()
            }),
        };
        self.scope_mut().grouping = grouped;
        if let Some(having) = &select.having {
            tail.push_str(&format!(" HAVING {}", self.expr(having)?.boolean()));
        }
        let outputs = self.outputs(&select.projection)?;
        if let [window, others @ ..] = self.scope().windows.as_slice()
            && others.iter().all(|other| other == window)
        {
            natural.window = Some(window.clone());
        }
        let mut order = Vec::new();
        for item in order_items {
            let value = self.order_value(&item.expr, &outputs)?;
            let direction = direction(item);
            order.extend(value.keys().into_iter().map(|key| key + direction));
        }
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(Error::unsupported("DISTINCT ON")),
        };
        Ok(Arm {
            outputs,
            distinct,
            tail,
            order,
            natural,
        })
    }

    /// How the select groups, if it does.
    fn group(&mut self, select: &Select, order: &[OrderByExpr]) -> Result<Option<Grouping>, Error> {
        let GroupByExpr::Expressions(written, _) = &select.group_by else {
            return Err(Error::unsupported("GROUP BY ALL"));
        };
        let mut aggregates = Vec::new();
        let mut visit = |expr: &Expr| {
            if let Expr::Function(function) = expr
                && names::is_aggregate(function)
            {
                aggregates.push(function.clone());
            }
        };
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                names::walk(expr, &mut visit);
            }
        }
        for expr in select
            .having
            .iter()
            .chain(order.iter().map(|item| &item.expr))
        {
            names::walk(expr, &mut visit);
        }
        if written.is_empty() && aggregates.is_empty() {
            return Ok(None);
        }
        let mut grouping = Grouping::default();
        for expr in written {
            let expr = self.group_expr(expr, &select.projection);
            let value = self.expr(&expr)?;
            // Of a table grouped by its id all columns are known.
            let table = self.scope().sources.iter().find(|source| {
                source.collection.is_some() && value.sql == format!("{}.\"id\"", source.sql_alias())
            });
            if let Some(table) = table
                && !self
                    .tables
                    .is_view(table.collection.as_deref().unwrap_or_default())
            {
                grouping.tables.push(table.alias.clone());
            }
            grouping.keys.push((names::strip(&expr).clone(), value));
        }
        let mut order = Vec::new();
        let extremes: Vec<_> = aggregates
            .iter()
            .filter(|function| {
                matches!(
                    names::last(&function.name).to_ascii_lowercase().as_str(),
                    "min" | "max"
                )
            })
            .collect();
        if let [function] = extremes.as_slice() {
            let suffix = match names::last(&function.name).to_ascii_lowercase().as_str() {
                "max" => " DESC NULLS LAST",
                _ => " ASC NULLS LAST",
            };
            for arg in names::arguments(function)? {
                let keys = self.expr(arg)?.keys();
                order.extend(keys.into_iter().map(|key| key + suffix));
            }
        }
        order.extend(self.scope().row_order());
        if !order.is_empty() {
            grouping.order = format!(" ORDER BY {}", order.join(", "));
        }
        Ok(Some(grouping))
    }

    /// GROUP BY may name a column of the result by its place.
    fn group_expr(&self, expr: &Expr, projection: &[SelectItem]) -> Expr {
        if let Expr::Value(value) = names::strip(expr)
            && let Constant::Number(number, _) = &value.value
            && let Ok(at) = number.parse::<usize>()
            && let Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) =
                at.checked_sub(1).and_then(|at| projection.get(at))
        {
            return expr.clone();
        }
        // A name that is no column is an alias.
        if let Expr::Identifier(name) = names::strip(expr)
            && crate::scope::resolve(&self.scopes, None, &name.value)
                .is_ok_and(|found| found.is_none())
            && let Some(expr) = self.aliased(name)
        {
            return expr;
        }
        expr.clone()
    }

    /// The expression an alias of this select stands for.
    pub(crate) fn aliased(&self, name: &Ident) -> Option<Expr> {
        let aliases = &self.scope().aliases;
        aliases
            .iter()
            .find(|(alias, _)| alias.value.eq_ignore_ascii_case(&name.value))
            .map(|(_, expr)| expr.clone())
    }
}

impl Body {
    fn columns(self) -> Vec<Column> {
        match self {
            Self::One(arm) => columns(&arm.outputs, None),
            Self::Set { columns, .. } => columns,
        }
    }
}

impl Arm {
    /// The columns that a query around this one sees.
    pub(crate) fn columns(&self) -> Vec<Column> {
        columns(&self.outputs, None)
    }

    /// The select without ORDER BY, its columns converted to the given types.
    pub(crate) fn select(&self, types: Option<&[Ty]>) -> String {
        let columns = columns(&self.outputs, types);
        let items: Vec<String> = self
            .outputs
            .iter()
            .zip(&columns)
            .map(|(output, column)| match column.ty {
                Ty::Null => format!("NULL::text AS {}", column.sql),
                // All parts of a compound have one type.
                Ty::Int if types.is_some() => {
                    format!("({})::bigint AS {}", output.value.to(Ty::Int), column.sql)
                }
                ty => format!("{} AS {}", output.value.to(ty), column.sql),
            })
            .collect();
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        format!("SELECT {distinct}{}{}", items.join(", "), self.tail)
    }

    /// ORDER BY with a space before, or nothing.
    pub(crate) fn ordered(&self) -> String {
        match self.order.as_slice() {
            [] if self.distinct => " ORDER BY 1".to_owned(),
            // SQLite sorts to group.
            [] => match self.natural.keys.as_deref() {
                None | Some([]) => String::new(),
                Some(keys) => {
                    let keys: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
                    format!(" ORDER BY {}", keys.join(", "))
                }
            },
            order => format!(" ORDER BY {}", order.join(", ")),
        }
    }
}

/// The columns that a query around this one sees.
pub(crate) fn columns(outputs: &[Output], types: Option<&[Ty]>) -> Vec<Column> {
    let column = |(at, output): (usize, &Output)| Column {
        name: output.name.clone(),
        sql: ident(&output.name),
        ty: types
            .and_then(|types| types.get(at).copied())
            .unwrap_or(output.value.ty),
        affinity: output.value.affinity,
        hidden: false,
        field: None,
    };
    outputs.iter().enumerate().map(column).collect()
}

fn renamed(columns: &mut [Column], names: &[String]) {
    for (column, name) in columns.iter_mut().zip(names) {
        column.name.clone_from(name);
        column.sql = ident(name);
    }
}

pub(crate) fn order_items(order: &OrderBy) -> Result<&[OrderByExpr], Error> {
    match &order.kind {
        OrderByKind::Expressions(items) => Ok(items),
        OrderByKind::All(_) => Err(Error::unsupported("ORDER BY ALL")),
    }
}

/// NULL comes lowest, as in SQLite.
pub(crate) fn direction(item: &OrderByExpr) -> &'static str {
    let descending = matches!(item.options.sort, Some(OrderBySort::Desc));
    match (descending, item.options.nulls_first) {
        (false, None | Some(true)) => " ASC NULLS FIRST",
        (false, Some(false)) => " ASC NULLS LAST",
        (true, None | Some(false)) => " DESC NULLS LAST",
        (true, Some(true)) => " DESC NULLS FIRST",
    }
}
