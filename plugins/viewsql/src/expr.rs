//! Expressions.

use hangar_model::sql::literal;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Ident, InTarget, UnaryOperator, Value as Constant,
};

use crate::arithmetic::{arithmetic, cast, glob, number_type};
use crate::compare::{compare, is_null, same};
use crate::translate::Translator;
use crate::value::{Literal, Ty, Value, unify};
use crate::{Error, names, scope};

/// How deep an expression may be.
const MAX_DEPTH: usize = 300;
/// Longest SQL of an expression, bytes.
const MAX_SQL: usize = 1 << 20;

impl Translator<'_> {
    /// Translates an expression of the innermost select.
    pub(crate) fn expr(&mut self, expr: &Expr) -> Result<Value, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::new("the query is nested too deeply"));
        }
        let value = match self.group_key(expr) {
            Some(key) => key,
            None => self.any(expr)?,
        };
        // Conversions may need an operand twice, so what is nested doubles with each level.
        if value.sql.len() > MAX_SQL {
            return Err(Error::new("the query becomes too long"));
        }
        self.depth -= 1;
        Ok(value)
    }

    /// What is grouped by stands as it is.
    fn group_key(&self, expr: &Expr) -> Option<Value> {
        let scope = self.scope();
        let grouping = scope.grouping.as_ref().filter(|_| !scope.in_aggregate)?;
        let expr = names::strip(expr);
        let mut keys = grouping.keys.iter();
        keys.find(|(key, _)| key == expr)
            .map(|(_, value)| value.clone())
    }

    fn any(&mut self, expr: &Expr) -> Result<Value, Error> {
        let flag = |sql: String| Ok(Value::new(sql, Ty::Bool));
        match expr {
            Expr::Nested(inner) => self.expr(inner),
            Expr::Identifier(name) => self.column(None, name),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, name] => self.column(Some(table), name),
                _ => Err(Error::unsupported("this name")),
            },
            Expr::Value(value) => constant(&value.value),
            Expr::IsNull(inner) => {
                let value = self.expr(inner)?;
                flag(is_null(&value))
            }
            Expr::IsNotNull(inner) => {
                let value = self.expr(inner)?;
                flag(format!("(NOT {})", is_null(&value)))
            }
            Expr::IsTrue(inner) => self.truth(inner, "IS TRUE"),
            Expr::IsFalse(inner) => self.truth(inner, "IS FALSE"),
            Expr::IsNotTrue(inner) => self.truth(inner, "IS NOT TRUE"),
            Expr::IsNotFalse(inner) => self.truth(inner, "IS NOT FALSE"),
            Expr::IsDistinctFrom(left, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                flag(format!("(NOT {})", same(&left, &right)))
            }
            Expr::IsNotDistinctFrom(left, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                flag(same(&left, &right))
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::UnaryOp { op, expr } => {
                let value = self.expr(expr)?;
                Ok(match op {
                    UnaryOperator::Not => {
                        Value::new(format!("(NOT {})", value.boolean()), Ty::Bool)
                    }
                    UnaryOperator::Plus => value,
                    UnaryOperator::Minus => {
                        let ty = if value.ty == Ty::Bool {
                            Ty::Int
                        } else {
                            number_type(&value)
                        };
                        // A zero has no sign.
                        Value::new(format!("(0 - {})", value.number()), ty)
                    }
                    UnaryOperator::BitwiseNot => {
                        Value::new(format!("(~ ({})::bigint)", value.number()), Ty::Int)
                    }
                    _ => return Err(Error::unsupported(&format!("the operator {op}"))),
                })
            }
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let (value, low, high) = (self.expr(expr)?, self.expr(low)?, self.expr(high)?);
                let sql = format!(
                    "({} AND {})",
                    compare(">=", &value, &low),
                    compare("<=", &value, &high)
                );
                flag(negate(*negated, sql))
            }
            Expr::Like {
                negated,
                expr,
                pattern,
                escape_char,
                ..
            } => {
                let (value, pattern) = (self.expr(expr)?, self.expr(pattern)?);
                let escape = match escape_char {
                    None => String::new(),
                    Some(escape) => match names::strip(escape) {
                        Expr::Value(value) => match &value.value {
                            Constant::SingleQuotedString(text) => text.clone(),
                            _ => return Err(Error::unsupported("this ESCAPE")),
                        },
                        _ => return Err(Error::unsupported("this ESCAPE")),
                    },
                };
                let fold = |value: &Value| format!("lower(({}) COLLATE \"C\")", value.text());
                let sql = format!(
                    "({} LIKE {} ESCAPE {})",
                    fold(&value),
                    fold(&pattern),
                    literal(&escape)
                );
                flag(negate(*negated, sql))
            }
            Expr::In {
                expr,
                target,
                negated,
                ..
            } => {
                let sql = self.contained(expr, target)?;
                flag(negate(*negated, sql))
            }
            Expr::Exists { subquery, negated } => {
                let query = self.query(subquery)?;
                flag(negate(*negated, format!("EXISTS ({})", query.sql)))
            }
            Expr::Subquery(query) => {
                let found = self.query(query)?;
                let [column] = found.columns.as_slice() else {
                    return Err(Error::syntax(&format!(
                        "sub-select returns {} columns - expected 1",
                        found.columns.len()
                    )));
                };
                // SQLite takes the first of several rows.
                let sql = match query.limit_clause {
                    None => format!("({} LIMIT 1)", found.sql),
                    Some(_) => format!("({})", found.sql),
                };
                Ok(Value::new(sql, column.ty).with_affinity(column.affinity))
            }
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            Expr::Cast {
                expr, data_type, ..
            } => {
                let value = self.expr(expr)?;
                Ok(cast(&value, data_type))
            }
            Expr::Collate { expr, collation } => {
                let value = self.expr(expr)?;
                match names::last(collation).to_ascii_lowercase().as_str() {
                    "nocase" => Ok(Value {
                        nocase: true,
                        ..Value::new(value.text(), Ty::Text).with_affinity(value.affinity)
                    }),
                    "binary" => Ok(value),
                    "rtrim" => Ok(Value::new(format!("rtrim({})", value.text()), Ty::Text)),
                    other => Err(Error::syntax(&format!(
                        "no such collation sequence: {other}"
                    ))),
                }
            }
            Expr::Function(function) => self.call(function),
            Expr::Ceil { expr, .. } => self.simple("ceil", &[expr.as_ref()]),
            Expr::Floor { expr, .. } => self.simple("floor", &[expr.as_ref()]),
            Expr::Substring {
                expr,
                substring_from: Some(from),
                substring_for,
                ..
            } => {
                let mut args: Vec<&Expr> = vec![expr, from];
                args.extend(substring_for.as_deref());
                self.simple("substr", &args)
            }
            Expr::Trim {
                expr,
                trim_where: None,
                trim_what: None,
                trim_characters,
            } => {
                let mut args: Vec<&Expr> = vec![expr];
                args.extend(trim_characters.iter().flatten());
                self.simple("trim", &args)
            }
            _ => Err(Error::unsupported("this kind of expression")),
        }
    }

    fn truth(&mut self, inner: &Expr, test: &str) -> Result<Value, Error> {
        let value = self.expr(inner)?;
        Ok(Value::new(
            format!("({} {test})", value.boolean()),
            Ty::Bool,
        ))
    }

    fn column(&mut self, table: Option<&Ident>, name: &Ident) -> Result<Value, Error> {
        let qualifier = table.map(|table| table.value.as_str());
        if let Some(found) = scope::resolve(&self.scopes, qualifier, &name.value)? {
            return Ok(found.value);
        }
        if table.is_none()
            && let Some(expr) = self.aliased(name)
        {
            // An alias may not stand for itself.
            let scope = self.scope_mut();
            let aliases = std::mem::take(&mut scope.aliases);
            let value = self.expr(&expr);
            self.scope_mut().aliases = aliases;
            return value;
        }
        match (table, name.quote_style) {
            // What is no name is a text.
            (None, Some('"')) => Ok(Value::text_literal(&name.value)),
            (None, None) => match name.value.to_ascii_lowercase().as_str() {
                "current_timestamp" => Ok(time_text("%Y-%m-%d %H:%M:%S")),
                "current_date" => Ok(time_text("%Y-%m-%d")),
                "current_time" => Ok(time_text("%H:%M:%S")),
                _ => Err(Error::no_column(&name.value)),
            },
            (None, _) => Err(Error::no_column(&name.value)),
            (Some(table), _) => Err(Error::no_column(&format!("{}.{}", table.value, name.value))),
        }
    }

    fn binary(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Value, Error> {
        let flag = |sql: String| Ok(Value::new(sql, Ty::Bool));
        if matches!(operator, BinaryOperator::Arrow | BinaryOperator::LongArrow) {
            let document = self.expr(left)?.document();
            let path = names::json_path(right)?;
            let found = format!("({document} #> {})", path.sql);
            return Ok(match operator {
                BinaryOperator::Arrow => Value::json(found),
                _ => Value::new(format!("hangar_fn.json_scalar({found})"), Ty::Scalar),
            });
        }
        let (a, b) = (self.expr(left)?, self.expr(right)?);
        let sign = match operator {
            BinaryOperator::And => return flag(format!("({} AND {})", a.boolean(), b.boolean())),
            BinaryOperator::Or => return flag(format!("({} OR {})", a.boolean(), b.boolean())),
            BinaryOperator::Eq | BinaryOperator::Assignment => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            BinaryOperator::Is => return flag(same(&a, &b)),
            BinaryOperator::IsNot => return flag(format!("(NOT {})", same(&a, &b))),
            BinaryOperator::StringConcat => {
                return Ok(Value::new(
                    format!("({} || {})", a.text(), b.text()),
                    Ty::Text,
                ));
            }
            BinaryOperator::Glob => return flag(glob(&a, &b)?),
            _ => return arithmetic(&a, operator, &b),
        };
        flag(compare(sign, &a, &b))
    }

    fn contained(&mut self, expr: &Expr, target: &InTarget) -> Result<String, Error> {
        let value = self.expr(expr)?;
        match target {
            InTarget::List(items) if items.is_empty() => Ok("false".to_owned()),
            InTarget::List(items) => {
                let mut parts = Vec::new();
                for item in items {
                    let item = self.expr(item)?;
                    parts.push(compare("=", &value, &item));
                }
                Ok(format!("({})", parts.join(" OR ")))
            }
            InTarget::Subquery(query) => {
                let found = self.query(query)?;
                let [column] = found.columns.as_slice() else {
                    return Err(Error::syntax(&format!(
                        "sub-select returns {} columns - expected 1",
                        found.columns.len()
                    )));
                };
                let inner = Value::new("found.value", column.ty).with_affinity(column.affinity);
                let (left, right) = if value.is_number() && inner.is_number() {
                    (value.number(), inner.number())
                } else if value.is_text() || (inner.is_text() && value.ty == Ty::Scalar) {
                    (value.text(), inner.text())
                } else {
                    let number =
                        |value: &Value| format!("hangar_fn.to_numeric({})", value.scalar());
                    (number(&value), number(&inner))
                };
                Ok(format!(
                    "({left} IN (SELECT {right} FROM ({}) AS found(value)))",
                    found.sql
                ))
            }
            _ => Err(Error::unsupported("this form of IN")),
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Value, Error> {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for case in conditions {
            let condition = self.expr(&case.condition)?;
            tests.push(match &operand {
                Some(operand) => compare("=", operand, &condition),
                None => condition.boolean(),
            });
            results.push(self.expr(&case.result)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.expr(otherwise)?);
        }
        let ty = unify(&results);
        let mut sql = String::from("(CASE");
        for (test, result) in tests.iter().zip(&results) {
            sql.push_str(&format!(" WHEN {test} THEN {}", result.to(ty)));
        }
        if let (Some(_), Some(last)) = (otherwise, results.last()) {
            sql.push_str(&format!(" ELSE {}", last.to(ty)));
        }
        sql.push_str(" END)");
        Ok(Value::new(sql, ty))
    }
}

pub(crate) fn negate(negated: bool, sql: String) -> String {
    if negated { format!("(NOT {sql})") } else { sql }
}

fn time_text(format: &str) -> Value {
    let sql = format!(
        "hangar_fn.strftime({}, 'now', ARRAY[]::text[])",
        literal(format)
    );
    Value::new(sql, Ty::Text)
}

fn constant(value: &Constant) -> Result<Value, Error> {
    Ok(match value {
        Constant::Null => Value::new("NULL", Ty::Null),
        Constant::Boolean(flag) => Value::new(flag.to_string(), Ty::Bool),
        Constant::SingleQuotedString(text) | Constant::DoubleQuotedString(text) => {
            Value::text_literal(text)
        }
        Constant::Number(text, _) => {
            let number: f64 = text
                .parse()
                .map_err(|_| Error::unsupported(&format!("the number {text}")))?;
            let ty = if text.parse::<i64>().is_ok() {
                Ty::Int
            } else {
                Ty::Real
            };
            Value {
                literal: Some(Literal::Number(number)),
                ..Value::new(
                    if ty == Ty::Int {
                        text.clone()
                    } else {
                        format!("{number:?}")
                    },
                    ty,
                )
            }
        }
        other => return Err(Error::unsupported(&format!("the value {other}"))),
    })
}
