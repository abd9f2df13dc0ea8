//! View queries: SQLite's SELECT, as PocketBase deployments have it, translated to PostgreSQL.
//!
//! SQLite decides types row by row, PostgreSQL statement by statement. So every expression gets a type here, from the
//! fields of the collections upwards, and is converted where SQLite would convert it: a bool in a sum, a date in `||`, a
//! number compared with a text. What has no fixed type is a jsonb scalar.
//!
//! The crate reads no database: it knows the collections it is shown and gives the SQL of a view and its columns.
//! [`FUNCTIONS_SQL`] has the functions that SQL calls, beside those of `hangar-filter`.

mod arithmetic;
mod compare;
mod dialect;
mod error;
mod expr;
mod from;
mod functions;
mod names;
mod outputs;
mod scalars;
mod scope;
mod sets;
mod translate;
mod value;
mod view;

use hangar_model::{Collection, Field};

pub use error::Error;

/// SQL functions that translated queries call. Applying the text again is harmless.
pub const FUNCTIONS_SQL: &str = include_str!("functions.sql");

/// Where collections come from.
pub trait Tables {
    /// By name, in any case.
    fn table(&self, name: &str) -> Option<&Collection>;

    /// Whether the collection of this id is a view.
    fn is_view(&self, id: &str) -> bool;

    /// The column that a field has by now, where a view goes on over a collection that has changed. The query and the
    /// view's columns stay what they are.
    fn moved(&self, _collection: &Collection, _field: &Field) -> Option<Moved> {
        None
    }
}

/// A column that is no longer as its field says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// Whether it holds lists.
    pub multiple: bool,
}

/// A translated view.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The SELECT. Its first column, `_rowid_`, is hidden: records are listed by it when nothing else is asked for.
    pub sql: String,
    /// The visible columns, in order.
    pub columns: Vec<ViewColumn>,
    /// The collections it reads: name as written, and id.
    pub sources: Vec<(String, String)>,
    /// Whether its id is a column as it is.
    pub plain_id: bool,
}

/// One column of a view.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewColumn {
    /// Its name.
    pub name: String,
    /// The field it becomes.
    pub field: Inferred,
}

/// The field of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inferred {
    /// The record id.
    Id,
    /// The same as this field of a collection (ids of the collection, name of the field).
    Clone(String, String),
    /// A single relation to the collection of this id.
    Relation(String),
    /// A number.
    Number {
        /// Whole numbers only.
        only_int: bool,
    },
    /// A text.
    Text,
    /// A bool.
    Bool,
    /// A date; only queries in PostgreSQL's dialect give one.
    Date,
    /// What has no type: json.
    Json,
}

/// Whether a query has what only PostgreSQL knows (`::`).
pub fn is_postgres(query: &str) -> bool {
    dialect::has_double_colon(query)
}

/// Translates the query of a view. That there is an id is for the caller to see.
///
/// # Errors
/// What is wrong with it, or not supported.
pub fn translate(query: &str, tables: &dyn Tables) -> Result<View, Error> {
    let parsed = dialect::parse(query)?;
    translate::Translator::new(tables).view(&parsed)
}
