//! `geoDistance` and `strftime`.

use crate::error::Error;
use crate::operand::{AllRows, Operand, SqlValue};
use crate::parser::Term;
use crate::query::{Query, Scope};
use crate::row::Row;
use crate::value::{Const, Value};

/// Most arguments of `strftime`.
const MAX_STRFTIME_ARGS: usize = 10;

impl<'a> Query<'a> {
    pub(crate) fn call(
        &mut self,
        name: &str,
        args: &[Term],
        start: &Row<'a>,
        scope: Scope,
        any: bool,
        crossed: &mut Vec<(usize, Row<'a>)>,
    ) -> Result<Operand, Error> {
        match name {
            "geoDistance" => self.geo_distance(args, start, scope, crossed),
            "strftime" => self.strftime(args, start, scope, any, crossed),
            _ => Err(Error::field(format!("unknown function {name}"))),
        }
    }

    fn geo_distance(
        &mut self,
        args: &[Term],
        start: &Row<'a>,
        scope: Scope,
        crossed: &mut Vec<(usize, Row<'a>)>,
    ) -> Result<Operand, Error> {
        if args.len() != 4 {
            return Err(Error::field("geoDistance takes lonA, latA, lonB and latB"));
        }
        let mut numbers = Vec::with_capacity(4);
        let mut guards = Vec::new();
        for arg in args {
            if !matches!(arg, Term::Ident(_) | Term::Number { .. }) {
                return Err(Error::field("geoDistance takes fields and numbers only"));
            }
            // Several rows are not treated as "every row" here, whatever the operator.
            numbers.push(match self.operand(arg, start, scope, true, crossed)? {
                Operand::Const(constant) => match constant.number() {
                    Some(number) => self.shared.bind(Value::Float(number), "::float8"),
                    None => "NULL::float8".to_owned(),
                },
                Operand::Value { value, guard, .. } => {
                    guards.extend(guard);
                    value.as_number()
                }
                Operand::Changed(_) => {
                    return Err(Error::field(":changed is no argument of geoDistance"));
                }
            });
        }
        let value = SqlValue {
            strict: true,
            ..SqlValue::number(
                format!("hangar_fn.geo_distance({})", numbers.join(", ")),
                true,
            )
        };
        Ok(Operand::Value {
            value,
            all: None,
            guard: joined(guards),
        })
    }

    fn strftime(
        &mut self,
        args: &[Term],
        start: &Row<'a>,
        scope: Scope,
        any: bool,
        crossed: &mut Vec<(usize, Row<'a>)>,
    ) -> Result<Operand, Error> {
        let literal = |term: &Term| match term {
            Term::Text(text) => Ok(Value::Text(text.clone())),
            _ => Err(Error::field(
                "the format and the modifiers of strftime are text literals",
            )),
        };
        let (Some(format), true) = (args.first(), args.len() <= MAX_STRFTIME_ARGS) else {
            return Err(Error::field(format!(
                "strftime takes 1 to {MAX_STRFTIME_ARGS} arguments"
            )));
        };
        let format = literal(format)?;
        let time = args.get(1).map(|time| match time {
            Term::Call { .. } => Err(Error::field(
                "the time of strftime is a field, macro, text or number",
            )),
            time => self.operand(time, start, scope, any, crossed),
        });
        let time = time.transpose()?;
        let modifiers = args
            .iter()
            .skip(2)
            .map(literal)
            .collect::<Result<Vec<_>, _>>()?;

        let format = self.shared.bind(format, "::text");
        let modifiers: Vec<String> = modifiers
            .into_iter()
            .map(|modifier| self.shared.bind(modifier, "::text"))
            .collect();
        let modifiers = format!("ARRAY[{}]::text[]", modifiers.join(", "));
        let of = |time: &str| {
            SqlValue::text(
                format!("hangar_fn.strftime({format}, {time}, {modifiers})"),
                true,
            )
        };
        match time {
            None => Ok(Operand::Value {
                value: of("'now'"),
                all: None,
                guard: None,
            }),
            Some(Operand::Const(constant)) => {
                let text = match &constant {
                    Const::Null => Value::Null,
                    Const::Text(text) => Value::Text(text.clone()),
                    Const::Number(_) | Const::Int(_) => Value::Text(constant.like_text()),
                };
                let text = self.shared.bind(text, "::text");
                Ok(Operand::Value {
                    value: of(&text),
                    all: None,
                    guard: None,
                })
            }
            Some(Operand::Value { value, all, guard }) => {
                let all = all.map(|all| {
                    Box::new(AllRows {
                        value: of(&all.value.as_text()),
                        ..*all
                    })
                });
                Ok(Operand::Value {
                    value: of(&value.as_text()),
                    all,
                    guard,
                })
            }
            Some(Operand::Changed(_)) => Err(Error::field(":changed is no argument of strftime")),
        }
    }
}

fn joined(guards: Vec<String>) -> Option<String> {
    if guards.is_empty() {
        None
    } else {
        Some(guards.join(" AND "))
    }
}
