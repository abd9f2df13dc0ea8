//! Names in a query: what stands in FROM, and which column a name means.

use hangar_model::field::FieldType;
use hangar_model::sql::{ROWID, ident, physical};
use hangar_model::{Collection, Field, FieldOptions};
use sqlparser::ast::{Expr, Ident};

use crate::value::{Affinity, Ty, Value};
use crate::{Error, Tables};

/// A column of something in FROM.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub name: String,
    /// The column's SQL without its table.
    pub sql: String,
    pub ty: Ty,
    pub affinity: Affinity,
    /// Not part of `*`.
    pub hidden: bool,
    /// The field it is, of a collection.
    pub field: Option<String>,
}

/// Something in FROM.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The name columns are qualified with.
    pub alias: String,
    pub columns: Vec<Column>,
    /// Id of the collection it is.
    pub collection: Option<String>,
    /// Its column that gives the order of its rows, and NULL for a row that an outer join lacks.
    pub order: Option<String>,
    /// An outer join may lack a row of it.
    pub optional: bool,
    /// SQL of columns that hold something else than their fields say, and whether those are lists.
    pub converted: Vec<(String, bool)>,
}

impl Source {
    /// A collection under an alias.
    pub(crate) fn collection(collection: &Collection, alias: &str, tables: &dyn Tables) -> Self {
        let mut converted = Vec::new();
        let mut columns: Vec<Column> = Vec::new();
        for field in &collection.fields {
            let mut column = field_column(field);
            if let Some(moved) = tables.moved(collection, field) {
                column.sql = ident(&moved.name);
                if moved.multiple != field.is_multiple() {
                    converted.push((column.sql.clone(), moved.multiple));
                }
            }
            columns.push(column);
        }
        for name in ["rowid", ROWID, "oid"] {
            if !columns
                .iter()
                .any(|column| column.name.eq_ignore_ascii_case(name))
            {
                columns.push(Column {
                    name: name.to_owned(),
                    sql: ident(ROWID),
                    ty: if collection.is_view() {
                        Ty::Null
                    } else {
                        Ty::Int
                    },
                    affinity: Affinity::Numeric,
                    hidden: true,
                    field: None,
                });
            }
        }
        Self {
            alias: alias.to_owned(),
            columns,
            collection: Some(collection.id.clone()),
            order: Some(ident(ROWID)),
            optional: false,
            converted,
        }
    }

    /// The alias as SQL.
    pub(crate) fn sql_alias(&self) -> String {
        ident(&self.alias)
    }

    /// Whether its rows are ordered by whole numbers: those of a view may be by anything.
    fn is_numbered(&self) -> bool {
        let rowid = ident(ROWID);
        let mut columns = self.columns.iter();
        columns.any(|column| column.sql == rowid && column.ty == Ty::Int)
    }

    pub(crate) fn value(&self, column: &Column) -> Value {
        let alias = self.sql_alias();
        let mut sql = format!("{alias}.{}", column.sql);
        if let Some((_, multiple)) = self.converted.iter().find(|(name, _)| *name == column.sql) {
            sql = format!("({})", as_before(&sql, *multiple));
        }
        let mut value = Value::new(sql, column.ty).with_affinity(column.affinity);
        if self.optional && column.ty == Ty::Date {
            value.row = self.order.as_ref().map(|order| format!("{alias}.{order}"));
        }
        value
    }
}

/// A value that was a text and is a list, or the other way round, as it was; missing where a join gives none.
fn as_before(sql: &str, multiple: bool) -> String {
    if multiple {
        format!("CASE WHEN {sql} = '[]'::jsonb THEN '' ELSE {sql} ->> -1 END")
    } else {
        format!(
            "CASE WHEN {sql} = '' THEN '[]'::jsonb WHEN {sql} IS NOT NULL THEN jsonb_build_array({sql}) END"
        )
    }
}

fn field_column(field: &Field) -> Column {
    let (ty, affinity) = match field.kind() {
        FieldType::Number => (Ty::Num, Affinity::Numeric),
        FieldType::Bool => (Ty::Bool, Affinity::Numeric),
        FieldType::Date | FieldType::Autodate => (Ty::Date, Affinity::Text),
        FieldType::Json if is_computed(field) => (Ty::Scalar, Affinity::None),
        FieldType::Json => (Ty::Json, Affinity::Numeric),
        FieldType::GeoPoint => (Ty::Point, Affinity::Numeric),
        FieldType::Select | FieldType::Relation | FieldType::File if field.is_multiple() => {
            (Ty::Json, Affinity::Numeric)
        }
        _ => (Ty::Text, Affinity::Text),
    };
    Column {
        name: field.name.clone(),
        sql: ident(&field.name),
        ty,
        affinity,
        hidden: false,
        field: Some(field.name.clone()),
    }
}

/// Whether a json field is what a view has computed, of any type, or another view's copy of that. Such fields have
/// PocketBase's limit of one byte, and no others: nothing would fit.
fn is_computed(field: &Field) -> bool {
    matches!(&field.options, FieldOptions::Json(options) if options.max_size == 1)
}

/// How a grouped select shows columns that it does not group by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grouping {
    /// The grouped expressions as written and as translated.
    pub keys: Vec<(Expr, Value)>,
    /// Aliases of tables grouped by their primary key.
    pub tables: Vec<String>,
    /// Order by which the row is chosen that gives such columns.
    pub order: String,
}

/// One select.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub sources: Vec<Source>,
    /// Names that the select gives to expressions.
    pub aliases: Vec<(Ident, Expr)>,
    /// Set while the parts that come after grouping are translated.
    pub grouping: Option<Grouping>,
    /// Within an aggregate's arguments every column is as before grouping.
    pub in_aggregate: bool,
    /// What the windows of the select sort by.
    pub windows: Vec<String>,
}

impl Scope {
    /// The rows' order in SQLite, as SQL expressions.
    pub(crate) fn row_order(&self) -> Vec<String> {
        let order = |source: &Source| {
            let order = source.order.as_ref()?;
            Some(format!("{}.{order}", source.sql_alias()))
        };
        self.sources.iter().filter_map(order).collect()
    }

    /// The same as one expression, `None` if nothing in FROM has an order.
    pub(crate) fn row_key(&self) -> Option<String> {
        match self.row_order().as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            // Not `row_number()`: no condition on the view would reach below that.
            all if self.sources.iter().all(Source::is_numbered) => {
                Some(format!("ARRAY[{}]", all.join(", ")))
            }
            all => Some(format!("jsonb_build_array({})", all.join(", "))),
        }
    }

    fn find(&self, table: Option<&str>, name: &str) -> Result<Option<(&Source, &Column)>, Error> {
        let mut found: Option<(&Source, &Column)> = None;
        for source in &self.sources {
            if table.is_some_and(|table| !source.alias.eq_ignore_ascii_case(table)) {
                continue;
            }
            let column = source
                .columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(name));
            let Some(column) = column else { continue };
            match found {
                Some(_) if !column.hidden => {
                    return Err(Error::syntax(&format!("ambiguous column name: {name}")));
                }
                Some(_) => {}
                None => found = Some((source, column)),
            }
        }
        Ok(found)
    }

    /// The value of a column in this select: as it is, or the one of the row chosen for its group.
    fn shown(&self, source: &Source, column: &Column) -> Value {
        let value = source.value(column);
        let Some(grouping) = self.grouping.as_ref().filter(|_| !self.in_aggregate) else {
            return value;
        };
        let is_key = grouping.keys.iter().any(|(_, key)| key.sql == value.sql);
        if is_key || grouping.tables.contains(&source.alias) {
            return value;
        }
        let pick = |sql: &str| format!("(array_agg({sql}{}))[1]", grouping.order);
        Value {
            sql: pick(&value.sql),
            row: value.row.as_deref().map(pick),
            ..value
        }
    }
}

/// A column that a name means, and where it was found.
pub(crate) struct Found<'a> {
    pub value: Value,
    /// Depth of the select, counted from the outermost.
    pub level: usize,
    pub source: &'a Source,
    pub column: &'a Column,
}

/// Looks a column up, from the innermost select outwards.
pub(crate) fn resolve<'a>(
    scopes: &'a [Scope],
    table: Option<&str>,
    name: &str,
) -> Result<Option<Found<'a>>, Error> {
    for (level, scope) in scopes.iter().enumerate().rev() {
        if let Some((source, column)) = scope.find(table, name)? {
            return Ok(Some(Found {
                value: scope.shown(source, column),
                level,
                source,
                column,
            }));
        }
    }
    Ok(None)
}

/// The physical alias of a source; PostgreSQL cuts longer ones.
pub(crate) fn alias_of(name: &str) -> String {
    physical(name)
}
