//! Field paths to SQL values and joins.

use crate::error::Error;
use crate::joins::Joins;
use crate::operand::{Affinity, SqlValue};
use crate::path::{Modifier, json_path, modified, split_modifier};
use crate::query::quote;
use crate::quoting::text as quoted;
use crate::row::{Row, Shared, list_column};
use crate::schema::{Collection, CollectionKind, Field, FieldKind};

/// Most relations one path may cross.
pub const MAX_RELATIONS: usize = 6;

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
        Walker {
            shared,
            joins,
            restricted,
            crossed: Vec::new(),
            many: false,
            relations: 0,
        }
    }

    /// Follows `path`, whose last segment may have a modifier, from `row`.
    pub(crate) fn walk(&mut self, mut row: Row<'a>, path: &str) -> Result<Found, Error> {
        if let Row::Table {
            join: Some(index), ..
        } = &row
        {
            let index = *index;
            self.crossed.push((index, row.clone()));
        }
        let mut rest = path;
        while let Some((name, next)) = rest.split_once('.') {
            let Some(field) = self.field(&row, name) else {
                row = self.back(&row, name)?;
                rest = next;
                continue;
            };
            match field.kind {
                FieldKind::Json | FieldKind::GeoPoint => {
                    let column = row.column(self.shared, field);
                    return Ok(self.found(json_path(column, next)?, None));
                }
                FieldKind::Relation if next == "id" && !field.multiple => {
                    self.hop(name)?;
                    let value = row.column(self.shared, field);
                    return Ok(self.found(value, None));
                }
                FieldKind::Relation => {
                    let list = list_column(&row, field);
                    row = self.relation(&row, field)?;
                    if next == "id" {
                        let mut found = self.walk_id(&row);
                        found.value.element_of = list;
                        return Ok(found);
                    }
                    rest = next;
                }
                _ => {
                    return Err(Error::field(format!(
                        "field {} is not a valid relation",
                        quoted(name)
                    )));
                }
            }
        }
        let (name, modifier) = split_modifier(rest)?;
        let field = self
            .field(&row, name)
            .ok_or_else(|| Error::missing(format!("unknown field {}", quoted(name))))?;
        Ok(self.end(&row, field, modifier))
    }

    /// A field of the row's collection, unless it is one the client may not know of.
    fn field(&self, row: &Row<'a>, name: &str) -> Option<&'a Field> {
        row.collection()
            .field(name)
            .filter(|field| !(field.hidden && self.restricted))
    }

    fn walk_id(&mut self, row: &Row<'a>) -> Found {
        let id = Field::new("id", FieldKind::Text);
        self.end(row, &id, Modifier::None)
    }

    fn found(&self, value: SqlValue, email_guard: Option<String>) -> Found {
        Found {
            value,
            many: self.many,
            email_guard,
        }
    }

    fn end(&mut self, row: &Row<'a>, field: &Field, modifier: Modifier) -> Found {
        let collection = row.collection();
        let guard = match row {
            Row::Table { alias, .. }
                if self.restricted
                    && collection.kind == CollectionKind::Auth
                    && field.name == "email" =>
            {
                Some(format!("{alias}.\"emailVisibility\" = TRUE"))
            }
            _ => None,
        };
        let value = match modifier {
            Modifier::Each if field.multiple => {
                let (_, alias) = self.each(row, field);
                self.many = true;
                SqlValue {
                    element_of: list_column(row, field),
                    ..SqlValue::text(format!("{alias}.\"value\""), true)
                }
            }
            Modifier::Length if field.multiple => {
                let column = row.column(self.shared, field);
                SqlValue::number(
                    format!("coalesce(jsonb_array_length({}), 0)::float8", column.sql),
                    false,
                )
            }
            // Taken as the only element, which has lost the type of its column.
            Modifier::Each
                if matches!(
                    field.kind,
                    FieldKind::Select | FieldKind::Relation | FieldKind::File
                ) =>
            {
                SqlValue {
                    affinity: Affinity::None,
                    ..row.column(self.shared, field)
                }
            }
            // The other kinds that can hold several values count their single one.
            Modifier::Length
                if matches!(
                    field.kind,
                    FieldKind::Select | FieldKind::Relation | FieldKind::File
                ) =>
            {
                let column = row.column(self.shared, field);
                SqlValue::number(
                    format!("(coalesce({}, '') <> '')::int::float8", column.sql),
                    false,
                )
            }
            modifier => modified(row.column(self.shared, field), modifier),
        };
        self.found(value, guard)
    }

    fn hop(&mut self, name: &str) -> Result<(), Error> {
        self.relations += 1;
        if self.relations > MAX_RELATIONS {
            return Err(Error::limit(format!(
                "max nested relations reached for field {}",
                quoted(name)
            )));
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
    pub(crate) fn elements(
        &mut self,
        key: String,
        list: &str,
        parent: Option<usize>,
    ) -> (usize, String) {
        if let Some(found) = self.joins.find(&key) {
            return found;
        }
        let alias = self.shared.alias();
        let sql = format!(
            "LEFT JOIN LATERAL jsonb_array_elements_text({list}) WITH ORDINALITY AS {alias}(\"value\", \"ord\") ON TRUE"
        );
        let index = self.joins.add(
            key,
            alias.clone(),
            sql,
            parent,
            true,
            format!("{alias}.\"ord\""),
        );
        (index, alias)
    }

    /// Follows a relation field.
    fn relation(&mut self, row: &Row<'a>, field: &Field) -> Result<Row<'a>, Error> {
        self.hop(&field.name)?;
        let target = self.target(field)?;
        let key = format!("relation {} {}", row.key(), field.name);
        if field.multiple {
            let (parent, element) = self.each(row, field);
            self.many = true;
            return Ok(self.join(key, target, Some(parent), false, |alias| {
                format!("{alias}.\"id\" = {element}.\"value\"")
            }));
        }
        let id = match self.joins.find(&key) {
            Some(_) => String::new(),
            None => row.column(self.shared, field).sql,
        };
        Ok(self.join(key, target, row.join(), false, |alias| {
            format!("{alias}.\"id\" = {id}")
        }))
    }

    /// The collection a relation field points to.
    pub(crate) fn target(&self, field: &Field) -> Result<&'a Collection, Error> {
        self.shared.schema.collection(&field.target).ok_or_else(|| {
            Error::field(format!(
                "the relation {} points to a missing collection",
                field.name
            ))
        })
    }

    /// Follows `from_via_field` backwards.
    fn back(&mut self, row: &Row<'a>, name: &str) -> Result<Row<'a>, Error> {
        let unknown = || Error::missing(format!("failed to resolve field {}", quoted(name)));
        let (from, via) = name
            .rsplit_once("_via_")
            .filter(|(from, via)| !from.is_empty() && !via.is_empty() && !name.contains(':'))
            .ok_or_else(unknown)?;
        let source = self.shared.schema.collection(from).ok_or_else(|| {
            Error::missing(format!(
                "failed to load back relation field {} collection",
                quoted(name)
            ))
        })?;
        // A hidden relation field would tell a client what it may not read.
        let field = source
            .field(via)
            .filter(|field| !(field.hidden && self.restricted))
            .ok_or_else(|| {
                Error::missing(format!("missing back relation field {}", quoted(via)))
            })?;
        if field.kind != FieldKind::Relation {
            return Err(Error::missing(format!(
                "invalid back relation field {}",
                quoted(via)
            )));
        }
        if field.target != row.collection().id {
            return Err(Error::missing(format!(
                "invalid collection reference of a back relation field {}",
                quoted(via)
            )));
        }
        self.hop(name)?;
        let many = field.multiple || !source.unique.iter().any(|name| name == via);
        self.many |= many;
        let key = format!("back {} {} {via}", row.key(), source.id);
        let id = match self.joins.find(&key) {
            Some(_) => String::new(),
            None => row.id(self.shared),
        };
        let operator = if field.multiple { "?" } else { "=" };
        Ok(self.join(key, source, row.join(), many, |alias| {
            format!("{alias}.{} {operator} {id}", quote(via))
        }))
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
                let sql = format!(
                    "LEFT JOIN {} AS {alias} ON {}",
                    self.shared.table(collection),
                    on(&alias)
                );
                let order = match (many, collection.kind) {
                    (false, _) => String::new(),
                    (true, CollectionKind::View) => format!("{alias}.\"id\""),
                    (true, _) => format!("{alias}.\"_rowid_\""),
                };
                (
                    self.joins.add(key, alias.clone(), sql, parent, many, order),
                    alias,
                )
            }
        };
        let row = Row::Table {
            alias,
            collection,
            join: Some(index),
            nullable: true,
        };
        self.crossed.push((index, row.clone()));
        row
    }
}
