//! Small readings of the syntax tree: names, JSON paths, the parts of an expression.

use hangar_model::sql::literal;
use sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget,
    ObjectName, ObjectNamePart, UnaryOperator, Value as Constant,
};

use crate::Error;

/// The last part of a name: `posts` of `main.posts`.
pub(crate) fn last(name: &ObjectName) -> String {
    match name.0.last() {
        Some(ObjectNamePart::Identifier(ident)) => ident.value.clone(),
        _ => String::new(),
    }
}

/// The name under which a CTE stands in the translation: in lower case, since it is found in any case, and apart from
/// tables.
pub(crate) fn cte(name: &str) -> String {
    format!("with:{}", name.to_lowercase())
}

/// A path into JSON.
pub(crate) struct Path {
    /// As an array of text.
    pub sql: String,
    /// As SQLite writes it.
    pub text: String,
}

/// Reads a path literal: `$.a."b"[0]`; for the operators also a key or an index.
pub(crate) fn json_path(expr: &Expr) -> Result<Path, Error> {
    let (text, steps) = match strip(expr) {
        Expr::Value(value) => match &value.value {
            Constant::SingleQuotedString(text) if text.starts_with('$') => {
                (text.clone(), steps(text)?)
            }
            Constant::SingleQuotedString(text) | Constant::DoubleQuotedString(text) => {
                (format!("$.{text}"), vec![text.clone()])
            }
            Constant::Number(number, _) => (format!("$[{number}]"), vec![number.clone()]),
            _ => return Err(Error::unsupported("this JSON path")),
        },
        Expr::Identifier(name) if name.quote_style == Some('"') && name.value.starts_with('$') => {
            (name.value.clone(), steps(&name.value)?)
        }
        Expr::UnaryOp { expr, .. } => match strip(expr) {
            Expr::Value(value) => (format!("$[#-{value}]"), vec![format!("-{value}")]),
            _ => return Err(Error::unsupported("a JSON path that is computed")),
        },
        _ => return Err(Error::unsupported("a JSON path that is computed")),
    };
    let list: Vec<String> = steps.iter().map(|step| literal(step)).collect();
    Ok(Path {
        sql: format!("ARRAY[{}]::text[]", list.join(", ")),
        text,
    })
}

fn steps(text: &str) -> Result<Vec<String>, Error> {
    let bad = || Error::syntax(&format!("bad JSON path: '{text}'"));
    let mut steps = Vec::new();
    let mut rest = text.strip_prefix('$').ok_or_else(bad)?;
    let mut chars = rest.chars();
    while let Some(first) = chars.next() {
        let inner = chars.as_str();
        match first {
            '.' if inner.starts_with('"') => {
                let end = inner[1..].find('"').ok_or_else(bad)?;
                steps.push(inner[1..=end].to_owned());
                rest = &inner[end + 2..];
            }
            '.' => {
                let end = inner.find(['.', '[']).unwrap_or(inner.len());
                if end == 0 {
                    return Err(bad());
                }
                steps.push(inner[..end].to_owned());
                rest = &inner[end..];
            }
            '[' => {
                let end = inner.find(']').ok_or_else(bad)?;
                let index = inner[..end].trim();
                let index = index.strip_prefix('#').unwrap_or(index);
                if index.parse::<i32>().is_err() {
                    return Err(bad());
                }
                steps.push(index.to_owned());
                rest = &inner[end + 1..];
            }
            _ => return Err(bad()),
        }
        chars = rest.chars();
    }
    Ok(steps)
}

/// A whole number, possibly with a sign.
pub(crate) fn number(expr: &Expr) -> Option<i64> {
    match strip(expr) {
        Expr::Value(value) => match &value.value {
            Constant::Number(number, _) => number.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => number(expr).map(|number| -number),
        _ => None,
    }
}

/// The name of a type as written.
pub(crate) fn data_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Custom(name, _) => last(name),
        _ => String::new(),
    }
}

/// What SQLite calls a column without a name: its text, of which simple ones are put together here.
pub(crate) fn text(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            let parts: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
            parts.join(".")
        }
        Expr::Value(value) => value.value.to_string(),
        Expr::Nested(inner) => format!("({})", text(inner)),
        Expr::Function(function) => {
            let args: Vec<String> = match arguments(function) {
                Ok(args) if args.is_empty() && is_aggregate(function) => vec!["*".to_owned()],
                Ok(args) => args.into_iter().map(text).collect(),
                Err(_) => Vec::new(),
            };
            format!("{}({})", last(&function.name), args.join(", "))
        }
        _ => "an expression".to_owned(),
    }
}

/// Without parentheses around it.
pub(crate) fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => strip(inner),
        other => other,
    }
}

/// The plain arguments of a call; `*` is left out.
pub(crate) fn arguments(function: &Function) -> Result<Vec<&Expr>, Error> {
    let FunctionArguments::List(list) = &function.args else {
        return Ok(Vec::new());
    };
    list.args
        .iter()
        .filter(|arg| !matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)))
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
            _ => Err(Error::unsupported("a named argument")),
        })
        .collect()
}

/// Whether the call groups rows: one of the aggregates without OVER.
pub(crate) fn is_aggregate(function: &Function) -> bool {
    if function.over.is_some() {
        return false;
    }
    match last(&function.name).to_ascii_lowercase().as_str() {
        "count" | "sum" | "total" | "avg" | "group_concat" | "string_agg" | "json_group_array"
        | "json_group_object" => true,
        "min" | "max" => arguments(function).is_ok_and(|args| args.len() == 1),
        _ => false,
    }
}

/// Calls `visit` for the expression and all within it, but not those of sub-selects.
pub(crate) fn walk<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    visit(expr);
    match expr {
        Expr::Nested(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. }
        | Expr::Collate { expr: inner, .. } => walk(inner, visit),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            walk(left, visit);
            walk(right, visit);
        }
        Expr::BinaryOp { left, right, .. } => {
            walk(left, visit);
            walk(right, visit);
        }
        Expr::Between {
            expr, low, high, ..
        } => {
            for part in [expr, low, high] {
                walk(part, visit);
            }
        }
        Expr::Like { expr, pattern, .. } => {
            walk(expr, visit);
            walk(pattern, visit);
        }
        Expr::In { expr, target, .. } => {
            walk(expr, visit);
            if let InTarget::List(list) = target {
                list.iter().for_each(|item| walk(item, visit));
            }
        }
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            for part in [operand, else_result].into_iter().flatten() {
                walk(part, visit);
            }
            for case in conditions {
                walk(&case.condition, visit);
                walk(&case.result, visit);
            }
        }
        Expr::Substring {
            expr,
            substring_from,
            substring_for,
            ..
        } => {
            walk(expr, visit);
            for part in [substring_from, substring_for].into_iter().flatten() {
                walk(part, visit);
            }
        }
        Expr::Trim { expr, .. } => walk(expr, visit),
        Expr::Tuple(items) => items.iter().for_each(|item| walk(item, visit)),
        Expr::Function(function) => {
            for arg in arguments(function).unwrap_or_default() {
                walk(arg, visit);
            }
        }
        _ => {}
    }
}
