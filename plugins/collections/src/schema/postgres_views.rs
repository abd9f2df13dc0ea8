//! View queries in PostgreSQL's own dialect: taken as they are, and described by the database.

use hangar_failure::{Failure, Outcome};
use hangar_model::sql::{ROWID, ident, literal};
use hangar_sdk::postgres;
use hangar_viewsql::{Inferred, View, ViewColumn};

use crate::catalog::Catalog;
use crate::records::write;
use crate::schema::permitted;

/// Name of the view that the database describes; it is gone before anybody sees it.
const PROBE: &str = "hangar:probe";

/// The view of such a query; nothing if PostgreSQL does not take it.
///
/// # Errors
/// What the database says, apart from what it says of the query.
pub fn read(catalog: &Catalog, query: &str) -> Outcome<Option<View>> {
    let query = query.trim().trim_end_matches(';');
    if permitted::tokens(query).is_err() {
        return Ok(None);
    }
    let described = write::transaction(|| describe(query));
    let (columns, tables) = match described {
        // The transaction ended with this answer, so that the probe is gone.
        Err(Failure::Host(error)) if error.code == DONE => {
            serde_json::from_str::<(Vec<(String, String)>, Vec<String>)>(&error.data)?
        }
        Err(Failure::Host(error)) if error.sqlstate().is_some() => return Ok(None),
        Err(failure) => return Err(failure),
        Ok(()) => return Ok(None),
    };
    let mut items = vec![format!("row_number() OVER () AS {}", ident(ROWID))];
    let mut shown = Vec::new();
    for (name, kind) in columns {
        let column = format!("inside.{}", quoted(&name));
        let (sql, field) = if name == "id" {
            (format!("({column})::text COLLATE \"C\""), Inferred::Id)
        } else {
            convert(&column, &kind)
        };
        items.push(format!("{sql} AS {}", quoted(&name)));
        shown.push(ViewColumn { name, field });
    }
    let sources = tables
        .into_iter()
        .filter_map(|name| {
            let entry = catalog
                .all()
                .iter()
                .find(|entry| hangar_model::sql::physical(&entry.name) == name)?;
            Some((entry.name.clone(), entry.id.clone()))
        })
        .collect();
    Ok(Some(View {
        sql: format!("SELECT {} FROM ({query}\n) AS inside", items.join(", ")),
        columns: shown,
        sources,
        plain_id: false,
    }))
}

/// Code of the error that carries the description out of the transaction.
const DONE: &str = "described";

/// Names and types of a view's columns in their order. `name` is an SQL literal.
///
/// # Errors
/// What the database says.
pub fn columns(name: &str) -> hangar_sdk::Result<postgres::Rows> {
    let sql = format!(
        "SELECT attname::text, atttypid::regtype::text FROM pg_attribute \
         WHERE attrelid = {name}::regclass AND attnum > 0 ORDER BY attnum"
    );
    postgres::query(sql, vec![])
}

fn describe(query: &str) -> Outcome<()> {
    let probe = ident(PROBE);
    // One prepared statement is one statement, and a view takes nothing but a query.
    postgres::query(format!("CREATE TEMPORARY VIEW {probe} AS {query}"), vec![])?;
    let name = literal(&format!("pg_temp.{probe}"));
    let columns = columns(&name)?;
    let tables = postgres::query(
        format!(
            "SELECT DISTINCT c.relname::text FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid \
             JOIN pg_class AS c ON c.oid = d.refobjid \
             WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass \
             AND r.ev_class = {name}::regclass AND c.oid <> r.ev_class ORDER BY 1"
        ),
        vec![],
    )?;
    let tables: Vec<_> = tables.rows.into_iter().flatten().collect();
    Err(Failure::Host(hangar_sdk::Error {
        code: DONE.to_owned(),
        message: String::new(),
        status: 0,
        data: serde_json::to_string(&(columns.rows, tables))?,
    }))
}

/// A column as one of its field.
fn convert(column: &str, kind: &str) -> (String, Inferred) {
    match kind {
        "boolean" => (column.to_owned(), Inferred::Bool),
        "smallint" | "integer" | "bigint" => (
            format!("({column})::float8"),
            Inferred::Number { only_int: true },
        ),
        "real" | "double precision" | "numeric" => (
            format!("({column})::float8"),
            Inferred::Number { only_int: false },
        ),
        "timestamp with time zone" => (format!("({column})::timestamptz(3)"), Inferred::Date),
        "timestamp without time zone" | "date" => (
            format!("(({column})::timestamp AT TIME ZONE 'UTC')::timestamptz(3)"),
            Inferred::Date,
        ),
        "jsonb" => (column.to_owned(), Inferred::Json),
        "json" => (format!("({column})::jsonb"), Inferred::Json),
        kind if kind.ends_with("[]") => (format!("to_jsonb({column})"), Inferred::Json),
        _ => (format!("({column})::text COLLATE \"C\""), Inferred::Text),
    }
}

/// A name of a column as the database has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
