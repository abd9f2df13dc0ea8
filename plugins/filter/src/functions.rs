//! `geoDistance` and `strftime`.

use crate::error::Error;
use crate::operand::{AllRows, Nulls, Operand, SqlValue};
use crate::parser::Term;
use crate::query::Query;
use crate::quoting::text as quoted;
use crate::row::Row;
use crate::scope::Scope;
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
            _ => Err(Error::field(format!("unknown function {}", quoted(name)))),
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
            return Err(Error::field(format!(
                "[geoDistance] expected 4 arguments, got {}",
                args.len()
            )));
        }
        let mut numbers = Vec::with_capacity(4);
        let mut guards = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            if !matches!(arg, Term::Ident(_) | Term::Number { .. }) {
                return Err(Error::field(format!(
                    "[geoDistance] argument {index} must be an identifier or number"
                )));
            }
            // Several rows are not treated as "every row" here, whatever the operator.
            let operand = self.operand(arg, start, scope, true, crossed);
            let operand = operand.map_err(|error| {
                error.within(&format!("[geoDistance] failed to resolve argument {index}"))
            })?;
            numbers.push(match operand {
                Operand::Const(constant) => match constant.number() {
                    Some(number) => self.shared.bind(Value::Float(number), "::float8"),
                    None => "NULL::float8".to_owned(),
                },
                Operand::Value { value, guard, .. } => {
                    guards.extend(guard);
                    value.as_number()
                }
                Operand::Changed(sql) => format!("({sql})::int::float8"),
            });
        }
        let value = SqlValue {
            nulls: Nulls::Own,
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
        if args.len() > MAX_STRFTIME_ARGS {
            return Err(Error::field(format!(
                "[strftime] too many arguments (max allowed {MAX_STRFTIME_ARGS}, got {})",
                args.len()
            )));
        }
        let format = match args.first() {
            Some(Term::Text(text)) => Value::Text(text.clone()),
            Some(_) => {
                return Err(Error::field(
                    "[strftime] expects the first argument to be a format string",
                ));
            }
            None => {
                return Err(Error::field(
                    "[strftime] expected at least 1 arguments, got 0",
                ));
            }
        };
        let time = match args.get(1) {
            Some(Term::Call { .. }) => {
                return Err(Error::field(
                    "[strftime] expects the second argument to be of a valid time-value type",
                ));
            }
            Some(time) => {
                let time = self.operand(time, start, scope, any, crossed);
                Some(time.map_err(|error| {
                    error.within("[strftime] failed to resolve time-value argument")
                })?)
            }
            None => None,
        };
        let modifiers = args.iter().skip(2).enumerate();
        let modifiers = modifiers
            .map(|(index, modifier)| match modifier {
                Term::Text(text) => Ok(Value::Text(text.clone())),
                _ => Err(Error::field(format!(
                    "[strftime] invalid modifier argument {index} - can be only string"
                ))),
            })
            .collect::<Result<Vec<_>, _>>()?;

        let format = self.shared.bind(format, "::text");
        let modifiers: Vec<String> = modifiers
            .into_iter()
            .map(|modifier| self.shared.bind(modifier, "::text"))
            .collect();
        let modifiers = format!("ARRAY[{}]::text[]", modifiers.join(", "));
        let of = |time: &str| {
            let sql = format!("hangar_fn.strftime({format}, {time}, {modifiers})");
            SqlValue {
                nulls: Nulls::Lenient,
                ..SqlValue::text(sql, true)
            }
        };
        match time {
            Some(Operand::Changed(sql)) => Ok(Operand::Value {
                value: of(&format!("({sql})::int::text")),
                all: None,
                guard: None,
            }),
            None => Ok(Operand::Value {
                value: of("'now'"),
                all: None,
                guard: None,
            }),
            Some(Operand::Const(constant)) => {
                let text = match &constant {
                    Const::Null => Value::Null,
                    Const::Text(text) => Value::Text(text.clone()),
                    Const::Number(_) | Const::Int(_) | Const::Bool(_) => {
                        Value::Text(constant.pattern_text())
                    }
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
