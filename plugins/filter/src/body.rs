//! `@request.body.*`: what has been submitted.

use hangar_model::json::{format_float, to_json};
use hangar_model::value::to_text;
use serde_json::Value as Json;

use crate::compare::{Binder, Side, compare};
use crate::error::Error;
use crate::lexer::Comparison;
use crate::operand::{Nulls, Operand, SqlValue};
use crate::path::split_request;
use crate::query::Query;
use crate::quoting::text as quoted;
use crate::resolve::{Found, Walker};
use crate::schema::{Field, FieldKind};
use crate::terms::{lower, no_sequence};
use crate::value::{Const, Value};

impl<'a> Query<'a> {
    pub(crate) fn body(&mut self, path: &str, any: bool) -> Result<Operand, Error> {
        let body = &self.request.body;
        let base = self.shared.base;
        if let Some((head, rest)) = path.split_once('.')
            && let Some(field) = base.field(head)
            && field.kind == FieldKind::Relation
        {
            return self.body_relation(field, rest, any);
        }
        let (name, modifier) = split_request(path)?;
        let value = lookup(body, name);
        let field = base.field(name);
        match modifier {
            "isset" => return Ok(Operand::Const(Const::bool(value.is_some()))),
            "changed" => {
                let field = field.ok_or_else(|| no_sequence(path))?;
                return self.body_changed(field);
            }
            "each" | "length" => {}
            "lower" => {
                return Ok(Operand::Const(match field {
                    Some(field) => Const::Text(written(field, value).to_ascii_lowercase()),
                    None => lower(value.map_or(Const::Null, Const::from_json), modifier),
                }));
            }
            _ => {
                let value = value.map_or(Const::Null, |value| constant(field, value));
                return Ok(Operand::Const(value));
            }
        }
        let field = many(field, name, path)?;
        if modifier == "length" {
            // Bounded by the request's size.
            let count = submitted(value).len() as i64;
            return Ok(Operand::Const(Const::Int(count)));
        }
        if !field.multiple {
            let text = value.map_or(Value::Null, |value| Value::Text(to_text(value)));
            let element = self.shared.bind(text, "::text");
            return Ok(Operand::Value {
                value: element_value(SqlValue::text(element, value.is_none())),
                all: None,
                guard: None,
            });
        }
        let list = Json::from(submitted(value)).to_string();
        let walk = |walker: &mut Walker<'_, 'a>| {
            let list = Value::Text(list.clone());
            let list = walker.shared.bind(list, "::text::jsonb");
            Ok(elements(walker, name, &list))
        };
        let found = walk(&mut Walker::new(&mut self.shared, &mut self.joins, false))?;
        self.finished(found, any, |walker, _| walk(walker))
    }

    /// `@request.body.rel.path`: through the submitted ids.
    fn body_relation(&mut self, field: &'a Field, path: &str, any: bool) -> Result<Operand, Error> {
        let ids = submitted(self.request.body.get(&field.name));
        if ids.is_empty() {
            return Ok(Operand::Const(Const::Null));
        }
        let walk = |walker: &mut Walker<'_, 'a>| {
            let target = walker.target(field)?;
            let key = format!("body relation {}", field.name);
            let row = if field.multiple {
                let list = Value::Text(Json::from(ids.clone()).to_string());
                let list = walker.shared.bind(list, "::text::jsonb");
                walker.many = true;
                let (parent, element) =
                    walker.elements(format!("body {}", field.name), &list, None);
                walker.join(key, target, Some(parent), false, |alias| {
                    format!("{alias}.\"id\" = {element}.\"value\"")
                })
            } else {
                let id = ids.last().cloned().unwrap_or_default();
                let id = walker.shared.bind(Value::Text(id), "::text");
                walker.join(key, target, None, false, |alias| {
                    format!("{alias}.\"id\" = {id}")
                })
            };
            walker.walk(row, path)
        };
        self.followed(any, walk)
    }

    /// `@request.body.x:changed`: submitted and different from the stored value.
    fn body_changed(&mut self, field: &Field) -> Result<Operand, Error> {
        let Some(value) = self.request.body.get(&field.name) else {
            return Ok(Operand::Changed("FALSE".to_owned()));
        };
        let row = self.base_row();
        let stored = row.column(&mut self.shared, field);
        let mut bind = Binder::new(&mut self.shared.params);
        let sql = compare(
            Comparison::Ne,
            Side::Const(&constant(Some(field), value)),
            Side::Value(&stored),
            true,
            &mut bind,
        );
        Ok(Operand::Changed(format!("(({sql}) IS TRUE)")))
    }
}

/// The field that `:each` and `:length` are about.
pub(crate) fn many<'f>(
    field: Option<&'f Field>,
    name: &str,
    path: &str,
) -> Result<&'f Field, Error> {
    let field = field.ok_or_else(|| no_sequence(path))?;
    match field.kind {
        FieldKind::Select | FieldKind::Relation | FieldKind::File => Ok(field),
        _ => Err(Error::field(format!(
            "field {} doesn't support multivalue operations",
            quoted(name)
        ))),
    }
}

/// The elements of a submitted list. One without any joins a row of NULL, in which a guest, whose every value is NULL
/// too, must not find himself.
pub(crate) fn elements(walker: &mut Walker<'_, '_>, name: &str, list: &str) -> Found {
    let (_, alias) = walker.elements(format!("body {name}"), list, None);
    Found {
        value: element_value(SqlValue::text(format!("{alias}.\"value\""), true)),
        many: true,
        email_guard: None,
    }
}

/// What `:each` finds of what has been submitted.
pub(crate) fn element_value(value: SqlValue) -> SqlValue {
    SqlValue {
        nulls: Nulls::Nothing,
        ..value
    }
}

/// What a submitted value counts as. JSON and points are texts here, also where a path would find a number in them.
fn constant(field: Option<&Field>, value: &Json) -> Const {
    match field {
        Some(field) if matches!(field.kind, FieldKind::Json | FieldKind::GeoPoint) => {
            Const::Text(written(field, Some(value)))
        }
        _ => Const::from_json(value),
    }
}

/// The text of a submitted value, empty if there is none. Lists have none either.
fn written(field: &Field, value: Option<&Json>) -> String {
    match (field.kind, value) {
        (_, None) => String::new(),
        (FieldKind::Json, Some(value)) => to_json(value),
        (FieldKind::GeoPoint, Some(value)) => {
            let part = |name| format_float(value[name].as_f64().unwrap_or_default());
            format!("{{\"lon\":{},\"lat\":{}}}", part("lon"), part("lat"))
        }
        (_, Some(value)) => to_text(value),
    }
}

/// A value by its path, through objects and array positions.
pub(crate) fn lookup<'j>(map: &'j serde_json::Map<String, Json>, path: &str) -> Option<&'j Json> {
    let mut segments = path.split('.');
    let mut value = map.get(segments.next()?)?;
    for segment in segments {
        value = match value {
            Json::Object(map) => map.get(segment)?,
            Json::Array(list) => list.get(segment.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// The submitted values of a select, relation or file: a scalar counts as one, empty ones go.
fn submitted(value: Option<&Json>) -> Vec<String> {
    let text = |value: &Json| match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut list: Vec<String> = match value {
        None => Vec::new(),
        Some(Json::Array(list)) => list.iter().map(text).collect(),
        Some(Json::String(json)) if json.starts_with('[') => {
            serde_json::from_str(json).unwrap_or_else(|_| vec![json.clone()])
        }
        Some(other) => vec![text(other)],
    };
    list.retain(|value| !value.is_empty());
    list
}
