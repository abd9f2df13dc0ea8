//! Terms of a comparison to operands: literals, fields, `@request.*`, `@collection.*`.

use serde_json::Value as Json;

use crate::compare::{Binder, Side, compare};
use crate::error::{Error, ErrorKind};
use crate::lexer::Comparison;
use crate::macros;
use crate::operand::Operand;
use crate::parser::Term;
use crate::path::split_request;
use crate::query::Query;
use crate::quoting::text as quoted;
use crate::resolve::{Found, Walker};
use crate::row::Row;
use crate::schema::{Field, FieldKind};
use crate::scope::Scope;
use crate::value::Const;

/// Fields of `@request.auth` whose value is always taken as known, as PocketBase does.
pub(crate) const STATIC_AUTH: [&str; 4] = ["id", "email", "emailVisibility", "verified"];

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
        scope.check(name)?;
        if name.starts_with('@') {
            return self.special(name, scope, any, crossed);
        }
        if name.starts_with('#') {
            return Err(unresolved(name));
        }
        if start.collection().field(name).is_none() {
            match name.to_ascii_lowercase().as_str() {
                "null" => return Ok(Operand::Const(Const::Null)),
                "true" => return Ok(Operand::Const(Const::bool(true))),
                "false" => return Ok(Operand::Const(Const::bool(false))),
                _ => {}
            }
        }
        self.path(start, name, scope, any, crossed)
    }

    /// A field path from a row of the query.
    fn path(
        &mut self,
        start: &Row<'a>,
        path: &str,
        scope: Scope,
        any: bool,
        crossed: &mut Crossed<'a>,
    ) -> Result<Operand, Error> {
        let restricted = scope.restricted();
        let mut walker = Walker::new(&mut self.shared, &mut self.joins, restricted);
        let found = walker.walk(start.clone(), path)?;
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
            walker.walk(row, path)
        })
    }

    /// An operand out of what a walk found, walking again for all rows if it crossed several.
    pub(crate) fn finished(
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

    /// A path from what the request names: the record that asks, or a submitted relation. What is not there is null: a
    /// rule may be about several auth collections, and outlive a field.
    pub(crate) fn followed(
        &mut self,
        any: bool,
        walk: impl Fn(&mut Walker<'_, 'a>) -> Result<Found, Error>,
    ) -> Result<Operand, Error> {
        let before = self.joins.mark();
        match walk(&mut Walker::new(&mut self.shared, &mut self.joins, false)) {
            Err(error) if error.kind == ErrorKind::Missing => {
                self.joins.back_to(before);
                Ok(Operand::Const(Const::Null))
            }
            found => self.finished(found?, any, |walker, _| walk(walker)),
        }
    }

    fn special(
        &mut self,
        name: &str,
        scope: Scope,
        any: bool,
        crossed: &mut Crossed<'a>,
    ) -> Result<Operand, Error> {
        if let Some(path) = name.strip_prefix("@collection.") {
            return self.other_collection(name, path, scope, any, crossed);
        }
        if let Some(session) = self.shared.options.session {
            return self.of_session(name, session, any);
        }
        if let Some(value) = macros::resolve(name, self.request.now_ms) {
            return Ok(Operand::Const(value));
        }
        let request = self.request;
        let path = name
            .strip_prefix("@request.")
            .ok_or_else(|| unresolved(name))?;
        match path.split_once('.') {
            None => match path {
                "method" => Ok(Operand::Const(Const::Text(request.method.clone()))),
                "context" => Ok(Operand::Const(Const::Text(request.context.clone()))),
                _ => Err(unresolved(name)),
            },
            Some(("query", key)) => known(&request.query, key),
            Some(("headers", key)) => known(&request.headers, key),
            Some(("auth", path)) => self.auth(path, any),
            Some(("body", path)) => self.body(path, any),
            Some(_) => Err(unresolved(name)),
        }
    }

    /// `@collection.name.path` and `@collection.name:alias.path`: every row of another collection.
    fn other_collection(
        &mut self,
        name: &str,
        path: &str,
        scope: Scope,
        any: bool,
        crossed: &mut Crossed<'a>,
    ) -> Result<Operand, Error> {
        let (head, path) = path.split_once('.').ok_or_else(|| unresolved(name))?;
        let (collection, alias) = head.split_once(':').unwrap_or((head, "-"));
        if collection.is_empty() || alias.is_empty() || alias.contains(':') {
            return Err(unresolved(name));
        }
        let collection = self.shared.schema.collection(collection).ok_or_else(|| {
            Error::field(format!(
                "failed to load collection {} from field path {}",
                quoted(head),
                quoted(name)
            ))
        })?;
        let walk = |walker: &mut Walker<'_, 'a>| {
            let row = walker.join(
                format!("collection {} {alias}", collection.id),
                collection,
                None,
                true,
                |_| "TRUE".to_owned(),
            );
            walker.many = true;
            walker.walk(row, path)
        };
        let restricted = scope.restricted();
        let mut walker = Walker::new(&mut self.shared, &mut self.joins, restricted);
        let found = walk(&mut walker)?;
        if restricted {
            crossed.append(&mut walker.crossed);
        }
        self.finished(found, any, |walker, _| walk(walker))
    }

    fn auth(&mut self, path: &str, any: bool) -> Result<Operand, Error> {
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
        if STATIC_AUTH.contains(&path) {
            return Ok(Operand::Const(
                auth.record.get(path).map_or(Const::Null, Const::from_json),
            ));
        }
        let row = Row::Bound {
            record: Some(&auth.record),
            collection,
        };
        self.followed(any, |walker| walker.walk(row.clone(), path))
    }

    fn body(&mut self, path: &str, any: bool) -> Result<Operand, Error> {
        let body = &self.request.body;
        let base = self.shared.base;
        if let Some((head, rest)) = path.split_once('.')
            && let Some(field) = base.field(head)
            && field.kind == FieldKind::Relation
        {
            return self.body_relation(field, rest, any);
        }
        let (name, modifier) = split_request(path)?;
        match modifier {
            "isset" => return Ok(Operand::Const(Const::bool(body.contains_key(name)))),
            "changed" => {
                let field = base.field(name).ok_or_else(|| no_sequence(path))?;
                return self.body_changed(field);
            }
            "each" | "length" => {}
            _ => {
                let value = lookup(body, name).map_or(Const::Null, Const::from_json);
                return Ok(Operand::Const(lower(value, modifier)));
            }
        }
        let field = base.field(name).ok_or_else(|| no_sequence(path))?;
        if !matches!(
            field.kind,
            FieldKind::Select | FieldKind::Relation | FieldKind::File
        ) {
            return Err(Error::field(format!(
                "field {} doesn't support multivalue operations",
                quoted(name)
            )));
        }
        match modifier {
            "length" => {
                // Bounded by the request's size.
                let count = submitted(body.get(name)).len() as i64;
                Ok(Operand::Const(Const::Int(count)))
            }
            _ if field.multiple => {
                let list = Json::from(submitted(body.get(name))).to_string();
                let walk = |walker: &mut Walker<'_, 'a>, list: &str| {
                    let list = walker
                        .shared
                        .bind(crate::value::Value::Text(list.to_owned()), "::text::jsonb");
                    let (_, alias) = walker.elements(format!("body {name}"), &list, None);
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
            _ => Ok(Operand::Const(
                body.get(name).map_or(Const::Null, Const::from_json),
            )),
        }
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
    let (path, modifier) = split_request(key)?;
    let value = match modifier {
        "isset" => Const::bool(map.contains_key(path)),
        "" | "lower" => lower(
            lookup(map, path).map_or(Const::Null, Const::from_json),
            modifier,
        ),
        _ => return Err(no_sequence(key)),
    };
    Ok(Operand::Const(value))
}

pub(crate) fn unresolved(name: &str) -> Error {
    Error::field(format!("failed to resolve field {}", quoted(name)))
}

/// A modifier where it has no meaning.
pub(crate) fn no_sequence(path: &str) -> Error {
    let last = path.rsplit('.').next().unwrap_or(path);
    Error::field(format!("invalid modifier sequence {last}"))
}

fn lower(value: Const, modifier: &str) -> Const {
    match (value, modifier) {
        (Const::Text(text), "lower") => Const::Text(text.to_ascii_lowercase()),
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
