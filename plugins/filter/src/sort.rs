//! The `sort` parameter.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::joins::Joins;
use crate::operand::{SqlValue, Type};
use crate::parser::Term;
use crate::query::Query;
use crate::resolve::Walker;
use crate::row::Row;
use crate::schema::{CollectionKind, FieldKind};
use crate::scope::Scope;
use crate::terms::STATIC_AUTH;

/// Most sort keys, and the longest one in bytes.
const MAX_KEYS: usize = 8;
const MAX_KEY: usize = 255;

/// An item of ORDER BY.
pub(crate) struct Key {
    sql: String,
    descending: bool,
    /// NULL comes before all values, as in SQLite; else PostgreSQL has it after them.
    nulls_lowest: bool,
    /// Joins that give several rows for one record, whose value it is; it is then no SQL by itself.
    joins: Option<BTreeSet<usize>>,
}

impl Key {
    /// One that has PostgreSQL's own place for NULL, so that any plain index serves it.
    pub(crate) fn plain(sql: String, descending: bool) -> Self {
        Key {
            sql,
            descending,
            nulls_lowest: false,
            joins: None,
        }
    }

    /// The SQL of it, or of what orders the other way round.
    fn item(&self, reversed: bool) -> String {
        let (direction, nulls) = match self.descending != reversed {
            true => ("DESC", "LAST"),
            false => ("ASC", "FIRST"),
        };
        match self.nulls_lowest {
            true => format!("{} {direction} NULLS {nulls}", self.sql),
            false => format!("{} {direction}", self.sql),
        }
    }
}

impl Query<'_> {
    /// Makes SQL of the sort keys of joined rows: of several rows the first stored one counts, among those that the
    /// conditions on joined rows leave, which are the same joined rows.
    pub(crate) fn settle_order(&mut self) {
        for key in &mut self.order {
            let Some(mut joins) = key.joins.take() else {
                continue;
            };
            joins.extend(&self.inner_joins);
            let conditions: String = self.inner.iter().map(|sql| format!(" AND {sql}")).collect();
            let order = match self.joins.order(&joins) {
                order if order.is_empty() => order,
                order => format!(" ORDER BY {order}"),
            };
            // Within, the table is called as outside; the id is carried past that.
            key.sql = format!(
                "(SELECT \"hangar_key\" FROM (SELECT {0}.\"id\") AS \"hangar_row\", LATERAL (SELECT {1} AS \"hangar_key\" \
                 FROM {2} AS {0}{3} WHERE {0}.\"id\" = \"hangar_row\".\"id\"{conditions}{order} LIMIT 1) AS \"hangar_first\")",
                self.alias,
                key.sql,
                self.shared.base_table(),
                self.joins.sql(&joins),
            );
        }
    }
}

/// An ORDER BY list.
pub(crate) fn list(keys: &[Key], reversed: bool) -> String {
    let items: Vec<String> = keys.iter().map(|key| key.item(reversed)).collect();
    items.join(", ")
}

impl Query<'_> {
    /// Adds sort keys: a comma list of field paths, `@random` or `@rowid`, each with `-` for descending or `+`. The
    /// empty text adds none. Ties keep the insertion order.
    pub fn sort(&mut self, sort: &str, scope: Scope) -> Result<(), Error> {
        if sort.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = sort.split(',').map(str::trim).collect();
        if keys.len() > MAX_KEYS {
            return Err(Error::limit(format!("more than {MAX_KEYS} sort keys")));
        }
        keys.into_iter()
            .try_for_each(|key| self.sort_key(key, scope))
    }

    fn sort_key(&mut self, key: &str, scope: Scope) -> Result<(), Error> {
        if key.len() > MAX_KEY {
            return Err(Error::limit(format!(
                "a sort key is longer than {MAX_KEY} characters"
            )));
        }
        let (name, descending) = match key.strip_prefix('-') {
            Some(name) => (name, true),
            None => (key.strip_prefix('+').unwrap_or(key), false),
        };
        scope.check(name)?;
        let base = self.shared.base;
        match name {
            "@random" => {
                self.order.push(Key::plain("random()".to_owned(), false));
                self.order_total = true;
                return Ok(());
            }
            "@rowid" => {
                if base.kind == CollectionKind::View {
                    return Err(Error::field(format!("view {} has no @rowid", base.name)));
                }
                self.order.push(Key::plain(
                    format!("{}.\"_rowid_\"", self.alias),
                    descending,
                ));
                self.order_total = true;
                return Ok(());
            }
            _ => {}
        }
        let restricted = scope.restricted();
        if name.starts_with("@collection.") && !restricted {
            // The same for every record, so it orders nothing; it still has to be right.
            self.operand(
                &Term::Ident(name.to_owned()),
                &self.base_row(),
                scope,
                true,
                &mut Vec::new(),
            )?;
            self.joins.take_used();
            return Ok(());
        }
        if let Some(path) = name.strip_prefix("@request.auth.")
            && !restricted
            && !STATIC_AUTH.contains(&path)
            && let Some(auth) = &self.request.auth
            && let Some(collection) = self.shared.schema.collection(&auth.collection)
        {
            // So are the columns of who asks; what is known of him without them is no sort key.
            let row = Row::Bound {
                record: None,
                collection,
            };
            Walker::new(&mut self.shared, &mut Joins::default(), false).walk(row, path)?;
            return Ok(());
        }
        let start = self.base_row();
        // Parameters are for rows and count alike, so a sort key has none: no known record is among its rows.
        let mut walker = Walker::new(&mut self.shared, &mut self.joins, restricted);
        let found = walker.walk(start, name)?;
        let crossed = std::mem::take(&mut walker.crossed);
        let used = self.joins.take_used();
        let mut keys = keys(&found.value, descending);
        if found.many {
            for key in &mut keys {
                key.joins = Some(used.clone());
            }
        } else {
            self.order_joins.extend(used);
        }
        self.order.extend(keys);
        let field = base.field(name);
        if name == "id" {
            self.order_total = true;
        }
        // An autodate is set on every write, so it keeps PostgreSQL's own place for NULL and any plain index serves it.
        if field.is_some_and(|field| field.kind == FieldKind::Autodate)
            && let Some(last) = self.order.last_mut()
        {
            let column = format!("{}.{}", self.alias, crate::query::quote(name));
            *last = Key::plain(column, descending);
        }
        if restricted {
            self.list_rules(crossed)
        } else {
            Ok(())
        }
    }
}

/// The ORDER BY items of a value. NULL and the empty date come lowest, texts sort by bytes.
fn keys(value: &SqlValue, descending: bool) -> Vec<Key> {
    let key = |sql: String, nulls_lowest: bool| Key {
        sql,
        descending,
        nulls_lowest,
        joins: None,
    };
    let text = |sql: &str| format!("{sql} COLLATE \"C\"");
    match value.ty {
        Type::Text => vec![key(text(&value.sql), value.nullable)],
        Type::Number | Type::Bool => vec![key(value.sql.clone(), value.nullable)],
        Type::Date => vec![key(value.sql.clone(), true)],
        Type::List | Type::Point => vec![key(text(&value.as_text()), value.nullable)],
        // Numbers before texts: so do the type names.
        Type::Json | Type::Any => {
            let scalar = value.scalar();
            vec![
                key(format!("jsonb_typeof({scalar})"), true),
                key(format!("hangar_fn.to_number({scalar})"), true),
                key(text(&format!("({scalar} #>> '{{}}')")), true),
            ]
        }
    }
}
