//! The statements that bring a collection's table from one definition to another.
//!
//! `sync` and `drop` give statements to be run in order within one transaction. All names are quoted; nothing comes
//! from a client unparsed.

use crate::collection::{Collection, ID_PATTERN};
use crate::error::{FieldError, ValidationErrors};
use crate::field::Field;
use crate::index::Index;
use crate::options::FieldOptions;
use crate::sql::{ROWID, SCHEMA, column_type, ident, literal, table};

/// One statement of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The SQL, without a semicolon.
    pub sql: String,
    /// Which entry of `indexes` it creates, so that a failure can be reported there (see [`index_failure`]).
    pub index: Option<usize>,
    /// It gives a column another type, which PostgreSQL refuses while a view reads the column.
    pub retypes: bool,
}

impl Statement {
    fn new(sql: String) -> Self {
        Self {
            sql,
            index: None,
            retypes: false,
        }
    }
}

/// Statements from `old` (`None`: no table yet) to `new`. Of a view it gives none: its query is
/// translated elsewhere.
///
/// Fails with an `indexes` tree if a definition cannot be translated.
pub fn sync(
    old: Option<&Collection>,
    new: &Collection,
) -> Result<Vec<Statement>, ValidationErrors> {
    if new.is_view() {
        return Ok(Vec::new());
    }
    let wanted = index_statements(new)?;
    let mut out = Vec::new();
    let Some(old) = old else {
        out.push(create_table(new));
        out.extend(ids_index(None, new));
        // Of several violated indexes PostgreSQL names the oldest, SQLite the youngest.
        out.extend(wanted.into_iter().rev());
        return Ok(out);
    };
    // Compared under the new table name, so that a mere rename keeps its indexes.
    let mut renamed = old.clone();
    renamed.name.clone_from(&new.name);
    // An index goes with its column, and follows it to another name: what is called so now is another column.
    let moved = |field: &Field| {
        let mut fields = new.fields.iter();
        fields.any(|other| other.id != field.id && other.name.eq_ignore_ascii_case(&field.name))
    };
    let made_anew = old
        .fields
        .iter()
        .any(|field| moved(field) || converts(field, new));
    let kept = |text: &str, all: &[String]| !made_anew && all.iter().any(|other| other == text);
    let wanted_sql: Vec<String> = wanted
        .iter()
        .map(|statement| statement.sql.clone())
        .collect();
    let mut present = Vec::new();
    for text in &old.indexes {
        let Some(index) = Index::parse(text) else {
            continue;
        };
        let sql = index.to_postgres(&renamed).unwrap_or_default();
        if kept(&sql, &wanted_sql) {
            present.push(sql);
        } else {
            out.push(Statement::new(format!(
                "DROP INDEX IF EXISTS {SCHEMA}.{}",
                ident(&index.name)
            )));
        }
    }
    if old.name != new.name {
        out.push(Statement::new(format!(
            "ALTER TABLE {} RENAME TO {}",
            table(&old.name),
            ident(&new.name)
        )));
    }
    columns(old, new, &mut out);
    out.extend(ids_index(Some(old), new));
    out.extend(
        wanted
            .into_iter()
            .filter(|statement| !kept(&statement.sql, &present)),
    );
    Ok(out)
}

/// Statements that remove a collection's table or view.
pub fn drop(collection: &Collection) -> Vec<Statement> {
    let kind = if collection.is_view() {
        "VIEW"
    } else {
        "TABLE"
    };
    vec![Statement::new(format!(
        "DROP {kind} IF EXISTS {}",
        table(&collection.name)
    ))]
}

/// The error tree for a `CREATE INDEX` that PostgreSQL refused.
pub fn index_failure(collection: &Collection, at: usize, message: &str) -> ValidationErrors {
    let name = collection
        .indexes
        .get(at)
        .and_then(|text| Index::parse(text))
        .map(|index| index.name);
    let mut inner = ValidationErrors::new();
    inner.add(&at.to_string(), failed(&name.unwrap_or_default(), message));
    let mut errors = ValidationErrors::new();
    errors.nest("indexes", inner);
    errors
}

fn failed(name: &str, message: &str) -> FieldError {
    FieldError::new(
        "validation_invalid_index_expression",
        format!("Failed to create index {name} - {message}"),
    )
}

fn index_statements(collection: &Collection) -> Result<Vec<Statement>, ValidationErrors> {
    let mut statements = Vec::new();
    let mut inner = ValidationErrors::new();
    for (at, text) in collection.indexes.iter().enumerate() {
        let Some(index) = Index::parse(text) else {
            let error = FieldError::new(
                "validation_invalid_index_expression",
                "Invalid CREATE INDEX expression.",
            );
            inner.add(&at.to_string(), error);
            continue;
        };
        match index.to_postgres(collection) {
            Ok(sql) => {
                let trigrams = if index.needs_trigrams() {
                    "CREATE EXTENSION IF NOT EXISTS pg_trgm; "
                } else {
                    ""
                };
                statements.push(Statement {
                    sql: format!("{trigrams}{sql}"),
                    index: Some(at),
                    retypes: false,
                });
            }
            Err(message) => inner.add(&at.to_string(), failed(&index.name, &message)),
        }
    }
    let mut errors = ValidationErrors::new();
    errors.nest("indexes", inner);
    errors.into_result().map(|()| statements)
}

/// Ids that may differ in case only are refused. To find such a one takes an index, unless the pattern of ids has one
/// case: then the primary key will do.
fn ids_index(old: Option<&Collection>, new: &Collection) -> Option<Statement> {
    let name = ident(&format!("hangar:ids:{}", new.id));
    match (old.is_some_and(custom_ids), custom_ids(new)) {
        (false, true) => Some(Statement::new(format!(
            "CREATE INDEX {name} ON {} (lower(\"id\"))",
            table(&new.name)
        ))),
        (true, false) => Some(Statement::new(format!(
            "DROP INDEX IF EXISTS {SCHEMA}.{name}"
        ))),
        _ => None,
    }
}

fn custom_ids(collection: &Collection) -> bool {
    let mut fields = collection.fields.iter();
    fields.any(|field| match &field.options {
        FieldOptions::Text(options) => options.primary_key && options.pattern != ID_PATTERN,
        _ => false,
    })
}

fn create_table(collection: &Collection) -> Statement {
    let mut columns = vec![format!(
        "{} bigint GENERATED ALWAYS AS IDENTITY UNIQUE",
        ident(ROWID)
    )];
    for field in &collection.fields {
        columns.push(definition(field));
    }
    Statement::new(format!(
        "CREATE TABLE {} ({})",
        table(&collection.name),
        columns.join(", ")
    ))
}

fn definition(field: &Field) -> String {
    if field.is_primary_key() {
        format!(
            "{} text COLLATE \"C\" PRIMARY KEY NOT NULL",
            ident(&field.name)
        )
    } else {
        format!("{} {}", ident(&field.name), column_type(field))
    }
}

/// Whether the field stays but its column changes between text and array.
pub fn converts(old: &Field, new: &Collection) -> bool {
    new.field_by_id(&old.id)
        .is_some_and(|field| field.is_multiple() != old.is_multiple() && field.kind() == old.kind())
}

fn columns(old: &Collection, new: &Collection, out: &mut Vec<Statement>) {
    let name = table(&new.name);
    let mut alter = |action: String| {
        out.push(Statement {
            retypes: action.starts_with("ALTER COLUMN"),
            ..Statement::new(format!("ALTER TABLE {name} {action}"))
        });
    };
    for field in &old.fields {
        if new.field_by_id(&field.id).is_none() {
            alter(format!("DROP COLUMN IF EXISTS {}", ident(&field.name)));
        }
    }
    // In two steps, so that fields can swap names.
    let renames: Vec<(&Field, &Field)> = old
        .fields
        .iter()
        .filter_map(|field| Some((field, new.field_by_id(&field.id)?)))
        .filter(|(from, to)| from.name != to.name)
        .collect();
    for (at, (from, _)) in renames.iter().enumerate() {
        alter(format!(
            "RENAME COLUMN {} TO {}",
            ident(&from.name),
            temporary(at)
        ));
    }
    for (at, (_, to)) in renames.iter().enumerate() {
        alter(format!(
            "RENAME COLUMN {} TO {}",
            temporary(at),
            ident(&to.name)
        ));
    }
    for field in &new.fields {
        match old.field_by_id(&field.id) {
            None => alter(format!("ADD COLUMN {}", definition(field))),
            Some(before) if converts(before, new) => convert(field, &mut alter),
            Some(_) => {}
        }
    }
}

/// No field can have this name: a colon is not allowed in one.
fn temporary(at: usize) -> String {
    ident(&format!("hangar:rename:{at}"))
}

fn convert(field: &Field, alter: &mut impl FnMut(String)) {
    let column = ident(&field.name);
    alter(format!("ALTER COLUMN {column} DROP DEFAULT"));
    if field.is_multiple() {
        alter(format!(
            "ALTER COLUMN {column} TYPE jsonb \
             USING CASE WHEN {column} = '' THEN '[]'::jsonb ELSE jsonb_build_array({column}) END"
        ));
        alter(format!(
            "ALTER COLUMN {column} SET DEFAULT {}::jsonb",
            literal("[]")
        ));
    } else {
        alter(format!(
            "ALTER COLUMN {column} TYPE text COLLATE \"C\" USING COALESCE({column} ->> -1, '')"
        ));
        alter(format!("ALTER COLUMN {column} SET DEFAULT ''"));
    }
}
