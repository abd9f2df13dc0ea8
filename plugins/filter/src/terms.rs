//! Terms of a comparison to operands: literals, fields, `@request.*`, `@collection.*`.

use serde_json::Value as Json;

use crate::body::lookup;
use crate::error::{Error, ErrorKind};
use crate::macros;
use crate::operand::Operand;
use crate::parser::Term;
use crate::path::split_request;
use crate::query::Query;
use crate::quoting::text as quoted;
use crate::resolve::{Found, Walker};
use crate::row::Row;
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

pub(crate) fn lower(value: Const, modifier: &str) -> Const {
    match (value, modifier) {
        (Const::Text(text), "lower") => Const::Text(text.to_ascii_lowercase()),
        (value, _) => value,
    }
}
