//! FROM: tables, sub-selects, `json_each`, and how they are joined.

use hangar_model::sql::{ident, table};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, JoinConstraint, JoinOperator, ObjectName, TableAlias,
    TableFactor, TableWithJoins,
};

use crate::scope::{Column, Source, alias_of};
use crate::translate::Translator;
use crate::value::{Affinity, Ty};
use crate::{Error, names};

impl Translator<'_> {
    /// Translates FROM into the innermost scope; gives the text behind the keyword.
    pub(crate) fn from(&mut self, items: &[TableWithJoins]) -> Result<String, Error> {
        let mut sql = String::new();
        for item in items {
            let first = self.factor(&item.relation)?;
            // A comma binds less than JOIN in PostgreSQL, but not in SQLite.
            if !sql.is_empty() {
                sql.push_str(" CROSS JOIN ");
            }
            sql.push_str(&first);
            for join in &item.joins {
                self.join(&mut sql, &join.relation, &join.join_operator)?;
            }
        }
        Ok(sql)
    }

    fn join(
        &mut self,
        sql: &mut String,
        relation: &TableFactor,
        operator: &JoinOperator,
    ) -> Result<(), Error> {
        let before = self.scope().sources.len();
        let (kind, constraint) = match operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::CrossJoin(constraint) => ("JOIN", constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                ("LEFT JOIN", constraint)
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                ("RIGHT JOIN", constraint)
            }
            JoinOperator::FullOuter(constraint) => ("FULL JOIN", constraint),
            _ => return Err(Error::unsupported("this kind of join")),
        };
        let right = self.factor(relation)?;
        let sources = &mut self.scope_mut().sources;
        for (at, source) in sources.iter_mut().enumerate() {
            source.optional |= match kind {
                "LEFT JOIN" => at >= before,
                "RIGHT JOIN" => at < before,
                "FULL JOIN" => true,
                _ => false,
            };
        }
        let condition = match constraint {
            JoinConstraint::On(condition) => self.expr(condition)?.boolean(),
            JoinConstraint::None => "true".to_owned(),
            JoinConstraint::Using(columns) => self.using(columns, before)?,
            _ => return Err(Error::unsupported("NATURAL JOIN")),
        };
        sql.push_str(&format!(" {kind} {right} ON {condition}"));
        Ok(())
    }

    /// `USING (a, b)`; the right side's columns become hidden, so that the name means the left one.
    fn using(&mut self, columns: &[ObjectName], before: usize) -> Result<String, Error> {
        let mut conditions = Vec::new();
        for column in columns {
            let name = names::last(column);
            let find = |sources: &[Source]| {
                sources.iter().find_map(|source| {
                    let column = source
                        .columns
                        .iter()
                        .find(|column| column.name.eq_ignore_ascii_case(&name))?;
                    Some(source.value(column))
                })
            };
            let scope = self.scope();
            let (left, right) = scope.sources.split_at(before);
            let (Some(left), Some(right)) = (find(left), find(right)) else {
                return Err(Error::syntax(&format!(
                    "cannot join using column {name} - column not present in both tables"
                )));
            };
            conditions.push(crate::compare::compare("=", &left, &right));
            for source in &mut self.scope_mut().sources[before..] {
                for column in &mut source.columns {
                    column.hidden |= column.name.eq_ignore_ascii_case(&name);
                }
            }
        }
        Ok(conditions.join(" AND "))
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<String, Error> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: Some(args),
                ..
            } => self.function(name, &args.args, alias.as_ref()),
            TableFactor::Function {
                name, args, alias, ..
            } => self.function(name, args, alias.as_ref()),
            TableFactor::Table { name, alias, .. } => self.named(name, alias.as_ref()),
            TableFactor::Derived {
                subquery, alias, ..
            } => {
                let query = self.query(subquery)?;
                let alias = self.alias(alias.as_ref(), "");
                let mut columns = query.columns;
                rename(&mut columns, &alias)?;
                let names = column_list(&columns);
                let sql = format!("({}) AS {}({names})", query.sql, ident(&alias.name));
                self.push(alias.name, columns, None, None);
                Ok(sql)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => {
                let inner = self.from(std::slice::from_ref(&**table_with_joins))?;
                Ok(format!("({inner})"))
            }
            _ => Err(Error::unsupported("this part of FROM")),
        }
    }

    fn named(&mut self, name: &ObjectName, alias: Option<&TableAlias>) -> Result<String, Error> {
        let name = names::last(name);
        let alias = self.alias(alias, &name);
        if let Some(columns) = self.cte(&name) {
            let mut columns = columns.to_vec();
            rename(&mut columns, &alias)?;
            let list = column_list(&columns);
            let sql = format!(
                "{} AS {}({list})",
                ident(&names::cte(&name)),
                ident(&alias.name)
            );
            self.push(alias.name, columns, None, None);
            return Ok(sql);
        }
        let collection = self
            .tables
            .table(&name)
            .ok_or_else(|| Error::no_table(&name))?;
        self.used(&name, &collection.id);
        let sql = format!("{} AS {}", table(&collection.name), ident(&alias.name));
        let source = Source::collection(collection, &alias.name, self.tables);
        self.scope_mut().sources.push(source);
        Ok(sql)
    }

    /// `json_each(document [, path])`.
    fn function(
        &mut self,
        name: &ObjectName,
        args: &[FunctionArg],
        alias: Option<&TableAlias>,
    ) -> Result<String, Error> {
        let name = names::last(name).to_ascii_lowercase();
        if name != "json_each" {
            return Err(Error::unsupported(&format!("the table {name}(…)")));
        }
        let args: Vec<&Expr> = args
            .iter()
            .map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
                _ => Err(Error::unsupported("this argument of json_each")),
            })
            .collect::<Result<_, _>>()?;
        let (document, path) = match args.as_slice() {
            [document] => (self.expr(document)?.document(), None),
            [document, path] => {
                let path = names::json_path(path)?;
                let document = self.expr(document)?.document();
                (format!("({document} #> {})", path.sql), Some(path.text))
            }
            _ => {
                return Err(Error::syntax(
                    "wrong number of arguments to function json_each()",
                ));
            }
        };
        let alias = self.alias(alias, &name);
        let root = hangar_model::sql::literal(path.as_deref().unwrap_or("$"));
        let column = |name: &str, ty: Ty| Column {
            name: name.to_owned(),
            sql: ident(name),
            ty,
            affinity: Affinity::None,
            hidden: false,
            field: None,
        };
        let mut columns = vec![
            column("key", Ty::Scalar),
            column("value", Ty::Scalar),
            column("type", Ty::Text),
            column("atom", Ty::Scalar),
            column("id", Ty::Int),
            column("fullkey", Ty::Text),
            column("path", Ty::Text),
        ];
        columns[4].hidden = true;
        let sql = format!(
            "LATERAL hangar_fn.json_each({document}, {root}) AS {}({})",
            ident(&alias.name),
            column_list(&columns)
        );
        self.push(alias.name, columns, None, Some(ident("id")));
        Ok(sql)
    }

    fn alias(&mut self, alias: Option<&TableAlias>, name: &str) -> Alias {
        match alias {
            Some(alias) => Alias {
                name: alias_of(&alias.name.value),
                columns: alias
                    .columns
                    .iter()
                    .map(|column| column.name.value.clone())
                    .collect(),
            },
            None if name.is_empty() => {
                self.unnamed += 1;
                Alias {
                    name: format!("hangar:{}", self.unnamed),
                    columns: Vec::new(),
                }
            }
            None => Alias {
                name: alias_of(name),
                columns: Vec::new(),
            },
        }
    }

    fn push(
        &mut self,
        alias: String,
        columns: Vec<Column>,
        collection: Option<String>,
        order: Option<String>,
    ) {
        self.scope_mut().sources.push(Source {
            alias,
            columns,
            collection,
            order,
            optional: false,
            converted: Vec::new(),
        });
    }
}

struct Alias {
    name: String,
    columns: Vec<String>,
}

/// Gives columns the names listed behind an alias, if any are.
fn rename(columns: &mut [Column], alias: &Alias) -> Result<(), Error> {
    if alias.columns.is_empty() {
        return Ok(());
    }
    if alias.columns.len() != columns.len() {
        return Err(Error::syntax(&format!(
            "table {} has {} values for {} columns",
            alias.name,
            columns.len(),
            alias.columns.len()
        )));
    }
    for (column, name) in columns.iter_mut().zip(&alias.columns) {
        column.name.clone_from(name);
        column.sql = ident(name);
    }
    Ok(())
}

fn column_list(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
    names.join(", ")
}
