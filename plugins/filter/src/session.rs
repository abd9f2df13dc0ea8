//! `@…` operands of a policy: what the session says when the policy is evaluated.
//!
//! The session has `hangar.auth`, a JSON object with `collection` (id or name) and `id` of who asks, and
//! `hangar.request` with `method`, `context`, `query`, `headers`, `body` and `now`. Both may be missing. Every value is
//! read in a subselect of its own, which PostgreSQL evaluates once a statement.

use crate::body::{element_value, elements, many};
use crate::compare::{Binder, Side, compare};
use crate::error::Error;
use crate::lexer::Comparison;
use crate::macros;
use crate::operand::{Operand, SqlValue, Type};
use crate::path::split_request;
use crate::query::{Query, quote};
use crate::resolve::Walker;
use crate::row::{Row, Shared};
use crate::schema::{Collection, Field, FieldKind};
use crate::terms::{STATIC_AUTH, no_sequence, unresolved};
use crate::value::{Const, Value};

/// SQL of the id of who asks; NULL for a guest.
pub(crate) const AUTH_ID: &str = "(SELECT hangar_fn.auth_id())";

/// Whose requests a policy is about.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// The auth collection of who asks; none for guests.
    pub auth: Option<&'a Collection>,
    /// `@request.method`, unless the session says otherwise.
    pub method: &'a str,
}

impl<'a> Shared<'a> {
    /// A column of the record that asks, whose id is the SQL `id`.
    pub(crate) fn auth_column(&self, collection: &Collection, field: &str, id: &str) -> String {
        format!(
            "(SELECT \"~auth\".{} FROM {} AS \"~auth\" WHERE \"~auth\".\"id\" = {id})",
            quote(field),
            self.table(collection)
        )
    }

    /// A text array: where in `hangar.request` a value is.
    fn place(&mut self, steps: &[&str]) -> String {
        let steps: Vec<String> = steps
            .iter()
            .map(|step| self.bind(Value::Text((*step).to_owned()), ""))
            .collect();
        format!("ARRAY[{}]::text[]", steps.join(", "))
    }

    fn request_value(&mut self, steps: &[&str]) -> String {
        format!("(SELECT hangar_fn.request({}))", self.place(steps))
    }
}

/// A value whose type is known to the session only.
fn any(sql: String) -> SqlValue {
    SqlValue {
        ty: Type::Any,
        ..SqlValue::text(sql, true)
    }
}

/// An [`any`] that is a text or NULL.
fn any_text(text: String, filled: bool) -> SqlValue {
    SqlValue {
        filled,
        any_text: Some(text.clone()),
        ..any(format!("to_jsonb({text})"))
    }
}

fn lower(text: &str) -> String {
    format!("lower({text} COLLATE \"C\")")
}

/// The text of a submitted value, as [`crate::body`] has it.
fn written(field: &Field, value: &str) -> String {
    let text = match field.kind {
        FieldKind::Json => "json_text",
        FieldKind::GeoPoint => "point_text",
        _ => "any_word",
    };
    format!("coalesce(hangar_fn.{text}({value}), '')")
}

/// A submitted value. JSON and points are texts.
fn submitted(field: Option<&Field>, value: String) -> SqlValue {
    match field.map(|field| field.kind) {
        Some(FieldKind::Json) => any_text(format!("hangar_fn.json_text({value})"), false),
        Some(FieldKind::GeoPoint) => any_text(format!("hangar_fn.point_text({value})"), false),
        _ => any(value),
    }
}

fn boolean(sql: String) -> SqlValue {
    SqlValue {
        ty: Type::Bool,
        ..SqlValue::text(sql, false)
    }
}

fn operand(value: SqlValue) -> Operand {
    Operand::Value {
        value,
        all: None,
        guard: None,
    }
}

impl<'a> Query<'a> {
    /// A macro or `@request.…` path.
    pub(crate) fn of_session(
        &mut self,
        name: &str,
        session: Session<'a>,
        any_row: bool,
    ) -> Result<Operand, Error> {
        if let Some(constant) = macros::resolve(name, 0) {
            let name = self.shared.bind(Value::Text(name.to_owned()), "::text");
            return Ok(operand(match constant {
                Const::Text(_) => SqlValue {
                    ty: Type::Date,
                    filled: true,
                    ..SqlValue::text(format!("(SELECT hangar_fn.clock({name}))"), false)
                },
                _ => SqlValue::number(format!("(SELECT hangar_fn.clock_part({name}))"), false),
            }));
        }
        let path = name
            .strip_prefix("@request.")
            .ok_or_else(|| unresolved(name))?;
        match path.split_once('.') {
            None if matches!(path, "method" | "context") => {
                let default = if path == "method" {
                    session.method
                } else {
                    "default"
                };
                let default = self.shared.bind(Value::Text(default.to_owned()), "::text");
                let value = self.shared.request_value(&[path]);
                let text = format!("coalesce({value} #>> '{{}}', {default})");
                Ok(operand(any_text(text, true)))
            }
            Some((part @ ("query" | "headers"), key)) => self.session_text(part, key),
            Some(("auth", path)) => match session.auth {
                Some(collection) => self.session_auth(collection, path, any_row),
                None => Ok(Operand::Const(Const::Null)),
            },
            Some(("body", path)) => self.session_body(path, any_row),
            _ => Err(unresolved(name)),
        }
    }

    /// A value of the query string or the headers.
    fn session_text(&mut self, part: &str, key: &str) -> Result<Operand, Error> {
        let (path, modifier) = split_request(key)?;
        if modifier == "isset" {
            return Ok(operand(self.session_has(part, path)));
        }
        let steps: Vec<&str> = std::iter::once(part).chain(path.split('.')).collect();
        let value = self.shared.request_value(&steps);
        let text = format!("({value} #>> '{{}}')");
        match modifier {
            "" => Ok(operand(any_text(text, false))),
            "lower" => Ok(operand(any_text(lower(&text), false))),
            _ => Err(no_sequence(key)),
        }
    }

    fn session_has(&mut self, part: &str, name: &str) -> SqlValue {
        let part = self.shared.place(&[part]);
        let name = self.shared.bind(Value::Text(name.to_owned()), "::text");
        boolean(format!(
            "(SELECT coalesce(hangar_fn.request({part}) ? {name}, FALSE))"
        ))
    }

    fn session_auth(
        &mut self,
        collection: &'a Collection,
        path: &str,
        any_row: bool,
    ) -> Result<Operand, Error> {
        match path {
            "collectionId" => return Ok(Operand::Const(Const::Text(collection.id.clone()))),
            "collectionName" => return Ok(Operand::Const(Const::Text(collection.name.clone()))),
            _ => {}
        }
        if path == "id" {
            return Ok(operand(any_text(AUTH_ID.to_owned(), true)));
        }
        let row = Row::Bound {
            record: None,
            collection,
        };
        if STATIC_AUTH.contains(&path)
            && let Some(field) = collection.field(path)
        {
            let column = row.column(&mut self.shared, field);
            return Ok(operand(match column.ty {
                Type::Bool => any(format!("to_jsonb({})", column.sql)),
                _ => any_text(column.as_text(), false),
            }));
        }
        self.followed(any_row, |walker| walker.walk(row.clone(), path))
    }

    fn session_body(&mut self, path: &str, any_row: bool) -> Result<Operand, Error> {
        let base = self.shared.base;
        if let Some((head, rest)) = path.split_once('.')
            && let Some(field) = base.field(head)
            && field.kind == FieldKind::Relation
        {
            return self.session_relation(field, rest, any_row);
        }
        let (name, modifier) = split_request(path)?;
        let steps: Vec<&str> = std::iter::once("body").chain(name.split('.')).collect();
        let value = self.shared.request_value(&steps);
        let field = base.field(name);
        match modifier {
            "isset" => return Ok(operand(boolean(format!("({value} IS NOT NULL)")))),
            "changed" => {
                let field = field.ok_or_else(|| no_sequence(path))?;
                return Ok(self.session_changed(field));
            }
            "each" | "length" => {}
            "lower" => {
                let value = match field {
                    Some(field) => any_text(lower(&written(field, &value)), false),
                    None => any(format!("hangar_fn.any_lower({value})")),
                };
                return Ok(operand(value));
            }
            _ => return Ok(operand(submitted(field, value))),
        }
        let field = many(field, name, path)?;
        if modifier == "length" {
            let length = format!("jsonb_array_length(hangar_fn.any_list({value}))::float8");
            return Ok(operand(SqlValue::number(length, false)));
        }
        if !field.multiple {
            let text = format!("hangar_fn.any_word({value})");
            return Ok(operand(element_value(any_text(text, false))));
        }
        let list = format!("hangar_fn.any_list({value})");
        let walk = |walker: &mut Walker<'_, 'a>| Ok(elements(walker, name, &list));
        let found = walk(&mut Walker::new(&mut self.shared, &mut self.joins, false))?;
        self.finished(found, any_row, |walker, _| walk(walker))
    }

    /// `@request.body.rel.path`: through the submitted ids.
    fn session_relation(
        &mut self,
        field: &'a Field,
        path: &str,
        any_row: bool,
    ) -> Result<Operand, Error> {
        let value = self.shared.request_value(&["body", &field.name]);
        let list = format!("hangar_fn.any_list({value})");
        let walk = |walker: &mut Walker<'_, 'a>| {
            let target = walker.target(field)?;
            let key = format!("body relation {}", field.name);
            let row = if field.multiple {
                walker.many = true;
                let (parent, element) =
                    walker.elements(format!("body {}", field.name), &list, None);
                walker.join(key, target, Some(parent), false, |alias| {
                    format!("{alias}.\"id\" = {element}.\"value\"")
                })
            } else {
                walker.join(key, target, None, false, |alias| {
                    format!("{alias}.\"id\" = ({list} ->> -1)")
                })
            };
            walker.walk(row, path)
        };
        self.followed(any_row, walk)
    }

    /// `@request.body.x:changed`: submitted and different from the stored value.
    fn session_changed(&mut self, field: &Field) -> Operand {
        let is_set = self.session_has("body", &field.name).sql;
        let value = self.shared.request_value(&["body", &field.name]);
        let value = submitted(Some(field), value);
        let stored = self.base_row().column(&mut self.shared, field);
        let mut bind = Binder::new(&mut self.shared.params);
        let differs = compare(
            Comparison::Ne,
            Side::Value(&value),
            Side::Value(&stored),
            true,
            &mut bind,
        );
        Operand::Changed(format!("(({is_set} AND ({differs})) IS TRUE)"))
    }
}
