//! Rows and their columns: where a path's values come from.

use serde_json::{Map, Value as Json};

use crate::date;
use crate::operand::{Affinity, Nulls, SqlValue, Type};
use crate::params::Params;
use crate::query::{Options, quote};
use crate::schema::{Collection, CollectionKind, Field, FieldKind, Schema};
use crate::session::{AUTH_ID, Session};
use crate::value::Value;

/// What a query has that all paths share.
pub(crate) struct Shared<'a> {
    pub schema: &'a dyn Schema,
    pub base: &'a Collection,
    pub options: Options<'a>,
    pub params: Params,
    /// Aliases handed out.
    pub aliases: usize,
}

impl<'a> Shared<'a> {
    /// An alias no collection can have as its name.
    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("\"~{}\"", self.aliases)
    }

    /// The FROM item for other records than those asked for, without alias.
    pub(crate) fn table(&self, collection: &Collection) -> String {
        format!(
            "{}.{}",
            quote(self.options.related),
            quote(&collection.name)
        )
    }

    /// The FROM item that holds the records themselves.
    pub(crate) fn base_table(&self) -> String {
        self.options.cte.map_or_else(
            || format!("{}.{}", quote(self.options.schema), quote(&self.base.name)),
            quote,
        )
    }

    /// Whether the record asked for is yet to be created.
    fn created(&self) -> bool {
        let policy = |session: Session<'_>| session.method == "POST";
        self.options.cte.is_some() || self.options.session.is_some_and(policy)
    }

    /// Binds a value and returns its placeholder with the cast appended.
    pub(crate) fn bind(&mut self, value: Value, cast: &str) -> String {
        self.params.bind(value, cast)
    }
}

/// Where the columns of a record come from.
#[derive(Clone)]
pub(crate) enum Row<'a> {
    /// A row of the query.
    Table {
        /// Quoted alias.
        alias: String,
        collection: &'a Collection,
        /// The join that gives it, none for the base and for a row of an outer query.
        join: Option<usize>,
        /// The row may be missing.
        nullable: bool,
    },
    /// The record behind `@request.auth`. Its columns become parameters; in a policy (no record) they are looked up.
    Bound {
        record: Option<&'a Map<String, Json>>,
        collection: &'a Collection,
    },
}

impl<'a> Row<'a> {
    pub(crate) fn collection(&self) -> &'a Collection {
        match self {
            Row::Table { collection, .. } | Row::Bound { collection, .. } => collection,
        }
    }

    pub(crate) fn join(&self) -> Option<usize> {
        match self {
            Row::Table { join, .. } => *join,
            Row::Bound { .. } => None,
        }
    }

    /// Name under which joins made from this row are found again.
    pub(crate) fn key(&self) -> &str {
        match self {
            Row::Table { alias, .. } => alias,
            Row::Bound { .. } => "@auth",
        }
    }

    /// SQL of the id.
    pub(crate) fn id(&self, shared: &mut Shared<'a>) -> String {
        match self {
            Row::Table { alias, .. } => format!("{alias}.\"id\""),
            Row::Bound { record: None, .. } => AUTH_ID.to_owned(),
            Row::Bound {
                record: Some(record),
                ..
            } => {
                let id = bound(Type::Text, record.get("id").unwrap_or(&Json::Null));
                shared.bind(id, "::text")
            }
        }
    }

    /// The value of a field without path or modifier.
    pub(crate) fn column(&self, shared: &mut Shared<'a>, field: &Field) -> SqlValue {
        let (ty, affinity, cast) = match field.kind {
            FieldKind::Number => (Type::Number, Affinity::Numeric, "::float8"),
            FieldKind::Bool => (Type::Bool, Affinity::Numeric, "::bool"),
            FieldKind::Date | FieldKind::Autodate => {
                (Type::Date, Affinity::Text, "::text::timestamptz")
            }
            FieldKind::Json => (Type::Json, Affinity::None, "::text::jsonb"),
            FieldKind::GeoPoint => (Type::Point, Affinity::Numeric, "::text::jsonb"),
            _ if field.multiple => (Type::List, Affinity::Numeric, "::text::jsonb"),
            _ => (Type::Text, Affinity::Text, "::text"),
        };
        let nulls = match ty {
            Type::Json => Nulls::Own,
            _ => Nulls::Empty,
        };
        match self {
            Row::Table {
                alias,
                collection,
                nullable,
                join,
            } => {
                let row = nullable.then(|| format!("{alias}.\"id\""));
                // What is submitted comes from no column yet, so SQLite converts nothing for it.
                let real = shared.created() && join.is_none() && !nullable;
                let affinity = if real { Affinity::None } else { affinity };
                // The columns of a view promise nothing about NULL.
                let nullable = *nullable || collection.kind == CollectionKind::View;
                let filled = field.name == "id";
                SqlValue {
                    ty,
                    affinity,
                    row,
                    real,
                    filled,
                    nulls,
                    ..SqlValue::text(format!("{alias}.{}", quote(&field.name)), nullable)
                }
            }
            Row::Bound { record, collection } => {
                let known = record.and_then(|record| record.get(&field.name));
                let sql = match known {
                    Some(value) => shared.bind(bound(ty, value), cast),
                    // Who asks is carried about without secrets.
                    None => {
                        let id = self.id(shared);
                        shared.auth_column(collection, &field.name, &id)
                    }
                };
                SqlValue {
                    ty,
                    affinity,
                    nulls,
                    ..SqlValue::text(sql, false)
                }
            }
        }
    }
}

/// The parameter for a known column value.
pub(crate) fn bound(ty: Type, value: &Json) -> Value {
    match (ty, value) {
        (Type::Number, _) => Value::Float(value.as_f64().unwrap_or(0.0)),
        (Type::Bool, _) => Value::Bool(value.as_bool().unwrap_or(false)),
        (Type::Date, Json::String(text)) if !text.is_empty() => {
            let bounds = date::bounds(text);
            Value::Text(bounds.at_least)
        }
        (Type::Date, _) => Value::Null,
        (Type::Json | Type::Point | Type::Any, _) => Value::Text(value.to_string()),
        (Type::List, Json::Array(_)) => Value::Text(value.to_string()),
        (Type::List, _) => Value::Text("[]".to_owned()),
        (Type::Text, Json::String(text)) => Value::Text(text.clone()),
        (Type::Text, Json::Null) => Value::Text(String::new()),
        (Type::Text, other) => Value::Text(other.to_string()),
    }
}

/// The SQL of a list column of the record itself.
pub(crate) fn list_column(row: &Row<'_>, field: &Field) -> Option<String> {
    match row {
        Row::Table {
            alias,
            join: None,
            nullable: false,
            ..
        } if field.multiple => Some(format!("{alias}.{}", quote(&field.name))),
        _ => None,
    }
}
