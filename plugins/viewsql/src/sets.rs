//! UNION and its kin, VALUES, and LIMIT.

use sqlparser::ast::{
    Expr, LimitClause, OrderBy, SetExpr, SetOperator, SetQuantifier, Value as Constant,
};

use crate::translate::{Arm, Body, Natural, Output, Translator, columns, direction, order_items};
use crate::value::{Ty, unify};
use crate::{Error, names};

impl Translator<'_> {
    pub(crate) fn set(
        &mut self,
        body: &SetExpr,
        order_by: Option<&OrderBy>,
    ) -> Result<Body, Error> {
        let mut arms: Vec<(String, Arm)> = Vec::new();
        self.arms(body, String::new(), &mut arms)?;
        let width = arms.first().map_or(0, |(_, arm)| arm.outputs.len());
        if arms.iter().any(|(_, arm)| arm.outputs.len() != width) {
            return Err(Error::syntax(
                "SELECTs to the left and right of a set operation do not have the same number of result columns",
            ));
        }
        let types: Vec<Ty> = (0..width)
            .map(|at| unify(arms.iter().map(|(_, arm)| &arm.outputs[at].value)))
            .collect();
        let mut sql = String::new();
        for (operator, arm) in &arms {
            sql.push_str(operator);
            sql.push_str(&arm.select(Some(&types)));
        }
        let columns = arms
            .first()
            .map(|(_, arm)| columns(&arm.outputs, Some(&types)))
            .unwrap_or_default();
        let sorted = arms
            .iter()
            .any(|(operator, _)| !operator.is_empty() && operator != " UNION ALL ");
        match order_by {
            None if sorted => {
                let all: Vec<String> = (1..=width).map(|at| at.to_string()).collect();
                sql = format!("{sql} ORDER BY {}", all.join(", "));
            }
            None => {}
            Some(order) => {
                let mut items = Vec::new();
                for item in order_items(order)? {
                    let at = match names::strip(&item.expr) {
                        Expr::Value(value) => match &value.value {
                            Constant::Number(number, _) => number.parse::<usize>().ok(),
                            _ => None,
                        },
                        Expr::Identifier(name) => columns
                            .iter()
                            .position(|column| column.name.eq_ignore_ascii_case(&name.value))
                            .map(|at| at + 1),
                        _ => None,
                    };
                    let at = at.filter(|at| (1..=width).contains(at)).ok_or_else(|| {
                        Error::syntax("ORDER BY term does not match any column in the result set")
                    })?;
                    items.push(format!("{at}{}", direction(item)));
                }
                sql = format!("{sql} ORDER BY {}", items.join(", "));
            }
        }
        Ok(Body::Set { sql, columns })
    }

    /// The selects of a compound, each with the operator before it. All operators bind alike, from left to right.
    fn arms(
        &mut self,
        body: &SetExpr,
        operator: String,
        out: &mut Vec<(String, Arm)>,
    ) -> Result<(), Error> {
        match body {
            SetExpr::SetOperation {
                left,
                op,
                set_quantifier,
                right,
            } => {
                self.arms(left, operator, out)?;
                let name = match (op, set_quantifier) {
                    (SetOperator::Union, SetQuantifier::All) => " UNION ALL ",
                    (SetOperator::Union, _) => " UNION ",
                    (SetOperator::Except, _) => " EXCEPT ",
                    (SetOperator::Intersect, _) => " INTERSECT ",
                    _ => return Err(Error::unsupported("this set operation")),
                };
                self.arms(right, name.to_owned(), out)
            }
            SetExpr::Select(select) => {
                let arm = self.select(select, None)?;
                out.push((operator, arm));
                Ok(())
            }
            SetExpr::Values(values) => {
                for (at, row) in values.rows.iter().enumerate() {
                    let mut outputs = Vec::new();
                    for (column, expr) in row.iter().enumerate() {
                        outputs.push(Output {
                            name: format!("column{}", column + 1),
                            expr: None,
                            value: self.expr(expr)?,
                            origin: None,
                        });
                    }
                    let arm = Arm {
                        outputs,
                        distinct: false,
                        tail: String::new(),
                        order: Vec::new(),
                        natural: Natural::default(),
                    };
                    let name = if at == 0 {
                        operator.as_str()
                    } else {
                        " UNION ALL "
                    };
                    out.push((name.to_owned(), arm));
                }
                Ok(())
            }
            _ => Err(Error::unsupported("this part of a set operation")),
        }
    }
}

/// LIMIT and OFFSET with a space before, or nothing.
pub(crate) fn limit(clause: Option<&LimitClause>) -> Result<String, Error> {
    let number = |expr: &Expr| {
        names::number(expr).ok_or_else(|| Error::unsupported("a LIMIT that is no number"))
    };
    let (limit, offset) = match clause {
        None => return Ok(String::new()),
        Some(LimitClause::LimitOffset { limit, offset, .. }) => (
            limit.as_ref().map(number).transpose()?,
            offset
                .as_ref()
                .map(|offset| number(&offset.value))
                .transpose()?,
        ),
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
            (Some(number(limit)?), Some(number(offset)?))
        }
    };
    let mut sql = String::new();
    if let Some(limit) = limit.filter(|limit| *limit >= 0) {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    if let Some(offset) = offset.filter(|offset| *offset > 0) {
        sql.push_str(&format!(" OFFSET {offset}"));
    }
    Ok(sql)
}
