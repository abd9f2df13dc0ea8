//! Functions.

use hangar_model::sql::literal;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArguments,
    WindowFrameBound, WindowType,
};

use crate::arithmetic::number_type;
use crate::compare::compare;
use crate::translate::{Translator, direction};
use crate::value::{Ty, Value, unify};
use crate::{Error, names};

/// Functions for windows only.
const WINDOWS: [&str; 11] = [
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
];

impl Translator<'_> {
    /// A call of any function.
    pub(crate) fn call(&mut self, function: &Function) -> Result<Value, Error> {
        let name = names::last(&function.name).to_ascii_lowercase();
        let args = names::arguments(function)?;
        if names::is_aggregate(function) || function.over.is_some() {
            return self.aggregate(function, &name, &args);
        }
        self.simple(&name, &args)
    }

    fn aggregate(
        &mut self,
        function: &Function,
        name: &str,
        args: &[&Expr],
    ) -> Result<Value, Error> {
        // Arguments of an aggregate are columns before grouping, those of a window function are after it.
        let within = self.scope().in_aggregate;
        let grouped = function.over.is_none();
        self.scope_mut().in_aggregate |= grouped;
        let result = self.aggregate_call(function, name, args);
        self.scope_mut().in_aggregate = within;
        let mut value = result?;
        if let Some(over) = &function.over {
            let window = self.window(over)?;
            value.sql = value.sql.replace(OVER, &window);
        }
        Ok(value)
    }

    fn aggregate_call(
        &mut self,
        function: &Function,
        name: &str,
        args: &[&Expr],
    ) -> Result<Value, Error> {
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(arg)?);
        }
        let (distinct, mut order) = match &function.args {
            FunctionArguments::List(list) => {
                let mut order = Vec::new();
                for clause in &list.clauses {
                    let FunctionArgumentClause::OrderBy(items) = clause else {
                        return Err(Error::unsupported(&format!("this clause of {name}()")));
                    };
                    for item in items {
                        let keys = self.expr(&item.expr)?.keys();
                        order.extend(keys.into_iter().map(|key| key + direction(item)));
                    }
                }
                let distinct =
                    matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
                (distinct, order)
            }
            _ => (false, Vec::new()),
        };
        if order.is_empty() && !distinct && function.over.is_none() {
            order = self.scope().row_order();
        }
        let order = match order.as_slice() {
            [] => String::new(),
            order => format!(" ORDER BY {}", order.join(", ")),
        };
        let filter = match &function.filter {
            Some(filter) => format!(" FILTER (WHERE {})", self.expr(filter)?.boolean()),
            None => String::new(),
        };
        let tail = if function.over.is_some() {
            format!("{filter}{OVER}")
        } else {
            filter
        };
        let distinct = if distinct { "DISTINCT " } else { "" };
        let wrong = || Error::syntax(&format!("wrong number of arguments to function {name}()"));
        let first = values.first();
        let value = match name {
            "count" => {
                let what = match first {
                    None => "*".to_owned(),
                    Some(value) => format!("{distinct}{}", value.to(value.ty)),
                };
                // NULL is no text, and an empty date is one.
                let what = match first.map(|value| value.ty) {
                    Some(Ty::Null) => "NULL::text".to_owned(),
                    Some(Ty::Date) => {
                        format!("{distinct}{}", first.map(Value::text).unwrap_or_default())
                    }
                    _ => what,
                };
                Value::new(format!("count({what}){tail}"), Ty::Int)
            }
            "sum" | "avg" | "total" => {
                let value = first.ok_or_else(wrong)?;
                let call = |name: &str| format!("{name}({distinct}{}){tail}", value.number());
                match name {
                    "avg" => Value::new(call("avg"), Ty::Real),
                    "sum" => Value::new(call("sum"), number_type(value)),
                    _ => Value::new(format!("coalesce({}, 0)", call("sum")), Ty::Real),
                }
            }
            "min" | "max" => {
                let value = first.ok_or_else(wrong)?;
                match value.ty {
                    Ty::Int | Ty::Num | Ty::Real => {
                        Value::new(format!("{name}({}){tail}", value.sql), value.ty)
                    }
                    Ty::Bool => Value::new(format!("{name}(({})::int){tail}", value.sql), Ty::Int),
                    Ty::Scalar => {
                        let keys: Vec<String> = value
                            .keys()
                            .into_iter()
                            .map(|key| {
                                key + if name == "min" { " ASC" } else { " DESC" } + " NULLS LAST"
                            })
                            .collect();
                        let sql = format!(
                            "(array_agg({} ORDER BY {}){tail})[1]",
                            value.sql,
                            keys.join(", ")
                        );
                        Value::new(sql, Ty::Scalar)
                    }
                    _ => Value::new(
                        format!("{name}(({}) COLLATE \"C\"){tail}", value.text()),
                        Ty::Text,
                    ),
                }
            }
            "group_concat" | "string_agg" => {
                let value = first.ok_or_else(wrong)?;
                let separator = match values.get(1) {
                    Some(separator) => separator.text(),
                    None => "','".to_owned(),
                };
                let sql = format!(
                    "string_agg({distinct}{}, {separator}{order}){tail}",
                    value.text()
                );
                Value::new(sql, Ty::Text)
            }
            "json_group_array" => {
                let value = first.ok_or_else(wrong)?;
                let sql = format!(
                    "coalesce(jsonb_agg({distinct}{}{order}){tail}, '[]'::jsonb)",
                    value.element()
                );
                Value::json(sql)
            }
            "json_group_object" => {
                let [key, value] = values.as_slice() else {
                    return Err(wrong());
                };
                let sql = format!(
                    "coalesce(jsonb_object_agg({}, {}{order}){tail}, '{{}}'::jsonb)",
                    key.text(),
                    value.element()
                );
                Value::json(sql)
            }
            _ if WINDOWS.contains(&name) => window_function(name, &values, &tail)?,
            _ => return Err(Error::no_function(name)),
        };
        Ok(value)
    }

    fn window(&mut self, over: &WindowType) -> Result<String, Error> {
        let WindowType::WindowSpec(spec) = over else {
            return Err(Error::unsupported("a named window"));
        };
        if spec.window_name.is_some() {
            return Err(Error::unsupported("a named window"));
        }
        let mut parts = Vec::new();
        let mut partition = Vec::new();
        for expr in &spec.partition_by {
            partition.extend(self.expr(expr)?.keys());
        }
        if !partition.is_empty() {
            parts.push(format!("PARTITION BY {}", partition.join(", ")));
        }
        let mut order = Vec::new();
        for item in &spec.order_by {
            let keys = self.expr(&item.expr)?.keys();
            order.extend(keys.into_iter().map(|key| key + direction(item)));
        }
        let sorted: Vec<String> = partition.iter().chain(&order).cloned().collect();
        if !sorted.is_empty() {
            self.scope_mut().windows.push(sorted.join(", "));
        }
        if order.is_empty() {
            order = match &self.scope().grouping {
                Some(grouping) => {
                    let keys = grouping.keys.iter().flat_map(|(_, key)| key.keys());
                    keys.map(|key| key + " ASC NULLS FIRST").collect()
                }
                // SQLite counts rows in the order in which they are stored. Other functions see the whole window.
                None => self.scope().row_order(),
            };
            if !order.is_empty() && spec.window_frame.is_none() {
                parts.push(format!(
                    "ORDER BY {} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
                    order.join(", ")
                ));
                order.clear();
            }
        }
        if !order.is_empty() {
            parts.push(format!("ORDER BY {}", order.join(", ")));
        }
        if let Some(frame) = &spec.window_frame {
            let end = match &frame.end_bound {
                Some(end) => format!("BETWEEN {} AND {}", bound(&frame.start_bound)?, bound(end)?),
                None => bound(&frame.start_bound)?,
            };
            parts.push(format!("{} {end}", frame.units));
        }
        Ok(format!(" OVER ({})", parts.join(" ")))
    }

    /// A function of one row.
    pub(crate) fn simple(&mut self, name: &str, args: &[&Expr]) -> Result<Value, Error> {
        if matches!(
            name,
            "json_extract" | "json_type" | "json_array_length" | "json_remove"
        ) && args.len() > 1
        {
            return self.json_paths(name, args);
        }
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(arg)?);
        }
        crate::scalars::translate(name, &values)?.ok_or_else(|| Error::no_function(name))
    }

    fn json_paths(&mut self, name: &str, args: &[&Expr]) -> Result<Value, Error> {
        let document = self.expr(args[0])?.document();
        let mut found = Vec::new();
        for path in &args[1..] {
            found.push(format!("({document} #> {})", names::json_path(path)?.sql));
        }
        Ok(match (name, found.as_slice()) {
            ("json_extract", [one]) => {
                let value = Value::new(format!("hangar_fn.json_scalar({one})"), Ty::Scalar);
                Value {
                    made_json: true,
                    ..value
                }
            }
            ("json_extract", many) => {
                Value::json(format!("jsonb_build_array({})", many.join(", ")))
            }
            ("json_type", [one]) => Value::new(format!("hangar_fn.json_type({one})"), Ty::Text),
            ("json_array_length", [one]) => {
                Value::new(format!("hangar_fn.json_array_length({one})"), Ty::Int)
            }
            ("json_remove", _) => {
                let mut sql = document;
                for path in &args[1..] {
                    sql = format!("({sql} #- {})", names::json_path(path)?.sql);
                }
                Value::json(sql)
            }
            _ => return Err(Error::no_function(name)),
        })
    }
}

/// One end of a window's frame.
fn bound(bound: &WindowFrameBound) -> Result<String, Error> {
    let rows = |count: &Option<Box<Expr>>, word: &str| match count {
        None => Ok(format!("UNBOUNDED {word}")),
        Some(count) => names::number(count)
            .map(|count| format!("{count} {word}"))
            .ok_or_else(|| Error::unsupported("a frame that is no number")),
    };
    match bound {
        WindowFrameBound::CurrentRow => Ok("CURRENT ROW".to_owned()),
        WindowFrameBound::Preceding(count) => rows(count, "PRECEDING"),
        WindowFrameBound::Following(count) => rows(count, "FOLLOWING"),
    }
}

/// Stands for the OVER clause until the arguments have been translated.
const OVER: &str = " /*over*/";

fn window_function(name: &str, values: &[Value], tail: &str) -> Result<Value, Error> {
    let first = values.first();
    match name {
        "row_number" | "rank" | "dense_rank" => Ok(Value::new(format!("{name}(){tail}"), Ty::Int)),
        "percent_rank" | "cume_dist" => Ok(Value::new(format!("{name}(){tail}"), Ty::Real)),
        "ntile" => {
            let buckets = first.map(Value::number).unwrap_or_default();
            Ok(Value::new(
                format!("ntile(({buckets})::int){tail}"),
                Ty::Int,
            ))
        }
        _ => {
            let value = first.ok_or_else(|| {
                Error::syntax(&format!("wrong number of arguments to function {name}()"))
            })?;
            let ty = match name {
                "lag" | "lead" => unify(std::iter::once(value).chain(values.get(2))),
                _ => value.ty,
            };
            let mut args = vec![value.to(ty)];
            if let Some(offset) = values.get(1) {
                args.push(format!("({})::int", offset.number()));
            }
            if let Some(default) = values.get(2) {
                args.push(default.to(ty));
            }
            Ok(Value::new(format!("{name}({}){tail}", args.join(", ")), ty))
        }
    }
}

/// `coalesce` and its kin: the first value that is not NULL.
pub(crate) fn first_of(values: &[Value]) -> Value {
    let ty = unify(values);
    let parts: Vec<String> = values
        .iter()
        .map(|value| match value.ty {
            // An empty date is not NULL.
            Ty::Date if ty == Ty::Date => value.sql.clone(),
            _ => value.to(ty),
        })
        .collect();
    Value::new(format!("coalesce({})", parts.join(", ")), ty)
}

/// The least or greatest of several values; NULL if one is.
pub(crate) fn extreme(name: &str, values: &[Value]) -> Value {
    let ty = unify(values);
    let (function, sign) = if name == "min" {
        ("least", "<=")
    } else {
        ("greatest", ">=")
    };
    if matches!(ty, Ty::Scalar) {
        let mut best = values[0].clone();
        for value in &values[1..] {
            let (a, b) = (best.scalar(), value.scalar());
            let a_value = Value::new(a.clone(), Ty::Scalar);
            let b_value = Value::new(b.clone(), Ty::Scalar);
            let sql = format!(
                "(CASE WHEN {} THEN {a} WHEN {b} IS NOT NULL AND {a} IS NOT NULL THEN {b} END)",
                compare(sign, &a_value, &b_value)
            );
            best = Value::new(sql, Ty::Scalar);
        }
        return best;
    }
    let ty = if matches!(ty, Ty::Date | Ty::Json | Ty::Point) {
        Ty::Text
    } else {
        ty
    };
    let ty = if ty == Ty::Bool { Ty::Int } else { ty };
    let parts: Vec<String> = values.iter().map(|value| value.to(ty)).collect();
    let nulls: Vec<String> = parts
        .iter()
        .map(|part| format!("{part} IS NOT NULL"))
        .collect();
    Value::new(
        format!(
            "(CASE WHEN {} THEN {function}({}) END)",
            nulls.join(" AND "),
            parts.join(", ")
        ),
        ty,
    )
}

/// `strftime` and its kin.
pub(crate) fn time(format: &str, values: &[Value]) -> String {
    let value = match values.first() {
        Some(value) => value.text(),
        None => literal("now"),
    };
    let modifiers: Vec<String> = values.iter().skip(1).map(Value::text).collect();
    format!(
        "hangar_fn.strftime({format}, {value}, ARRAY[{}]::text[])",
        modifiers.join(", ")
    )
}
