//! The columns of a select.

use sqlparser::ast::{Expr, SelectItem, SelectItemQualifiedWildcardKind, Value as Constant};

use crate::translate::{Output, Translator};
use crate::value::Value;
use crate::{Error, names};

impl Translator<'_> {
    pub(crate) fn outputs(&mut self, projection: &[SelectItem]) -> Result<Vec<Output>, Error> {
        let mut outputs: Vec<Output> = Vec::new();
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = match expr {
                        Expr::Identifier(name) => name.value.clone(),
                        Expr::CompoundIdentifier(parts) => parts
                            .last()
                            .map(|part| part.value.clone())
                            .unwrap_or_default(),
                        other => names::text(other),
                    };
                    outputs.push(self.output(name, expr)?);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    outputs.push(self.output(alias.value.clone(), expr)?);
                }
                SelectItem::Wildcard(_) => self.star(None, &mut outputs)?,
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => self.star(Some(&names::last(name)), &mut outputs)?,
                _ => return Err(Error::unsupported("this kind of column")),
            }
        }
        for at in 0..outputs.len() {
            let taken = outputs[..at]
                .iter()
                .filter(|other| other.name == outputs[at].name)
                .count();
            if taken > 0 {
                outputs[at].name = format!("{}:{taken}", outputs[at].name);
            }
        }
        Ok(outputs)
    }

    fn output(&mut self, name: String, expr: &Expr) -> Result<Output, Error> {
        let value = self.expr(expr)?;
        let origin = self.origin(expr);
        Ok(Output {
            name,
            expr: Some(expr.clone()),
            value,
            origin,
        })
    }

    /// The collection's field that a plain column name means.
    fn origin(&self, expr: &Expr) -> Option<(String, String)> {
        let (table, name) = match expr {
            Expr::Identifier(name) => (None, &name.value),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, name] => (Some(table.value.as_str()), &name.value),
                _ => return None,
            },
            _ => return None,
        };
        let found = crate::scope::resolve(&self.scopes, table, name).ok()??;
        if found.level + 1 != self.scopes.len() {
            return None;
        }
        Some((
            found.source.collection.clone()?,
            found.column.field.clone()?,
        ))
    }

    fn star(&mut self, table: Option<&str>, outputs: &mut Vec<Output>) -> Result<(), Error> {
        let mut found = Vec::new();
        for source in &self.scope().sources {
            if table.is_some_and(|table| !source.alias.eq_ignore_ascii_case(table)) {
                continue;
            }
            for column in source.columns.iter().filter(|column| !column.hidden) {
                found.push((source.alias.clone(), column.name.clone()));
            }
        }
        if let (true, Some(table)) = (found.is_empty(), table) {
            return Err(Error::syntax(&format!("no such table: {table}")));
        }
        for (table, name) in found {
            let resolved = crate::scope::resolve(&self.scopes, Some(&table), &name)?;
            let value = resolved.ok_or_else(|| Error::no_column(&name))?.value;
            outputs.push(Output {
                name,
                expr: None,
                value,
                origin: None,
            });
        }
        Ok(())
    }

    pub(crate) fn order_value(&mut self, expr: &Expr, outputs: &[Output]) -> Result<Value, Error> {
        match names::strip(expr) {
            Expr::Value(value) => {
                if let Constant::Number(number, _) = &value.value
                    && let Ok(at) = number.parse::<usize>()
                {
                    let output = at.checked_sub(1).and_then(|at| outputs.get(at));
                    return output.map(|output| output.value.clone()).ok_or_else(|| {
                        Error::syntax(&format!(
                            "{at}th ORDER BY term out of range - should be between 1 and {}",
                            outputs.len()
                        ))
                    });
                }
            }
            Expr::Identifier(name) => {
                let output = outputs
                    .iter()
                    .find(|output| output.name.eq_ignore_ascii_case(&name.value));
                if let Some(output) = output {
                    return Ok(output.value.clone());
                }
            }
            _ => {}
        }
        self.expr(expr)
    }
}
