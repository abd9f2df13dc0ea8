//! Comparisons: SQLite's typing rules decided while compiling, PostgreSQL operators as the result.
//!
//! Two renderings exist. In a WHERE list NULL and FALSE mean the same, so the plain form may turn one into the other
//! and stay friendly to indexes. Below NOT (the "every joined row" half of multi-valued comparisons) they differ, and
//! the exact form keeps PocketBase's NULLs.

use std::collections::HashMap;

use crate::date;
use crate::dynamic;
use crate::lexer::Comparison;
use crate::operand::{Affinity, Nulls, SqlValue, Type};
use crate::params::Params;
use crate::value::{Const, Value, constants, dangling_escape, like_pattern, numeric};

/// Collects parameters; the same value of one comparison is bound once for both its halves.
pub(crate) struct Binder<'a> {
    params: &'a mut Params,
    seen: HashMap<String, String>,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(params: &'a mut Params) -> Self {
        Binder {
            params,
            seen: HashMap::new(),
        }
    }

    fn bind(&mut self, value: Value, cast: &str) -> String {
        let key = format!("{cast}{value:?}");
        if let Some(sql) = self.seen.get(&key) {
            return sql.clone();
        }
        let sql = self.params.bind(value, cast);
        self.seen.insert(key, sql.clone());
        sql
    }

    pub(crate) fn text(&mut self, text: &str) -> String {
        self.bind(Value::Text(text.to_owned()), "::text")
    }

    pub(crate) fn float(&mut self, number: f64) -> String {
        self.bind(Value::Float(number), "::float8")
    }

    fn date(&mut self, text: String) -> String {
        self.bind(Value::Text(text), "::text::timestamptz")
    }
}

/// A side of a comparison: known now or computed by SQL.
#[derive(Clone, Copy)]
pub(crate) enum Side<'s> {
    Const(&'s Const),
    Value(&'s SqlValue),
}

const FALSE: &str = "FALSE";
const TRUE: &str = "TRUE";

/// SQL of one comparison. `exact` asks for PocketBase's three truth values.
pub(crate) fn compare(
    comparison: Comparison,
    left: Side<'_>,
    right: Side<'_>,
    exact: bool,
    bind: &mut Binder<'_>,
) -> String {
    use Comparison::{Eq, Ge, Gt, Le, Like, Lt, Ne, NotLike};
    if let Some(sql) = dynamic::compare(comparison, left, right, exact, bind) {
        return sql;
    }
    let mut comparer = Comparer { exact, bind };
    match (comparison, left, right) {
        (_, Side::Const(a), Side::Const(b)) => truth(constants(comparison, a, b), exact),
        (Like | NotLike, _, _) => comparer.like(comparison == NotLike, left, right),
        (Eq | Ne, Side::Value(a), Side::Value(b)) => comparer.equal_values(comparison == Ne, a, b),
        (Eq | Ne, Side::Value(a), Side::Const(b)) | (Eq | Ne, Side::Const(b), Side::Value(a)) => {
            comparer.equal_const(comparison == Ne, a, b)
        }
        (Gt | Ge | Lt | Le, Side::Value(a), Side::Value(b)) => {
            comparer.order_values(comparison, a, b)
        }
        (Gt | Ge | Lt | Le, Side::Value(a), Side::Const(b)) => {
            comparer.order_const(comparison, a, b)
        }
        (Gt | Ge | Lt | Le, Side::Const(a), Side::Value(b)) => {
            comparer.order_const(flip(comparison), b, a)
        }
    }
}

fn flip(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        other => other,
    }
}

pub(crate) fn truth(value: Option<bool>, exact: bool) -> String {
    match value {
        Some(true) => TRUE,
        None if exact => "NULL::boolean",
        Some(false) | None => FALSE,
    }
    .to_owned()
}

struct Comparer<'b, 'p> {
    exact: bool,
    bind: &'b mut Binder<'p>,
}

impl Comparer<'_, '_> {
    /// `value`, but NULL where the operand is NULL.
    fn constant(&self, value: bool, a: &SqlValue) -> String {
        if !a.nullable {
            return truth(Some(value), self.exact);
        }
        let probe = a.as_text();
        match (value, self.exact) {
            (true, true) => format!("{probe} = {probe}"),
            (false, true) => format!("{probe} <> {probe}"),
            (true, false) => format!("{probe} IS NOT NULL"),
            (false, false) => FALSE.to_owned(),
        }
    }

    /// Equality with a constant. `negated` is NULL-safe, as PocketBase emits IS NOT.
    fn equal_const(&mut self, negated: bool, a: &SqlValue, b: &Const) -> String {
        if b.is_empty() && a.nulls.merged() {
            return self.empty(negated, a);
        }
        let b = match a.nulls {
            Nulls::Nothing if b.is_empty() => &Const::Text(String::new()),
            _ => b,
        };
        let two_valued = negated || a.nulls == Nulls::Own;
        let never = |this: &Self| {
            if two_valued {
                truth(Some(negated), true)
            } else {
                this.constant(false, a)
            }
        };
        let operator = if !two_valued || !(a.nullable && (negated || self.exact)) {
            if negated { "<>" } else { "=" }
        } else if negated {
            "IS DISTINCT FROM"
        } else {
            "IS NOT DISTINCT FROM"
        };
        match (a.ty, b) {
            (Type::Json | Type::Any, _) => self.equal_json(negated, a, b),
            (_, Const::Null) => format!("{} IS {}NULL", a.sql, if negated { "NOT " } else { "" }),
            (Type::Text | Type::List | Type::Point, Const::Text(text)) => {
                format!("{} {operator} {}", a.as_text(), self.bind.text(text))
            }
            (Type::Text, _) if a.affinity == Affinity::Text => {
                format!("{} {operator} {}", a.sql, self.bind.text(&b.as_text()))
            }
            (Type::Text | Type::List | Type::Point, _) => never(self),
            (Type::Number | Type::Bool, _) => {
                let number = number_for(a, b);
                match number {
                    Some(number) if a.ty == Type::Number => {
                        format!("{} {operator} {}", a.sql, self.bind.float(number))
                    }
                    Some(number) if number == 0.0 || number == 1.0 => {
                        let value = self.bind.bind(Value::Bool(number == 1.0), "::bool");
                        format!("{} {operator} {value}", a.sql)
                    }
                    _ => never(self),
                }
            }
            (Type::Date, _) => {
                let bounds = date::bounds(&b.as_text());
                // No date equals `infinity`, so a literal that is no date text keeps the same SQL.
                let target = if bounds.exact {
                    bounds.at_least
                } else {
                    "infinity".to_owned()
                };
                let value = self.bind.date(target);
                match (negated, self.exact) {
                    (true, _) => format!("{} IS DISTINCT FROM {value}", a.sql),
                    (false, false) => format!("{} = {value}", a.sql),
                    (false, true) => format!("{} = {value}", a.date_or_lowest()),
                }
            }
        }
    }

    /// `= ''` and `= null`, which are the same: empty text or NULL.
    fn empty(&self, negated: bool, a: &SqlValue) -> String {
        let is_null = |sql: &str| format!("{sql} IS {}NULL", if negated { "NOT " } else { "" });
        match a.ty {
            Type::Text => match (a.nullable, negated) {
                (false, false) => format!("{} = ''", a.sql),
                (false, true) => format!("{} <> ''", a.sql),
                (true, false) => format!("({0} = '' OR {0} IS NULL)", a.sql),
                (true, true) => format!("({0} <> '' AND {0} IS NOT NULL)", a.sql),
            },
            Type::Date => is_null(&a.sql),
            _ if a.nullable => is_null(&a.sql),
            _ => truth(Some(negated), self.exact),
        }
    }

    fn equal_json(&mut self, negated: bool, a: &SqlValue, b: &Const) -> String {
        let operator = match (negated, self.exact) {
            (true, _) => "IS DISTINCT FROM",
            (false, true) => "IS NOT DISTINCT FROM",
            (false, false) => "=",
        };
        match b {
            Const::Null => format!(
                "coalesce({}, 'null') {} 'null'",
                a.sql,
                if negated { "<>" } else { "=" }
            ),
            // The JSON text of a list or object also equals a text; only such texts need the slower form.
            Const::Text(text) if text.starts_with(['[', '{']) => {
                format!(
                    "{} {operator} to_jsonb({})",
                    a.scalar(),
                    self.bind.text(text)
                )
            }
            Const::Text(text) => format!("{} {operator} to_jsonb({})", a.sql, self.bind.text(text)),
            Const::Number(_) | Const::Int(_) | Const::Bool(_) => {
                let number = b.number().unwrap_or_default();
                // A JSON true or false counts as 1 or 0.
                let subject = if number == 0.0 || number == 1.0 {
                    a.scalar()
                } else {
                    a.sql.clone()
                };
                format!("{subject} {operator} to_jsonb({})", self.bind.float(number))
            }
        }
    }

    /// Equality of two computed values: both read as '' when NULL, unless one has a NULL of its own.
    fn equal_values(&mut self, negated: bool, a: &SqlValue, b: &SqlValue) -> String {
        if let Some(operator) = unmerged(negated, a.nulls, b.nulls) {
            let (left, right) = converted(a, b);
            return format!("{left} {operator} {right}");
        }
        if a.ty == Type::Json || b.ty == Type::Json {
            let (left, right) = converted(a, b);
            let operator = if negated { "<>" } else { "=" };
            return format!("coalesce({left}, '\"\"') {operator} coalesce({right}, '\"\"')");
        }
        let nullable = a.nullable || b.nullable || (a.ty == Type::Date && b.ty == Type::Date);
        let operator = match (nullable, negated) {
            (false, false) => "=",
            (false, true) => "<>",
            (true, false) => "IS NOT DISTINCT FROM",
            (true, true) => "IS DISTINCT FROM",
        };
        if a.is_numeric() != b.is_numeric() {
            let (number, other) = if a.is_numeric() { (a, b) } else { (b, a) };
            if !number.nullable {
                return truth(Some(negated), true);
            }
            let both = format!(
                "({} IS NULL AND coalesce({}, '') = '')",
                number.sql,
                other.as_text()
            );
            return if negated { format!("NOT {both}") } else { both };
        }
        if a.ty == b.ty && matches!(a.ty, Type::Number | Type::Bool | Type::Date) {
            return format!("{} {operator} {}", a.sql, b.sql);
        }
        if a.is_numeric() {
            return format!("{} {operator} {}", a.as_number(), b.as_number());
        }
        // An id equals no empty text, so NULL need not become one.
        let filled = [a, b].iter().any(|value| value.filled && !value.nullable);
        if filled && !self.exact {
            let operator = if negated { "IS DISTINCT FROM" } else { "=" };
            return format!("{} {operator} {}", a.as_text(), b.as_text());
        }
        let side = |value: &SqlValue| {
            if value.nullable {
                format!("coalesce({}, '')", value.as_text())
            } else {
                value.as_text()
            }
        };
        format!(
            "{} {} {}",
            side(a),
            if negated { "<>" } else { "=" },
            side(b)
        )
    }

    fn order_const(&mut self, comparison: Comparison, a: &SqlValue, b: &Const) -> String {
        use Comparison::{Gt, Le, Lt};
        let operator = sign(comparison);
        let above = matches!(comparison, Comparison::Gt | Comparison::Ge);
        if *b == Const::Null {
            return truth(None, self.exact);
        }
        match (a.ty, b) {
            // Numbers sort below texts.
            (Type::Text | Type::List | Type::Point, _) => {
                if b.number().is_some() && a.affinity != Affinity::Text {
                    return self.constant(above, a);
                }
                format!(
                    "{} COLLATE \"C\" {operator} {}",
                    a.as_text(),
                    self.bind.text(&b.as_text())
                )
            }
            (Type::Number | Type::Bool, _) => {
                let number = number_for(a, b);
                match number {
                    Some(number) => {
                        format!("{} {operator} {}", a.as_number(), self.bind.float(number))
                    }
                    None => self.constant(!above, a),
                }
            }
            // The clock in a policy is a text without a column.
            (Type::Date, _) if b.number().is_some() && a.affinity != Affinity::Text => {
                self.constant(above, a)
            }
            (Type::Date, _) => {
                let bounds = date::bounds(&b.as_text());
                let target = if matches!(comparison, Gt | Le) {
                    bounds.above
                } else {
                    bounds.at_least
                };
                let value = self.bind.date(target);
                if !above {
                    // The empty date is below every other, but not below itself.
                    let least = comparison == Lt && b.is_empty();
                    let plain = !self.exact && a.row.is_none() && !least;
                    return if plain {
                        format!("({0} < {value} OR {0} IS NULL)", a.sql)
                    } else {
                        format!("{} < {value}", a.date_or_lowest())
                    };
                }
                if self.exact || b.is_empty() {
                    format!("{} >= {value}", a.date_or_lowest())
                } else {
                    format!("{} >= {value}", a.sql)
                }
            }
            (Type::Json | Type::Any, _) => {
                let constant = match b.number() {
                    Some(number) => self.bind.float(number),
                    None => self.bind.text(&b.as_text()),
                };
                let result = format!("hangar_fn.compare({}, to_jsonb({constant}))", a.scalar());
                format!(
                    "{result} {} 0",
                    if comparison == Lt { "<" } else { operator }
                )
            }
        }
    }

    fn order_values(&mut self, comparison: Comparison, a: &SqlValue, b: &SqlValue) -> String {
        let operator = sign(comparison);
        let textual = |value: &SqlValue| matches!(value.ty, Type::Text | Type::Date);
        if a.is_numeric() && b.is_numeric() {
            return format!("{} {operator} {}", a.as_number(), b.as_number());
        }
        if a.ty == Type::Date && b.ty == Type::Date {
            return format!("{} {operator} {}", a.date_or_lowest(), b.date_or_lowest());
        }
        if textual(a) && textual(b) {
            return format!("{} COLLATE \"C\" {operator} {}", a.as_text(), b.as_text());
        }
        let (left, right) = converted(a, b);
        format!("hangar_fn.compare({left}, {right}) {operator} 0")
    }

    /// `~` and `!~`. Only A–Z fold, which `lower` under the "C" collation does too; a trigram index on
    /// `lower(column COLLATE "C")` can serve it.
    fn like(&mut self, negated: bool, left: Side<'_>, right: Side<'_>) -> String {
        let operator = if negated { "NOT LIKE" } else { "LIKE" };
        let subject = match left {
            Side::Value(value) => format!("lower({} COLLATE \"C\")", value.as_text()),
            Side::Const(Const::Null) => return truth(None, self.exact),
            Side::Const(constant) => format!(
                "{} COLLATE \"C\"",
                self.bind.text(&constant.as_text().to_ascii_lowercase())
            ),
        };
        match right {
            Side::Const(Const::Null) => truth(None, self.exact),
            Side::Const(constant) => {
                let pattern = like_pattern(&constant.pattern_text()).to_ascii_lowercase();
                if dangling_escape(&pattern) {
                    return match left {
                        Side::Value(value) => self.constant(negated, value),
                        Side::Const(_) => truth(Some(negated), self.exact),
                    };
                }
                format!("{subject} {operator} {}", self.bind.text(&pattern))
            }
            Side::Value(value) => format!(
                "{subject} {operator} lower(('%' || {} || '%') COLLATE \"C\")",
                value.as_text()
            ),
        }
    }
}

/// The operator between values that do not read as '' when NULL.
pub(crate) fn unmerged(negated: bool, a: Nulls, b: Nulls) -> Option<&'static str> {
    match (negated, a, b) {
        _ if a.merged() && b.merged() => None,
        (true, _, _) => Some("IS DISTINCT FROM"),
        (_, Nulls::Own, _) | (_, _, Nulls::Own) => Some("IS NOT DISTINCT FROM"),
        _ => Some("="),
    }
}

/// Both values as jsonb scalars after SQLite's affinity conversions. Texts need none and stay texts.
fn converted(a: &SqlValue, b: &SqlValue) -> (String, String) {
    if a.ty == Type::Text && b.ty == Type::Text {
        return (a.sql.clone(), b.sql.clone());
    }
    let toward = |value: &SqlValue, other: &SqlValue| {
        let scalar = value.scalar();
        match (other.affinity, value.affinity) {
            (Affinity::Numeric, Affinity::Text | Affinity::None) if !value.is_numeric() => {
                format!("hangar_fn.to_numeric({scalar})")
            }
            (Affinity::Text, Affinity::None) if value.ty != Type::Text => {
                format!("to_jsonb({scalar} #>> '{{}}')")
            }
            _ => scalar,
        }
    };
    (toward(a, b), toward(b, a))
}

pub(crate) fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
        Comparison::Lt => "<",
        _ => "<=",
    }
}

/// The number a constant counts as against a number or bool, under its affinity.
fn number_for(a: &SqlValue, b: &Const) -> Option<f64> {
    match b {
        Const::Text(text) if a.affinity == Affinity::Numeric => numeric(text),
        other => other.number(),
    }
}
