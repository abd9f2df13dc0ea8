//! Comparisons, with SQLite's affinities: what a text and a number are to each other depends on where they come from.

use crate::value::{Affinity, Literal, Ty, Value};

/// `left operator right` as a condition; the operator is `=`, `<>`, `<`, `<=`, `>` or `>=`.
pub(crate) fn compare(operator: &str, left: &Value, right: &Value) -> String {
    if left.ty == Ty::Null || right.ty == Ty::Null {
        return "NULL::boolean".to_owned();
    }
    if left.is_number() && right.is_number() {
        return match (left.ty, right.ty) {
            (Ty::Bool, Ty::Bool) => format!("({} {operator} {})", left.sql, right.sql),
            _ => format!("({} {operator} {})", left.number(), right.number()),
        };
    }
    if left.is_text() && right.is_text() {
        return texts(operator, left, right);
    }
    // Text affinity makes a text of a value without affinity.
    let as_text = |side: &Value, other: &Value| {
        side.affinity == Affinity::Text && other.affinity == Affinity::None
    };
    if as_text(left, right) || as_text(right, left) {
        return texts(operator, left, right);
    }
    let numeric = left.affinity == Affinity::Numeric || right.affinity == Affinity::Numeric;
    // A number column and a literal that looks like a number.
    for (number, text, flipped) in [(left, right, false), (right, left, true)] {
        if let (true, Some(Literal::Text(literal)), true) =
            (number.is_number(), &text.literal, numeric)
            && let Ok(parsed) = literal.trim().parse::<f64>()
            && parsed.is_finite()
        {
            let other = Value::new(format!("{parsed}"), Ty::Real);
            return match flipped {
                false => format!("({} {operator} {})", left.number(), other.number()),
                true => format!("({} {operator} {})", other.number(), right.number()),
            };
        }
    }
    let convert = |side: &Value| {
        if numeric && !side.is_number() {
            format!("hangar_fn.to_numeric({})", side.scalar())
        } else {
            side.scalar()
        }
    };
    format!(
        "(hangar_fn.compare({}, {}) {operator} 0)",
        convert(left),
        convert(right)
    )
}

fn texts(operator: &str, left: &Value, right: &Value) -> String {
    let nocase = left.nocase || right.nocase;
    let side = |value: &Value| {
        let text = value.text();
        if nocase {
            format!("lower(({text}) COLLATE \"C\")")
        } else {
            text
        }
    };
    if nocase || matches!(operator, "=" | "<>") {
        return format!("({} {operator} {})", side(left), side(right));
    }
    format!(
        "({} {operator} ({}) COLLATE \"C\")",
        side(left),
        side(right)
    )
}

/// `left IS right`: equal, or both NULL.
pub(crate) fn same(left: &Value, right: &Value) -> String {
    match (left.ty, right.ty) {
        (Ty::Null, Ty::Null) => "true".to_owned(),
        (_, Ty::Null) => is_null(left),
        (Ty::Null, _) => is_null(right),
        _ => format!(
            "(CASE WHEN {} OR {} THEN {} AND {} ELSE {} END)",
            is_null(left),
            is_null(right),
            is_null(left),
            is_null(right),
            compare("=", left, right)
        ),
    }
}

/// Whether SQLite holds NULL: an empty date is a text there.
pub(crate) fn is_null(value: &Value) -> String {
    match (value.ty, &value.row) {
        (Ty::Date, Some(row)) => format!("({row} IS NULL)"),
        (Ty::Date, None) => "false".to_owned(),
        (Ty::Null, _) => "true".to_owned(),
        _ => format!("({} IS NULL)", value.sql),
    }
}
