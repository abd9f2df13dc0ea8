//! Comparisons with values of which only the session knows the type: in a policy, what the request has.
//!
//! They mean what the comparison with a constant means once the value is known: `''` and NULL are the same, a number
//! column compares with texts that look like numbers, a text column with the text of a number.

use crate::compare::{Binder, Side, sign, truth, unmerged};
use crate::lexer::Comparison;
use crate::operand::{Affinity, Nulls, SqlValue, Type};
use crate::value::{Const, dangling_escape, like_pattern};

/// The comparison, if one of its sides is such a value.
pub(crate) fn compare(
    comparison: Comparison,
    left: Side<'_>,
    right: Side<'_>,
    exact: bool,
    bind: &mut Binder<'_>,
) -> Option<String> {
    if !is_any(left) && !is_any(right) {
        return None;
    }
    Some(match comparison {
        Comparison::Eq | Comparison::Ne => {
            // The value that is compared with comes second, as a constant would.
            let (left, right) = if is_any(left) && !is_any(right) {
                (right, left)
            } else {
                (left, right)
            };
            equal(comparison == Comparison::Ne, left, right, exact, bind)
        }
        Comparison::Like | Comparison::NotLike => {
            like(comparison == Comparison::NotLike, left, right, exact, bind)
        }
        _ => order(comparison, left, right, exact, bind),
    })
}

fn is_any(side: Side<'_>) -> bool {
    matches!(side, Side::Value(value) if value.ty == Type::Any)
}

/// The text of a side, if it is one.
fn text(side: Side<'_>, bind: &mut Binder<'_>) -> Option<String> {
    match side {
        Side::Const(Const::Text(text)) => Some(bind.text(text)),
        Side::Value(value) if value.ty == Type::Any => value.any_text.clone(),
        Side::Value(value) if value.ty == Type::Text => Some(value.sql.clone()),
        _ => None,
    }
}

fn nulls(side: Side<'_>) -> Nulls {
    match side {
        Side::Const(_) => Nulls::Empty,
        Side::Value(value) => value.nulls,
    }
}

fn nullable(side: Side<'_>) -> bool {
    match side {
        Side::Const(constant) => *constant == Const::Null,
        Side::Value(value) => value.nullable && !(value.ty == Type::Any && value.filled),
    }
}

/// A side as a jsonb scalar, converted as SQLite would for the other.
fn scalar(side: Side<'_>, other: Side<'_>, bind: &mut Binder<'_>) -> String {
    let value = match side {
        Side::Const(Const::Null) => return "NULL::jsonb".to_owned(),
        Side::Const(Const::Text(text)) => return format!("to_jsonb({})", bind.text(text)),
        Side::Const(constant) => {
            let number = constant.number().unwrap_or_default();
            return format!("to_jsonb({})", bind.float(number));
        }
        Side::Value(value) => value,
    };
    match other {
        Side::Value(other)
            if other.is_numeric()
                && other.affinity == Affinity::Numeric
                && value.ty == Type::Any =>
        {
            format!("hangar_fn.to_numeric({})", value.scalar())
        }
        Side::Value(other) if other.affinity == Affinity::Text && value.ty == Type::Any => {
            match &value.any_text {
                Some(_) => value.sql.clone(),
                None => format!("to_jsonb(hangar_fn.any_column_text({}))", value.sql),
            }
        }
        _ => value.scalar(),
    }
}

fn equal(
    negated: bool,
    left: Side<'_>,
    right: Side<'_>,
    exact: bool,
    bind: &mut Binder<'_>,
) -> String {
    if let (Side::Const(constant), Side::Value(SqlValue { filled: true, .. })) = (left, right)
        && constant.is_empty()
    {
        return truth(Some(negated), exact);
    }
    let unmerged = unmerged(negated, nulls(left), nulls(right));
    let strict = nulls(left) == Nulls::Own || nulls(right) == Nulls::Own;
    let (a, b, empty) = match (text(left, bind), text(right, bind)) {
        (Some(a), Some(b)) if !strict => (a, b, "''"),
        _ => (
            scalar(left, right, bind),
            scalar(right, left, bind),
            "'\"\"'::jsonb",
        ),
    };
    let or_empty = |sql: &str, side: Side<'_>| {
        if nullable(side) {
            format!("coalesce({sql}, {empty})")
        } else {
            sql.to_owned()
        }
    };
    if let Some(operator) = unmerged {
        // To nothing, what a request does not have is the empty text, as to a constant.
        let known = |sql: String, side: Side<'_>| match side {
            Side::Value(value) if value.ty != Type::Any || !value.nulls.merged() => sql,
            _ if strict => sql,
            _ => or_empty(&sql, side),
        };
        return format!("{} {operator} {}", known(a, left), known(b, right));
    }
    if negated {
        return format!("{} <> {}", or_empty(&a, left), or_empty(&b, right));
    }
    let filled = matches!(right, Side::Value(value) if value.filled);
    // No empty value equals a filled one, and NULL is as good as FALSE; below NOT it is what a constant would give.
    let column = matches!(left, Side::Value(value) if value.ty != Type::Any);
    if filled && (column || !exact) {
        return format!("{a} = {b}");
    }
    let merged = format!("{} = {}", or_empty(&a, left), or_empty(&b, right));
    if exact && column && nullable(left) {
        let right = or_empty(&b, right);
        return format!("CASE WHEN {right} = {empty} THEN {merged} ELSE {a} = {b} END");
    }
    merged
}

fn order(
    comparison: Comparison,
    left: Side<'_>,
    right: Side<'_>,
    exact: bool,
    bind: &mut Binder<'_>,
) -> String {
    if matches!(left, Side::Const(Const::Null)) || matches!(right, Side::Const(Const::Null)) {
        return truth(None, exact);
    }
    let operator = sign(comparison);
    if let (Some(a), Some(b)) = (text(left, bind), text(right, bind)) {
        return format!("({a}) COLLATE \"C\" {operator} {b}");
    }
    format!(
        "hangar_fn.compare({}, {}) {operator} 0",
        scalar(left, right, bind),
        scalar(right, left, bind)
    )
}

fn like(
    negated: bool,
    left: Side<'_>,
    right: Side<'_>,
    exact: bool,
    bind: &mut Binder<'_>,
) -> String {
    let operator = if negated { "NOT LIKE" } else { "LIKE" };
    let subject = match left {
        Side::Const(Const::Null) => return truth(None, exact),
        Side::Const(constant) => {
            let text = bind.text(&constant.as_text().to_ascii_lowercase());
            format!("{text} COLLATE \"C\"")
        }
        Side::Value(value) => format!("lower({} COLLATE \"C\")", value.as_text()),
    };
    let pattern = match right {
        Side::Const(Const::Null) => return truth(None, exact),
        Side::Const(constant) => {
            let pattern = like_pattern(&constant.pattern_text()).to_ascii_lowercase();
            if dangling_escape(&pattern) {
                // Matches nothing, as in SQLite.
                return format!("{subject} {operator} {}", bind.text("\u{ffff}"));
            }
            bind.text(&pattern)
        }
        Side::Value(value) if value.ty == Type::Any => {
            let text = match &value.any_text {
                Some(text) => text.clone(),
                None => format!("hangar_fn.any_pattern({})", value.sql),
            };
            format!("hangar_fn.like_pattern(lower({text} COLLATE \"C\"))")
        }
        Side::Value(value) => {
            format!("lower(('%' || {} || '%') COLLATE \"C\")", value.as_text())
        }
    };
    format!("{subject} {operator} {pattern}")
}
