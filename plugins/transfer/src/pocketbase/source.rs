//! The data directory: what is there, and whether it can be read.

use hangar_sdk::{Error, Result, operator, sqlite};
use serde::Deserialize;
use serde_json::Value;

/// The main database.
pub const DATA: &str = "data.db";
/// Faults that are told at most.
const FAULTS: usize = 5;
/// The last migration of PocketBase's own that this importer knows.
const NEWEST: &str = "1778828400_normalize_indexes.go";
/// PocketBase's own tables with the columns that this importer knows.
const TABLES: [(&str, &[&str]); 3] = [
    (
        "_collections",
        &[
            "id",
            "system",
            "type",
            "name",
            "fields",
            "indexes",
            "listRule",
            "viewRule",
            "createRule",
            "updateRule",
            "deleteRule",
            "options",
            "created",
            "updated",
        ],
    ),
    ("_params", &["id", "value", "created", "updated"]),
    ("_migrations", &["file", "applied"]),
];

/// Something in the directory.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// `file`, `folder` or `other`.
    pub kind: String,
}

/// The directory, with its main database open.
pub struct Source {
    /// What is in it.
    pub entries: Vec<Entry>,
    data: sqlite::Database,
}

impl Source {
    /// Opens the directory and looks whether it is one that can be imported.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn open() -> Result<Self> {
        let entries: Vec<Entry> = serde_json::from_str(&operator::entries("")?)?;
        if !entries.iter().any(|entry| entry.name == DATA) {
            return Err(refused(format!(
                "there is no {DATA} in it, so it is not a PocketBase data directory, or not all of one (it is usually called pb_data)"
            )));
        }
        let source = Self {
            entries,
            data: sqlite::open(DATA)?,
        };
        source.check()?;
        Ok(source)
    }

    /// Whether there is a folder of this name.
    pub fn has_folder(&self, name: &str) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.name == name && entry.kind == "folder")
    }

    fn check(&self) -> Result<()> {
        let mut faults = Vec::new();
        self.each(&format!("PRAGMA quick_check({FAULTS})"), |row| {
            faults.push(text(row.first()));
            Ok(())
        })?;
        if faults != ["ok"] {
            return Err(refused(format!(
                "its database is damaged: {}. Recover it with SQLite's .recover, or take a backup",
                faults.join("; ")
            )));
        }
        let tables = self.tables()?;
        let has = |name: &str| tables.iter().any(|table| table == name);
        if has("_admins")
            || (has("_collections")
                && !self.columns("_collections")?.contains(&"fields".to_owned()))
        {
            return Err(refused(
                "it was written by PocketBase 0.22 or older; start it once with PocketBase 0.23 or newer, which brings it up to date",
            ));
        }
        for (table, known) in TABLES {
            if !has(table) {
                return Err(refused(format!(
                    "its database has no table {table}: PocketBase has never been started on it, or it is damaged"
                )));
            }
            let columns = self.columns(table)?;
            if let Some(column) = columns.iter().find(|name| !known.contains(&name.as_str())) {
                return Err(refused(format!(
                    "its table {table} has a column {column}, which PocketBase 0.40 does not know: it was written by a newer version than this importer reads"
                )));
            }
        }
        Ok(())
    }

    /// Applied migrations in the order of application, each with its time.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn migrations(&self) -> Result<Vec<(String, i64)>> {
        let mut all = Vec::new();
        self.each(
            "SELECT file, applied FROM _migrations ORDER BY applied, rowid",
            |row| {
                let applied = row.get(1).and_then(Value::as_i64).unwrap_or_default();
                all.push((text(row.first()), applied));
                Ok(())
            },
        )?;
        Ok(all)
    }

    /// Names of the tables.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn tables(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.each(
            "SELECT name FROM sqlite_schema WHERE type = 'table'",
            |row| {
                names.push(text(row.first()));
                Ok(())
            },
        )?;
        Ok(names)
    }

    /// Names of a table's columns; none if there is no such table.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn columns(&self, table: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let sql = format!("SELECT name FROM pragma_table_info({})", literal(table));
        self.each(&sql, |row| {
            names.push(text(row.first()));
            Ok(())
        })?;
        Ok(names)
    }

    /// Runs a statement on the main database and hands over each row.
    ///
    /// # Errors
    /// What SQLite says, and what `work` answers.
    pub fn each(&self, sql: &str, work: impl FnMut(Vec<Value>) -> Result<()>) -> Result<()> {
        each(&self.data, sql, work)
    }
}

/// A migration that may be PocketBase's own and is later than all that this importer knows. An application in Go has
/// such ones of its own, so this is no proof of a newer version.
pub fn newer(migrations: &[(String, i64)]) -> Option<&str> {
    let own = migrations.iter().map(|(file, _)| file.as_str());
    own.filter(|file| file.ends_with(".go") && *file > NEWEST)
        .max()
}

/// Runs a statement and hands over each row.
///
/// # Errors
/// What SQLite says, and what `work` answers.
pub fn each(
    database: &sqlite::Database,
    sql: &str,
    mut work: impl FnMut(Vec<Value>) -> Result<()>,
) -> Result<()> {
    let rows = database.query(sql)?;
    while let Some(chunk) = rows.next()? {
        let chunk: Vec<Vec<Value>> = serde_json::from_str(&chunk)?;
        for row in chunk {
            work(row)?;
        }
    }
    Ok(())
}

/// A column as text; empty for NULL.
pub fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// An identifier of SQLite.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The directory cannot be imported.
pub fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(
        "bad_input",
        400,
        format!("the directory cannot be imported: {why}. Nothing was changed"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_of_a_newer_version_are_recognised() {
        let list = |files: &[&str]| {
            let all = files.iter().map(|file| ((*file).to_owned(), 1));
            newer(&all.collect::<Vec<_>>()).map(str::to_owned)
        };
        assert_eq!(list(&["1640988000_init.go", NEWEST]), None);
        assert_eq!(list(&["9900000000_mine.js"]), None);
        assert_eq!(
            list(&["1999999999_next.go"]).as_deref(),
            Some("1999999999_next.go")
        );
    }
}
