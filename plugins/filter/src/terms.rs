//! Terms of a comparison to operands: literals, fields, `@request.*`, `@collection.*`.

use serde_json::Value as Json;

use crate::compare::{Binder, Side, compare};
use crate::error::{Error, ErrorKind};
use crate::lexer::Comparison;
use crate::macros;
use crate::operand::Operand;
use crate::parser::Term;
use crate::path::{Modifier, split_modifier};
use crate::query::{Query, Scope};
use crate::resolve::{Found, Walker};
use crate::row::Row;
use crate::schema::{Field, FieldKind};
use crate::value::Const;

/// Fields of `@request.auth` whose value is always taken as known, as PocketBase does.
const STATIC_AUTH: [&str; 7] = [
    "id",
    "email",
    "emailVisibility",
    "verified",
    "tokenKey",
    "created",
    "updated",
];

type Crossed<'a> = Vec<(usize, Row<'a>)>;

impl<'a> Query<'a> {
    /// Resolves one side of a comparison. `any`: one joined row is enough, so the rows are not needed once more.
    pub(crate) fn operand(
        &mut self,
        term: &Term,
        start: &Row<'a>,
        scope: Scope,
        any: bool,
        crossed: &mut Crossed<'a>,
    ) -> Result<Operand, Error> {
        let name = match term {
            Term::Text(text) => return Ok(Operand::Const(Const::Text(text.clone()))),
            Term::Number { value, .. } => return Ok(Operand::Const(Const::Number(*value))),
            Term::Call { name, args } => return self.call(name, args, start, scope, any, crossed),
            Term::Ident(name) => name.as_str(),
        };
        if name.starts_with('@') {
            let restricted = scope == Scope::Client { superuser: false };
            if restricted && (name.starts_with("@request.") || name.starts_with("@collection.")) {
                return Err(Error {
                    kind: ErrorKind::Forbidden,
                    message: format!("only superusers can use {name}"),
                });
            }
            return self.special(name, any);
        }
        let (path, modifier) = split_modifier(name)?;
        if start.collection().field(path).is_none() {
            match path.to_ascii_lowercase().as_str() {
                "null" => return Ok(Operand::Const(Const::Null)),
                "true" => return Ok(Operand::Const(Const::bool(true))),
                "false" => return Ok(Operand::Const(Const::bool(false))),
                _ => {}
            }
        }
        self.path(start, path, modifier, scope, any, crossed)
    }

    /// A field path from a row of the query.
    fn path(
        &mut self,
        start: &Row<'a>,
        path: &str,
        modifier: Modifier,
        scope: Scope,
        any: bool,
        crossed: &mut Crossed<'a>,
    ) -> Result<Operand, Error> {
        let restricted = scope == Scope::Client { superuser: false };
        let mut walker = Walker::new(&mut self.shared, &mut self.joins, restricted);
        let found = walker.walk(start.clone(), path, modifier)?;
        if restricted {
            crossed.append(&mut walker.crossed);
        }
        // Below a joined row the other rows are that row's, not the record's.
        let from = start.clone();
        self.finished(found, any, move |walker, base| {
            let row = match &from {
                Row::Table {
                    nullable: false, ..
                }
                | Row::Bound { .. } => base,
                Row::Table {
                    alias, collection, ..
                } => Row::Table {
                    alias: alias.clone(),
                    collection,
                    join: None,
                    nullable: true,
                },
            };
            walker.walk(row, path, modifier)
        })
    }

    /// An operand out of what a walk found, walking again for all rows if it crossed several.
    fn finished(
        &mut self,
        found: Found,
        any: bool,
        again: impl FnOnce(&mut Walker<'_, 'a>, Row<'a>) -> Result<Found, Error>,
    ) -> Result<Operand, Error> {
        let all = if found.many && !any {
            Some(Box::new(self.all_rows(again)?))
        } else {
            None
        };
        Ok(Operand::Value {
            value: found.value,
            all,
            guard: found.email_guard,
        })
    }

    fn special(&mut self, name: &str, any: bool) -> Result<Operand, Error> {
        if let Some(value) = macros::resolve(name, self.request.now_ms) {
            return Ok(Operand::Const(value));
        }
        if let Some(path) = name.strip_prefix("@collection.") {
            return self.other_collection(name, path, any);
        }
        let request = self.request;
        let path = name
            .strip_prefix("@request.")
            .ok_or_else(|| Error::field(format!("unknown identifier {name}")))?;
        match path.split_once('.') {
            None => match path {
                "method" => Ok(Operand::Const(Const::Text(request.method.clone()))),
                "context" => Ok(Operand::Const(Const::Text(request.context.clone()))),
                _ => Err(Error::field(format!("unknown identifier {name}"))),
            },
            Some(("query", key)) => known(&request.query, key),
            Some(("headers", key)) => known(&request.headers, key),
            Some(("auth", path)) => self.auth(path, any),
            Some(("body", path)) => self.body(path, any),
            Some(_) => Err(Error::field(format!("unknown identifier {name}"))),
        }
    }

    /// `@collection.name.path` and `@collection.name:alias.path`: every row of another collection.
    fn other_collection(&mut self, name: &str, path: &str, any: bool) -> Result<Operand, Error> {
        let (head, path) = path
            .split_once('.')
            .ok_or_else(|| Error::field(format!("{name} needs a field")))?;
        let (collection, alias) = head.split_once(':').unwrap_or((head, ""));
        let collection =
            self.shared.schema.collection(collection).ok_or_else(|| {
                Error::field(format!("unknown collection {collection} in {name}"))
            })?;
        let (path, modifier) = split_modifier(path)?;
        let walk = |walker: &mut Walker<'_, 'a>| {
            let row = walker.join(
                format!("collection {} {alias}", collection.id),
                collection,
                None,
                true,
                |_| "TRUE".to_owned(),
            );
            walker.many = true;
            walker.walk(row, path, modifier)
        };
        let found = walk(&mut Walker::new(&mut self.shared, &mut self.joins, false))?;
        self.finished(found, any, |walker, _| walk(walker))
    }

    fn auth(&mut self, path: &str, any: bool) -> Result<Operand, Error> {
        let (path, modifier) = split_modifier(path)?;
        let request = self.request;
        let Some(auth) = &request.auth else {
            return Ok(Operand::Const(Const::Null));
        };
        let Some(collection) = self.shared.schema.collection(&auth.collection) else {
            return Ok(Operand::Const(Const::Null));
        };
        match path {
            "collectionId" => return Ok(Operand::Const(Const::Text(collection.id.clone()))),
            "collectionName" => return Ok(Operand::Const(Const::Text(collection.name.clone()))),
            _ => {}
        }
        if modifier == Modifier::None && STATIC_AUTH.contains(&path) {
            return Ok(Operand::Const(
                auth.record.get(path).map_or(Const::Null, Const::from_json),
            ));
        }
        // A field this auth collection does not have is null: a rule may be about several auth collections.
        let head = path.split('.').next().unwrap_or(path);
        if collection.field(head).is_none() && !head.contains("_via_") {
            return Ok(Operand::Const(Const::Null));
        }
        let walk = |walker: &mut Walker<'_, 'a>| {
            walker.walk(
                Row::Bound {
                    record: &auth.record,
                    collection,
                },
                path,
                modifier,
            )
        };
        let found = walk(&mut Walker::new(&mut self.shared, &mut self.joins, false))?;
        self.finished(found, any, |walker, _| walk(walker))
    }

    fn body(&mut self, path: &str, any: bool) -> Result<Operand, Error> {
        let body = &self.request.body;
        if let Some(name) = path.strip_suffix(":isset") {
            return Ok(Operand::Const(Const::bool(body.contains_key(name))));
        }
        if let Some(name) = path.strip_suffix(":changed") {
            return self.body_changed(name);
        }
        let (path, modifier) = split_modifier(path)?;
        let head = path.split('.').next().unwrap_or(path);
        match self.shared.base.field(head) {
            Some(field) if field.kind == FieldKind::Relation && head != path => {
                self.body_relation(field, &path[head.len() + 1..], modifier, any)
            }
            Some(field) if field.multiple && head == path && modifier == Modifier::Each => {
                let list = Json::from(submitted(body.get(head))).to_string();
                let walk = |walker: &mut Walker<'_, 'a>, list: &str| {
                    let list = walker
                        .shared
                        .bind(crate::value::Value::Text(list.to_owned()), "::text::jsonb");
                    let (_, alias) = walker.elements(format!("body {head}"), &list, None);
                    let value = crate::operand::SqlValue::text(format!("{alias}.\"value\""), true);
                    Ok(Found {
                        value,
                        many: true,
                        email_guard: None,
                    })
                };
                let found = walk(
                    &mut Walker::new(&mut self.shared, &mut self.joins, false),
                    &list,
                )?;
                self.finished(found, any, |walker, _| walk(walker, &list))
            }
            Some(field) if field.multiple && head == path && modifier == Modifier::Length => {
                // Bounded by the request's size.
                Ok(Operand::Const(Const::Int(
                    submitted(body.get(head)).len() as i64
                )))
            }
            _ => Ok(Operand::Const(lower(
                lookup(body, path).map_or(Const::Null, Const::from_json),
                modifier,
            ))),
        }
    }

    /// `@request.body.rel.path`: through the submitted ids.
    fn body_relation(
        &mut self,
        field: &'a Field,
        path: &str,
        modifier: Modifier,
        any: bool,
    ) -> Result<Operand, Error> {
        let ids = submitted(self.request.body.get(&field.name));
        if ids.is_empty() {
            return Ok(Operand::Const(Const::Null));
        }
        let walk = |walker: &mut Walker<'_, 'a>| {
            let target = walker.target(field)?;
            let key = format!("body relation {}", field.name);
            let row = if field.multiple {
                let list = walker.shared.bind(
                    crate::value::Value::Text(Json::from(ids.clone()).to_string()),
                    "::text::jsonb",
                );
                walker.many = true;
                let (parent, element) =
                    walker.elements(format!("body {}", field.name), &list, None);
                walker.join(key, target, Some(parent), false, |alias| {
                    format!("{alias}.\"id\" = {element}.\"value\"")
                })
            } else {
                let id = ids.last().cloned().unwrap_or_default();
                let id = walker.shared.bind(crate::value::Value::Text(id), "::text");
                walker.join(key, target, None, false, |alias| {
                    format!("{alias}.\"id\" = {id}")
                })
            };
            walker.walk(row, path, modifier)
        };
        let found = walk(&mut Walker::new(&mut self.shared, &mut self.joins, false))?;
        self.finished(found, any, |walker, _| walk(walker))
    }

    /// `@request.body.x:changed`: submitted and different from the stored value.
    fn body_changed(&mut self, name: &str) -> Result<Operand, Error> {
        let base = self.shared.base;
        let field = base.field(name).ok_or_else(|| {
            Error::field(format!(
                "unknown field {name} of collection {} in :changed",
                base.name
            ))
        })?;
        let Some(value) = self.request.body.get(name) else {
            return Ok(Operand::Changed("FALSE".to_owned()));
        };
        let row = self.base_row();
        let stored = row.column(&mut self.shared, field);
        let first = self.shared.options.first_param;
        let mut bind = Binder::new(&mut self.shared.params, first);
        let sql = compare(
            Comparison::Ne,
            Side::Const(&Const::from_json(value)),
            Side::Value(&stored),
            true,
            &mut bind,
        );
        Ok(Operand::Changed(format!("(({sql}) IS TRUE)")))
    }
}

/// A value of the query string or the headers.
fn known(map: &serde_json::Map<String, Json>, key: &str) -> Result<Operand, Error> {
    if let Some(name) = key.strip_suffix(":isset") {
        return Ok(Operand::Const(Const::bool(map.contains_key(name))));
    }
    let (path, modifier) = split_modifier(key)?;
    Ok(Operand::Const(lower(
        lookup(map, path).map_or(Const::Null, Const::from_json),
        modifier,
    )))
}

fn lower(value: Const, modifier: Modifier) -> Const {
    match (value, modifier) {
        (Const::Text(text), Modifier::Lower) => Const::Text(text.to_ascii_lowercase()),
        (value, _) => value,
    }
}

/// A value by its path, through objects and array positions.
fn lookup<'j>(map: &'j serde_json::Map<String, Json>, path: &str) -> Option<&'j Json> {
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
