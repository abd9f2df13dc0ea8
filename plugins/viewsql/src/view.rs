//! The outermost query: its columns become fields.

use hangar_model::sql::{ROWID, ident};
use sqlparser::ast::{Expr, Query};

use crate::scope::Column;
use crate::sets::limit;
use crate::translate::{Arm, Body, Natural, Translator};
use crate::value::{Ty, Value};
use crate::{Error, Inferred, View, ViewColumn, names};

impl Translator<'_> {
    /// Translates the query of a view.
    pub(crate) fn view(mut self, query: &Query) -> Result<View, Error> {
        let query = unwrapped(query);
        if let sqlparser::ast::SetExpr::Select(select) = &*query.body {
            refuse_wildcards(&select.projection)?;
        }
        let with = self.with(query.with.as_ref())?;
        let body = self.body(&query.body, query.order_by.as_ref())?;
        let tail = limit(query.limit_clause.as_ref())?;
        let plain_id = match &body {
            Body::One(arm) => arm
                .outputs
                .iter()
                .any(|output| output.name == "id" && output.origin.is_some()),
            Body::Set { .. } => false,
        };
        let (sql, columns) = match body {
            Body::One(arm) if !arm.distinct => self.direct(&with, &arm, &tail)?,
            Body::One(arm) => {
                let inferred = self.inferred(&arm)?;
                let inner = format!("{with}{}{}{tail}", arm.select(None), arm.ordered());
                wrapped(&inner, &arm.columns(), inferred)
            }
            Body::Set { sql, columns } => {
                let inferred = columns.iter().map(|column| match column.name.as_str() {
                    "id" => Inferred::Id,
                    _ => Inferred::Json,
                });
                let inferred = inferred.collect();
                wrapped(&format!("{with}{sql}{tail}"), &columns, inferred)
            }
        };
        Ok(View {
            sql,
            columns,
            sources: self.sources,
            plain_id,
        })
    }

    /// A select whose columns are converted where they stand, so that conditions reach the tables below.
    fn direct(
        &self,
        with: &str,
        arm: &Arm,
        tail: &str,
    ) -> Result<(String, Vec<ViewColumn>), Error> {
        let inferred = self.inferred(arm)?;
        let mut items = vec![format!("{} AS {}", row_order(arm), ident(ROWID))];
        let mut columns = Vec::new();
        for (output, field) in arm.outputs.iter().zip(inferred) {
            items.push(format!(
                "{} AS {}",
                shown(&output.value, &field),
                ident(&output.name)
            ));
            columns.push(ViewColumn {
                name: output.name.clone(),
                field,
            });
        }
        let order = if tail.is_empty() {
            String::new()
        } else {
            arm.ordered()
        };
        let sql = format!("{with}SELECT {}{}{order}{tail}", items.join(", "), arm.tail);
        Ok((sql, columns))
    }

    /// The fields of the columns.
    fn inferred(&self, arm: &Arm) -> Result<Vec<Inferred>, Error> {
        arm.outputs
            .iter()
            .map(|output| {
                if output.name == "id" {
                    return Ok(Inferred::Id);
                }
                if let Some((collection, field)) = &output.origin {
                    return Ok(match field.as_str() {
                        "id" => Inferred::Relation(collection.clone()),
                        _ => Inferred::Clone(collection.clone(), field.clone()),
                    });
                }
                Ok(output.expr.as_ref().map_or(Inferred::Json, by_expression))
            })
            .collect()
    }
}

/// PocketBase knows the type of these expressions.
fn by_expression(expr: &Expr) -> Inferred {
    let mut first = expr;
    while let Expr::BinaryOp { left, .. } = first {
        first = left;
    }
    if let Expr::Function(function) = first {
        match names::last(&function.name).to_ascii_lowercase().as_str() {
            "count" => return Inferred::Number { only_int: true },
            "total" => return Inferred::Number { only_int: false },
            _ => {}
        }
    }
    let Expr::Cast { data_type, .. } = expr else {
        return Inferred::Json;
    };
    match names::data_type(data_type).to_ascii_lowercase().as_str() {
        "int" | "integer" => Inferred::Number { only_int: true },
        "real" | "decimal" | "numeric" => Inferred::Number { only_int: false },
        "text" => Inferred::Text,
        "bool" | "boolean" => Inferred::Bool,
        _ => Inferred::Json,
    }
}

/// A value as the column of its field.
fn shown(value: &Value, field: &Inferred) -> String {
    match field {
        Inferred::Id | Inferred::Text => format!("({}) COLLATE \"C\"", value.text()),
        Inferred::Relation(_) | Inferred::Clone(..) => match value.ty {
            Ty::Text => format!("({}) COLLATE \"C\"", value.sql),
            _ => value.sql.clone(),
        },
        Inferred::Number { .. } => value.number(),
        // As PocketBase reads a text: only 1 is true.
        Inferred::Bool => match value.ty {
            Ty::Bool => value.sql.clone(),
            _ => format!("({} = 1)", value.number()),
        },
        Inferred::Date | Inferred::Json => value.shown(),
    }
}

/// The hidden column that the records of the view are listed by when nothing else is asked for.
fn row_order(arm: &Arm) -> String {
    if !arm.order.is_empty() {
        return format!("row_number() OVER (ORDER BY {})", arm.order.join(", "));
    }
    let Natural { rows, keys, window } = &arm.natural;
    if let Some(window) = window {
        return format!("row_number() OVER (ORDER BY {window})");
    }
    match (keys.as_deref(), rows) {
        (Some([]), _) => "1".to_owned(),
        (Some([(key, _)]), _) => key.clone(),
        (Some(keys), _) => {
            let order: Vec<String> = keys
                .iter()
                .map(|(key, _)| format!("{key} ASC NULLS FIRST"))
                .collect();
            format!("row_number() OVER (ORDER BY {})", order.join(", "))
        }
        (None, None) => "row_number() OVER ()".to_owned(),
        (None, Some(row)) => row.clone(),
    }
}

/// A query that must stay as it is, with another one around it that converts its columns.
fn wrapped(inner: &str, columns: &[Column], inferred: Vec<Inferred>) -> (String, Vec<ViewColumn>) {
    let mut items = vec![format!("row_number() OVER () AS {}", ident(ROWID))];
    let mut shown_columns = Vec::new();
    for (column, field) in columns.iter().zip(inferred) {
        let value = Value::new(format!("inside.{}", column.sql), column.ty);
        items.push(format!("{} AS {}", shown(&value, &field), column.sql));
        shown_columns.push(ViewColumn {
            name: column.name.clone(),
            field,
        });
    }
    let sql = format!("SELECT {} FROM ({inner}) AS inside", items.join(", "));
    (sql, shown_columns)
}

/// Without parentheses around the whole.
fn unwrapped(query: &Query) -> &Query {
    match &*query.body {
        sqlparser::ast::SetExpr::Query(inner)
            if query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none() =>
        {
            unwrapped(inner)
        }
        _ => query,
    }
}

fn refuse_wildcards(projection: &[sqlparser::ast::SelectItem]) -> Result<(), Error> {
    use sqlparser::ast::SelectItem;
    let wildcard = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
        )
    };
    if projection.iter().any(wildcard) {
        return Err(Error::new(
            "wildcard columns (*) are not supported - manually type the collection field names you want the view query to have",
        ));
    }
    Ok(())
}
