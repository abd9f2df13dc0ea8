//! Field paths to SQL values and joins.

use serde_json::{Map, Value as Json};

use crate::date;
use crate::error::Error;
use crate::joins::Joins;
use crate::operand::{Affinity, SqlValue, Type};
use crate::query::{Options, quote};
use crate::schema::{Collection, CollectionKind, Field, FieldKind, Schema};
use crate::value::Value;

/// Most relations one path may cross.
pub const MAX_RELATIONS: usize = 6;

/// What a query has that all paths share.
pub(crate) struct Shared<'a> {
    pub schema: &'a dyn Schema,
    pub base: &'a Collection,
    pub options: Options<'a>,
    pub params: Vec<Value>,
    /// Aliases handed out.
    pub aliases: usize,
}

impl<'a> Shared<'a> {
    /// An alias no collection can have as its name.
    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("\"~{}\"", self.aliases)
    }

    /// The FROM item of a collection, without alias.
    pub(crate) fn table(&self, collection: &Collection) -> String {
        format!("{}.{}", quote(self.options.schema), quote(&collection.name))
    }

    /// The FROM item that holds the records themselves.
    pub(crate) fn base_table(&self) -> String {
        self.options.cte.map_or_else(|| self.table(self.base), quote)
    }

    /// Binds a value and returns its placeholder with the cast appended.
    pub(crate) fn bind(&mut self, value: Value, cast: &str) -> String {
        self.params.push(value);
        format!("${}{cast}", self.options.first_param + self.params.len() - 1)
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
    /// A record known now (`@request.auth`): its columns become parameters.
    Bound { record: &'a Map<String, Json>, collection: &'a Collection },
}

impl<'a> Row<'a> {
    pub(crate) fn collection(&self) -> &'a Collection {
        match self {
            Row::Table { collection, .. } | Row::Bound { collection, .. } => collection,
        }
    }

    fn join(&self) -> Option<usize> {
        match self {
            Row::Table { join, .. } => *join,
            Row::Bound { .. } => None,
        }
    }

    /// Name under which joins made from this row are found again.
    fn key(&self) -> &str {
        match self {
            Row::Table { alias, .. } => alias,
            Row::Bound { .. } => "@auth",
        }
    }

    /// The value of a field without path or modifier.
    pub(crate) fn column(&self, shared: &mut Shared<'a>, field: &Field) -> SqlValue {
        let (ty, affinity, cast) = match field.kind {
            FieldKind::Number => (Type::Number, Affinity::Numeric, "::float8"),
            FieldKind::Bool => (Type::Bool, Affinity::Numeric, "::bool"),
            FieldKind::Date | FieldKind::Autodate => (Type::Date, Affinity::Text, "::text::timestamptz"),
            FieldKind::Json => (Type::Json, Affinity::None, "::text::jsonb"),
            FieldKind::GeoPoint => (Type::Point, Affinity::Numeric, "::text::jsonb"),
            _ if field.multiple => (Type::List, Affinity::Numeric, "::text::jsonb"),
            _ => (Type::Text, Affinity::Text, "::text"),
        };
        let strict = ty == Type::Json;
        match self {
            Row::Table { alias, collection, nullable, .. } => {
                let row = nullable.then(|| format!("{alias}.\"id\""));
                // The columns of a view promise nothing about NULL.
                let nullable = *nullable || collection.kind == CollectionKind::View;
                SqlValue { sql: format!("{alias}.{}", quote(&field.name)), ty, affinity, nullable, row, strict }
            }
            Row::Bound { record, .. } => {
                let value = bound(ty, record.get(&field.name).unwrap_or(&Json::Null));
                SqlValue { sql: shared.bind(value, cast), ty, affinity, nullable: false, row: None, strict }
            }
        }
    }
}

/// The parameter for a known column value.
fn bound(ty: Type, value: &Json) -> Value {
    match (ty, value) {
        (Type::Number, _) => Value::Float(value.as_f64().unwrap_or(0.0)),
        (Type::Bool, _) => Value::Bool(value.as_bool().unwrap_or(false)),
        (Type::Date, Json::String(text)) if !text.is_empty() => {
            let bounds = date::bounds(text);
            Value::Text(bounds.at_least)
        }
        (Type::Date, _) => Value::Null,
        (Type::Json | Type::Point, _) => Value::Text(value.to_string()),
        (Type::List, Json::Array(_)) => Value::Text(value.to_string()),
        (Type::List, _) => Value::Text("[]".to_owned()),
        (Type::Text, Json::String(text)) => Value::Text(text.clone()),
        (Type::Text, Json::Null) => Value::Text(String::new()),
        (Type::Text, other) => Value::Text(other.to_string()),
    }
}

/// The last part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    None,
    Each,
    Length,
    Lower,
}

/// Splits `name:modifier`.
pub(crate) fn split_modifier(path: &str) -> Result<(&str, Modifier), Error> {
    let (name, modifier) = path.split_once(':').map_or((path, None), |(name, modifier)| (name, Some(modifier)));
    // Segments end up in identifiers and json paths, positions in json paths are 32-bit.
    let plain = |segment: &str| {
        let word = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let number = segment.bytes().all(|b| b.is_ascii_digit());
        !segment.is_empty() && word && !(number && segment.len() > 9)
    };
    if !name.split('.').all(plain) {
        return Err(Error::field(format!("invalid field path {path}")));
    }
    let Some(modifier) = modifier else { return Ok((name, Modifier::None)) };
    let modifier = match modifier {
        "each" => Modifier::Each,
        "length" => Modifier::Length,
        "lower" => Modifier::Lower,
        // Only mean something on `@request.*`, where they are handled before; PocketBase ignores them elsewhere.
        "isset" | "changed" => Modifier::None,
        other => return Err(Error::field(format!("unknown modifier :{other} in {path}"))),
    };
    Ok((name, modifier))
}

/// Where a path ended.
pub(crate) struct Found {
    pub value: SqlValue,
    /// It crossed something that can yield several rows.
    pub many: bool,
    /// Condition for clients: the record shows its email.
    pub email_guard: Option<String>,
}

/// Walks one path.
pub(crate) struct Walker<'w, 'a> {
    pub shared: &'w mut Shared<'a>,
    pub joins: &'w mut Joins,
    /// A client that is no superuser: hidden fields are refused, emails guarded.
    pub restricted: bool,
    /// Collections crossed, with alias and join: a client's query must meet their list rules.
    pub crossed: Vec<(usize, Row<'a>)>,
    pub many: bool,
    pub relations: usize,
}

impl<'w, 'a> Walker<'w, 'a> {
    pub(crate) fn new(shared: &'w mut Shared<'a>, joins: &'w mut Joins, restricted: bool) -> Self {
        Walker { shared, joins, restricted, crossed: Vec::new(), many: false, relations: 0 }
    }

    /// Follows `path` (without modifier) from `row`.
    pub(crate) fn walk(&mut self, mut row: Row<'a>, path: &str, modifier: Modifier) -> Result<Found, Error> {
        let unknown = |name: &str, row: &Row<'_>| Error::field(format!("unknown field {name} of collection {} in {path}", row.collection().name));
        if let Row::Table { join: Some(index), .. } = &row {
            let index = *index;
            self.crossed.push((index, row.clone()));
        }
        let mut rest = path;
        loop {
            let (name, next) = match rest.split_once('.') {
                Some((name, next)) => (name, Some(next)),
                None => (rest, None),
            };
            let collection = row.collection();
            let Some(field) = collection.field(name) else {
                let back = name.split_once("_via_").zip(next);
                let Some(((from, via), next)) = back else { return Err(unknown(name, &row)) };
                row = self.back(&row, from, via).ok_or_else(|| unknown(name, &row))??;
                rest = next;
                continue;
            };
            if field.hidden && self.restricted {
                return Err(unknown(name, &row));
            }
            match (field.kind, next) {
                (_, None) => return Ok(self.end(&row, field, modifier)),
                (FieldKind::Json | FieldKind::GeoPoint, Some(path)) => {
                    let column = row.column(self.shared, field);
                    return Ok(self.found(modified(json_path(column, path), modifier), None));
                }
                (FieldKind::Relation, Some("id")) if !field.multiple && modifier == Modifier::None => {
                    let value = row.column(self.shared, field);
                    return Ok(self.found(value, None));
                }
                (FieldKind::Relation, Some(next)) => {
                    row = self.relation(&row, field)?;
                    rest = next;
                }
                (_, Some(_)) => return Err(Error::field(format!("{name} is no relation in {path}"))),
            }
        }
    }

    fn found(&self, value: SqlValue, email_guard: Option<String>) -> Found {
        Found { value, many: self.many, email_guard }
    }

    fn end(&mut self, row: &Row<'a>, field: &Field, modifier: Modifier) -> Found {
        let collection = row.collection();
        let guard = match row {
            Row::Table { alias, .. } if self.restricted && collection.kind == CollectionKind::Auth && field.name == "email" => {
                Some(format!("{alias}.\"emailVisibility\" = TRUE"))
            }
            _ => None,
        };
        let value = match modifier {
            Modifier::Each if field.multiple => {
                let (_, alias) = self.each(row, field);
                self.many = true;
                SqlValue::text(format!("{alias}.\"value\""), true)
            }
            Modifier::Length if field.multiple => {
                let column = row.column(self.shared, field);
                SqlValue::number(format!("coalesce(jsonb_array_length({}), 0)::float8", column.sql), false)
            }
            // The other kinds that can hold several values count their single one.
            Modifier::Length if matches!(field.kind, FieldKind::Select | FieldKind::Relation | FieldKind::File) => {
                let column = row.column(self.shared, field);
                SqlValue::number(format!("(coalesce({}, '') <> '')::int::float8", column.sql), false)
            }
            modifier => modified(row.column(self.shared, field), modifier),
        };
        self.found(value, guard)
    }

    fn hop(&mut self) -> Result<(), Error> {
        self.relations += 1;
        if self.relations > MAX_RELATIONS {
            return Err(Error::limit(format!("a path may cross at most {MAX_RELATIONS} relations")));
        }
        Ok(())
    }

    /// The elements of a list column as rows `(value, ord)`.
    fn each(&mut self, row: &Row<'a>, field: &Field) -> (usize, String) {
        let key = format!("each {} {}", row.key(), field.name);
        if let Some(found) = self.joins.find(&key) {
            return found;
        }
        let column = row.column(self.shared, field);
        self.elements(key, &column.sql, row.join())
    }

    /// The same for any jsonb array of texts.
    pub(crate) fn elements(&mut self, key: String, list: &str, parent: Option<usize>) -> (usize, String) {
        if let Some(found) = self.joins.find(&key) {
            return found;
        }
        let alias = self.shared.alias();
        let sql = format!("LEFT JOIN LATERAL jsonb_array_elements_text({list}) WITH ORDINALITY AS {alias}(\"value\", \"ord\") ON TRUE");
        let index = self.joins.add(key, alias.clone(), sql, parent, true, format!("{alias}.\"ord\""));
        (index, alias)
    }

    /// Follows a relation field.
    fn relation(&mut self, row: &Row<'a>, field: &Field) -> Result<Row<'a>, Error> {
        self.hop()?;
        let target = self.target(field)?;
        let key = format!("relation {} {}", row.key(), field.name);
        if field.multiple {
            let (parent, element) = self.each(row, field);
            self.many = true;
            return Ok(self.join(key, target, Some(parent), false, |alias| format!("{alias}.\"id\" = {element}.\"value\"")));
        }
        let id = match self.joins.find(&key) {
            Some(_) => String::new(),
            None => row.column(self.shared, field).sql,
        };
        Ok(self.join(key, target, row.join(), false, |alias| format!("{alias}.\"id\" = {id}")))
    }

    /// The collection a relation field points to.
    pub(crate) fn target(&self, field: &Field) -> Result<&'a Collection, Error> {
        self.shared
            .schema
            .collection(&field.target)
            .ok_or_else(|| Error::field(format!("the relation {} points to a missing collection", field.name)))
    }

    /// Follows `from_via_via` backwards; none if there is no such relation to this collection.
    fn back(&mut self, row: &Row<'a>, from: &str, via: &str) -> Option<Result<Row<'a>, Error>> {
        let source = self.shared.schema.collection(from)?;
        let field = source.field(via).filter(|field| field.kind == FieldKind::Relation && field.target == row.collection().id)?;
        // A hidden relation field would tell a client what it may not read.
        if field.hidden && self.restricted {
            return None;
        }
        if let Err(error) = self.hop() {
            return Some(Err(error));
        }
        let many = field.multiple || !source.unique.iter().any(|name| name == via);
        self.many |= many;
        let key = format!("back {} {} {via}", row.key(), source.id);
        let id = match (self.joins.find(&key), row) {
            (Some(_), _) => String::new(),
            (None, Row::Table { alias, .. }) => format!("{alias}.\"id\""),
            (None, Row::Bound { record, .. }) => {
                let id = bound(Type::Text, record.get("id").unwrap_or(&Json::Null));
                self.shared.bind(id, "::text")
            }
        };
        let operator = if field.multiple { "?" } else { "=" };
        Some(Ok(self.join(key, source, row.join(), many, |alias| format!("{alias}.{} {operator} {id}", quote(via)))))
    }

    /// Joins a collection on a condition, once per key.
    pub(crate) fn join(
        &mut self,
        key: String,
        collection: &'a Collection,
        parent: Option<usize>,
        many: bool,
        on: impl FnOnce(&str) -> String,
    ) -> Row<'a> {
        let (index, alias) = match self.joins.find(&key) {
            Some(found) => found,
            None => {
                let alias = self.shared.alias();
                let sql = format!("LEFT JOIN {} AS {alias} ON {}", self.shared.table(collection), on(&alias));
                let order = match (many, collection.kind) {
                    (false, _) => String::new(),
                    (true, CollectionKind::View) => format!("{alias}.\"id\""),
                    (true, _) => format!("{alias}.\"_rowid_\""),
                };
                (self.joins.add(key, alias.clone(), sql, parent, many, order), alias)
            }
        };
        let row = Row::Table { alias, collection, join: Some(index), nullable: true };
        self.crossed.push((index, row.clone()));
        row
    }
}

/// `:lower`; the other modifiers do nothing on a single value.
pub(crate) fn modified(value: SqlValue, modifier: Modifier) -> SqlValue {
    if modifier != Modifier::Lower {
        return value;
    }
    SqlValue { strict: value.strict, ..SqlValue::text(format!("lower({} COLLATE \"C\")", value.as_text()), value.nullable || value.strict) }
}

/// A path into a json value. Numbers are positions in arrays and never keys, as in SQLite.
fn json_path(column: SqlValue, path: &str) -> SqlValue {
    let segments: Vec<&str> = path.split('.').collect();
    let position = |segment: &&str| segment.bytes().all(|b| b.is_ascii_digit());
    let sql = if segments.iter().any(position) {
        let steps: String =
            segments.iter().map(|segment| if position(segment) { format!("[{segment}]") } else { format!(".\"{segment}\"") }).collect();
        format!("jsonb_path_query_first({}, 'strict ${steps}', '{{}}', true)", column.sql)
    } else {
        // Quoted, because an unquoted null would be one.
        format!("({} #> '{{\"{}\"}}')", column.sql, segments.join("\",\""))
    };
    SqlValue { sql, ty: Type::Json, affinity: Affinity::None, nullable: true, row: None, strict: true }
}
