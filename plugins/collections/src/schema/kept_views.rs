//! Views whose queries name what is gone: they go on as the database knows them, also over a column that gets another
//! type.

use hangar_failure::Outcome;
use hangar_model::Collection;
use hangar_model::sql::{literal, table};
use hangar_sdk::{Result, postgres};

use crate::schema::{postgres_views, views};

/// A view that is taken away for a moment.
pub struct Held<'a> {
    view: &'a Collection,
    /// What PostgreSQL makes of it, under the names that columns have by now.
    sql: String,
    /// Names and types of its columns.
    columns: Vec<(String, String)>,
}

/// Takes views away, the last first.
///
/// # Errors
/// What the database says.
pub fn take(kept: &[Collection]) -> Outcome<Vec<Held<'_>>> {
    let mut held = Vec::new();
    for view in kept.iter().rev() {
        let name = literal(&table(&view.name));
        let found = postgres::query(format!("SELECT pg_get_viewdef({name}::regclass)"), vec![])?;
        let sql = found.rows.first().and_then(|row| row.first()?.as_str());
        held.push(Held {
            view,
            sql: sql.unwrap_or_default().trim_end_matches(';').to_owned(),
            columns: columns(view)?,
        });
        views::drop(view)?;
    }
    held.reverse();
    Ok(held)
}

/// Puts views back. What they are described to have stays so: a column of another type is given in the old one.
///
/// # Errors
/// What the database says.
pub fn put_back(held: &[Held<'_>]) -> Outcome<()> {
    for Held {
        view,
        sql,
        columns: before,
    } in held
    {
        views::create(view, sql)?;
        let now = columns(view)?;
        if now == *before {
            continue;
        }
        let items: Vec<String> = before
            .iter()
            .zip(&now)
            .map(|((name, old), (_, new))| {
                let column = quoted(name);
                format!("{} AS {column}", as_before(&column, old, new))
            })
            .collect();
        views::drop(view)?;
        views::create(
            view,
            &format!("SELECT {} FROM ({sql}) AS kept", items.join(", ")),
        )?;
    }
    Ok(())
}

/// A value that was a text and is a list, or the other way round, as it was; missing where a join gives none. It is written
/// for columns of either type: the view may be put back again when the column has become what it was.
fn as_before(column: &str, old: &str, new: &str) -> String {
    let value = format!("to_jsonb({column})");
    match (old, new) {
        ("text", "jsonb") => format!(
            "(CASE jsonb_typeof({value}) WHEN 'array' THEN coalesce({value} ->> -1, '') \
             ELSE {value} #>> '{{}}' END) COLLATE \"C\""
        ),
        ("jsonb", "text") => format!(
            "CASE WHEN jsonb_typeof({value}) = 'array' THEN {value} \
             WHEN {value} = '\"\"'::jsonb THEN '[]'::jsonb \
             WHEN {column} IS NOT NULL THEN jsonb_build_array({value}) END"
        ),
        _ => column.to_owned(),
    }
}

fn columns(view: &Collection) -> Result<Vec<(String, String)>> {
    let found = postgres_views::columns(&literal(&table(&view.name)))?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = found.rows.iter();
    Ok(rows
        .filter_map(|row| Some((text(row.first()?), text(row.get(1)?))))
        .collect())
}

/// A name of a column as the database has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
