//! View collections: from a query to a PostgreSQL view and the fields of its columns.

use hangar_failure::{Failure, Outcome};
use hangar_model::ids::field_id;
use hangar_model::options::{JsonOptions, NumberOptions, RelationOptions, TextOptions};
use hangar_model::sql::table;
use hangar_model::{Collection, Field, FieldOptions, FieldType, Random};
use hangar_sdk::{log, postgres};
use hangar_viewsql::{Error, Inferred, Moved, Tables, View};

use crate::catalog::Catalog;
use crate::random::HostRandom;
use crate::records::write;
use crate::schema::postgres_views;

/// Rows looked at to see whether ids will do, as many as PocketBase's.
const SAMPLE: usize = 10;
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const MISSING_ID: &str =
    "missing required id column (you can use `(ROW_NUMBER() OVER()) as id` if you don't have one)";

/// The collections that a query may name.
struct Known<'a> {
    catalog: &'a Catalog,
    /// Id of the view itself, which its query cannot read.
    own: &'a str,
    /// Names with the collections they meant when the query was written.
    sources: &'a [(String, String)],
    /// A collection as it will be, whose fields the query names as they were.
    changed: Option<&'a Collection>,
}

impl Tables for Known<'_> {
    fn table(&self, name: &str) -> Option<&Collection> {
        let remembered = self
            .sources
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .and_then(|(_, id)| self.catalog.get(id).filter(|entry| entry.id == *id));
        let found = remembered.or_else(|| {
            let entry = self.catalog.get(name);
            entry.filter(|entry| entry.name.eq_ignore_ascii_case(name))
        });
        found
            .filter(|entry| entry.id != self.own)
            .map(|entry| &***entry)
    }

    fn is_view(&self, id: &str) -> bool {
        self.catalog.get(id).is_some_and(|entry| entry.is_view())
    }

    fn moved(&self, collection: &Collection, field: &Field) -> Option<Moved> {
        let changed = self.changed.filter(|changed| changed.id == collection.id)?;
        let now = changed.field_by_id(&field.id)?;
        Some(Moved {
            name: now.name.clone(),
            multiple: now.is_multiple(),
        })
    }
}

/// Translates the query of a view. `sources` are names with the collections they meant before; empty to take names as
/// they are now. A query in PostgreSQL's own dialect is taken as it is.
///
/// # Errors
/// What the database says, apart from what it says of the query.
pub fn translate(
    catalog: &Catalog,
    view: &Collection,
    sources: &[(String, String)],
) -> Outcome<Result<View, Error>> {
    read(
        catalog,
        &view.view_query,
        &Known {
            catalog,
            own: &view.id,
            sources,
            changed: None,
        },
    )
}

/// The SQL of a view that goes on over a collection whose fields get other names, or become several or single: the query
/// and the view's columns stay as they are. `catalog` has the old fields.
///
/// # Errors
/// As of [`translate`].
pub fn follow(
    catalog: &Catalog,
    view: &Collection,
    changed: &Collection,
) -> Outcome<Result<View, Error>> {
    read(
        catalog,
        &view.view_query,
        &Known {
            catalog,
            own: &view.id,
            sources: &view.view_sources,
            changed: Some(changed),
        },
    )
}

fn read(catalog: &Catalog, query: &str, known: &Known<'_>) -> Outcome<Result<View, Error>> {
    let translated = hangar_viewsql::translate(query, known);
    let foreign = match &translated {
        Ok(_) => hangar_viewsql::is_postgres(query),
        Err(error) => error.may_be_postgres,
    };
    if foreign && let Some(view) = postgres_views::read(catalog, query)? {
        return Ok(Ok(view));
    }
    Ok(translated)
}

/// Infers the fields of a view from its query. What is wrong with the query is told for its place in the answer.
///
/// # Errors
/// What the database says, apart from what it says of the query.
pub fn infer(catalog: &Catalog, view: &mut Collection) -> Outcome<Option<String>> {
    view.fields.clear();
    view.view_sources.clear();
    if view.view_query.is_empty() {
        return Ok(None);
    }
    // A query over the view itself is judged by what the view is now; it cannot be saved.
    let known = Known {
        catalog,
        own: "",
        sources: &[],
        changed: None,
    };
    let translated = match read(catalog, &view.view_query, &known)? {
        Ok(translated) => translated,
        Err(error) => return Ok(Some(error.message)),
    };
    view.fields = fields(catalog, &translated);
    if let Some(problem) = bad_name(&view.fields) {
        return Ok(Some(problem));
    }
    if !translated
        .columns
        .iter()
        .any(|column| column.field == Inferred::Id)
    {
        return Ok(Some(MISSING_ID.to_owned()));
    }
    let problem = bad_ids(&translated)?;
    view.view_sources = translated.sources;
    Ok(problem)
}

/// What PocketBase says of a name that no field can have.
fn bad_name(fields: &[Field]) -> Option<String> {
    fields.iter().enumerate().find_map(|(at, field)| {
        let error = hangar_model::validate::field_name(&field.name).err()?;
        let mut letters = error.message.trim_end_matches('.').chars();
        let first = letters.next()?;
        Some(format!(
            "invalid field {:?} ({at}): name: {}{}",
            field.name,
            first.to_lowercase(),
            letters.as_str()
        ))
    })
}

/// Looks at the first rows, as PocketBase does: their ids must be there and differ.
fn bad_ids(view: &View) -> Outcome<Option<String>> {
    let sql = format!("SELECT \"id\" FROM ({}) AS view LIMIT {SAMPLE}", view.sql);
    let rows = match write::transaction(|| Ok(postgres::query(sql, vec![])?)) {
        Ok(rows) => rows,
        Err(Failure::Host(error)) if error.sqlstate().is_some() => {
            log::warn(&format!("a view query failed: {}", error.message));
            return Ok(Some(error.message));
        }
        Err(failure) => return Err(failure),
    };
    let mut seen = Vec::new();
    for row in &rows.rows {
        let id = row
            .first()
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        if id.is_empty() {
            return Ok(Some(
                "the query could return records with empty or invalid ids".into(),
            ));
        }
        if seen.contains(&id) {
            return Ok(Some(
                "the query could return records with non-unique ids".into(),
            ));
        }
        seen.push(id);
    }
    Ok(None)
}

/// The fields of a translated view.
pub fn fields(catalog: &Catalog, view: &View) -> Vec<Field> {
    let columns = view.columns.iter();
    columns
        .map(|column| field(catalog, &column.name, &column.field))
        .collect()
}

fn field(catalog: &Catalog, name: &str, inferred: &Inferred) -> Field {
    let plain = |kind: FieldType, options: FieldOptions| Field {
        options,
        ..Field::new(kind, name)
    };
    match inferred {
        Inferred::Id => {
            let mut field = hangar_model::collection::id_field();
            field.options = FieldOptions::Text(TextOptions {
                pattern: hangar_model::collection::ID_PATTERN.to_owned(),
                primary_key: true,
                ..TextOptions::default()
            });
            field
        }
        Inferred::Clone(collection, original) => {
            let found = catalog
                .get(collection)
                .and_then(|entry| entry.field(original).cloned());
            let Some(mut field) = found else {
                return plain(
                    FieldType::Json,
                    FieldOptions::Json(JsonOptions { max_size: 1 }),
                );
            };
            field.id = format!("_clone_{}", HostRandom.text(4, LETTERS));
            field.name = name.to_owned();
            if let FieldOptions::Text(options) = &mut field.options {
                options.primary_key = false;
            }
            field
        }
        Inferred::Relation(collection) => plain(
            FieldType::Relation,
            FieldOptions::Relation(RelationOptions {
                collection_id: collection.clone(),
                max_select: 1,
                ..RelationOptions::default()
            }),
        ),
        Inferred::Number { only_int } => plain(
            FieldType::Number,
            FieldOptions::Number(NumberOptions {
                only_int: *only_int,
                ..NumberOptions::default()
            }),
        ),
        Inferred::Text => Field::new(FieldType::Text, name),
        Inferred::Bool => Field::new(FieldType::Bool, name),
        Inferred::Date => Field::new(FieldType::Date, name),
        Inferred::Json => Field {
            id: field_id(FieldType::Json.name(), name),
            ..plain(
                FieldType::Json,
                FieldOptions::Json(JsonOptions { max_size: 1 }),
            )
        },
    }
}

/// Makes the view in the database.
///
/// # Errors
/// What the database says.
pub fn create(view: &Collection, sql: &str) -> Outcome<()> {
    // A prepared statement is one statement, whatever the text.
    postgres::query(
        format!("CREATE VIEW {} AS {sql}", table(&view.name)),
        vec![],
    )?;
    Ok(())
}

/// Removes the view from the database.
///
/// # Errors
/// What the database says.
pub fn drop(view: &Collection) -> Outcome<()> {
    postgres::query(format!("DROP VIEW IF EXISTS {}", table(&view.name)), vec![])?;
    Ok(())
}
