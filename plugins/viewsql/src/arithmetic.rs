//! Numbers, casts and GLOB.

use hangar_model::sql::literal;
use sqlparser::ast::{BinaryOperator, DataType};

use crate::value::{Affinity, Literal, Ty, Value};
use crate::{Error, names};

/// The type of a number computed from a value.
pub(crate) fn number_type(value: &Value) -> Ty {
    match value.ty {
        Ty::Int | Ty::Bool => Ty::Int,
        Ty::Real => Ty::Real,
        _ => Ty::Num,
    }
}

pub(crate) fn arithmetic(a: &Value, operator: &BinaryOperator, b: &Value) -> Result<Value, Error> {
    let ty = match (number_type(a), number_type(b)) {
        (Ty::Int, Ty::Int) => Ty::Int,
        (Ty::Real, _) | (_, Ty::Real) => Ty::Real,
        _ => Ty::Num,
    };
    let (x, y) = (a.number(), b.number());
    let whole = |sign: &str| {
        let sql = format!("(trunc({x})::bigint {sign} trunc({y})::bigint)");
        Ok(Value::new(sql, Ty::Int))
    };
    let sql = match operator {
        BinaryOperator::Plus => format!("({x} + {y})"),
        BinaryOperator::Minus => format!("({x} - {y})"),
        BinaryOperator::Multiply => format!("({x} * {y})"),
        BinaryOperator::Divide => match ty {
            Ty::Int => format!("trunc({x} / nullif({y}, 0))"),
            Ty::Real => format!("({x} / nullif({y}, 0))"),
            // Whole numbers divide as whole numbers.
            _ => format!("hangar_fn.divide({x}, {y})"),
        },
        BinaryOperator::Modulo => format!("hangar_fn.remainder({x}, {y})"),
        BinaryOperator::BitwiseAnd => return whole("&"),
        BinaryOperator::BitwiseOr => return whole("|"),
        BinaryOperator::PGBitwiseShiftLeft => {
            return Ok(Value::new(
                format!("(trunc({x})::bigint << trunc({y})::int)"),
                Ty::Int,
            ));
        }
        BinaryOperator::PGBitwiseShiftRight => {
            return Ok(Value::new(
                format!("(trunc({x})::bigint >> trunc({y})::int)"),
                Ty::Int,
            ));
        }
        other => return Err(Error::unsupported(&format!("the operator {other}"))),
    };
    Ok(Value::new(sql, ty))
}

/// GLOB, whose pattern must be known to become a regular expression.
pub(crate) fn glob(value: &Value, pattern: &Value) -> Result<String, Error> {
    let Some(Literal::Text(pattern)) = &pattern.literal else {
        return Err(Error::unsupported("GLOB with a computed pattern"));
    };
    let mut regex = String::from("^");
    let mut within = false;
    for letter in pattern.chars() {
        match letter {
            '*' if !within => regex.push_str(".*"),
            '?' if !within => regex.push('.'),
            '[' if !within => {
                within = true;
                regex.push('[');
            }
            ']' if within => {
                within = false;
                regex.push(']');
            }
            letter if within || letter.is_alphanumeric() => regex.push(letter),
            letter => {
                regex.push('\\');
                regex.push(letter);
            }
        }
    }
    if within {
        return Ok("false".to_owned());
    }
    regex.push('$');
    Ok(format!("({} ~ {})", value.text(), literal(&regex)))
}

/// CAST, by the rules of SQLite for names of types.
pub(crate) fn cast(value: &Value, data_type: &DataType) -> Value {
    let name = names::data_type(data_type).to_ascii_uppercase();
    let has = |part: &str| name.contains(part);
    let done = if has("INT") {
        let sql = format!("trunc({})", value.number());
        Value::new(sql, Ty::Int)
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        return Value::new(value.text(), Ty::Text).with_affinity(Affinity::Text);
    } else if has("BLOB") || name.is_empty() {
        return Value::new(value.text(), Ty::Text);
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Value::new(value.number(), Ty::Real)
    } else {
        Value::new(
            value.number(),
            if value.ty == Ty::Bool {
                Ty::Int
            } else {
                Ty::Num
            },
        )
    };
    done.with_affinity(Affinity::Numeric)
}
