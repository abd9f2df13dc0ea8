//! PocketBase's filter and rule language, compiled to PostgreSQL.
//!
//! ```
//! use hangar_filter::schema::{Collection, CollectionKind, Field, FieldKind};
//! use hangar_filter::{Options, Query, Request, Scope, Value, parse};
//!
//! let posts = Collection {
//!     id: "pbc_1".into(),
//!     name: "posts".into(),
//!     kind: CollectionKind::Base,
//!     fields: vec![Field::new("id", FieldKind::Text), Field::new("n", FieldKind::Number), Field::new("published", FieldKind::Bool)],
//!     list_rule: Some(String::new()),
//!     unique: vec![],
//! };
//! let schema = vec![posts];
//! let request = Request::default();
//! let mut query = Query::new(&schema, &schema[0], &request, Options::default());
//! query.filter(&parse("n > 5000 && published = true")?, Scope::Client { superuser: false })?;
//! query.sort("-n", Scope::Client { superuser: false })?;
//! let built = query.finish();
//! assert_eq!(built.from, r#""public"."posts" AS "posts""#);
//! assert_eq!(built.where_sql, r#""posts"."n" > $1::float8 AND "posts"."published" = $2::bool"#);
//! assert_eq!(built.order_by, r#""posts"."n" DESC, "posts"."_rowid_" ASC"#);
//! assert_eq!(built.params, [Value::Float(5000.0), Value::Bool(true)]);
//! # Ok::<(), hangar_filter::Error>(())
//! ```
//!
//! # What the SQL expects
//!
//! A table (or view) per collection named as the collection, with a column per field: text NOT NULL for text-like
//! fields and single select, relation and file; double precision NOT NULL; boolean NOT NULL; timestamptz(3), NULL being
//! the empty date; jsonb NOT NULL arrays of texts for multiple select, relation and file; jsonb for json and geoPoint.
//! Tables have `_rowid_` in insertion order. The functions of [`FUNCTIONS_SQL`] exist. Texts compare and sort by bytes
//! (`COLLATE "C"`), so columns and indexes should be declared with that collation.
//!
//! Literals are always parameters, so filters of one shape share one statement text. What is known while compiling
//! (a comparison whose types can never match, `@request.auth.id != ''`) becomes TRUE or FALSE.

//! # Known differences from PocketBase 0.40.6
//!
//! - Object keys of json values come in alphabetical order when such a value is read as text, also if it was sent as text.
//! - An email within a function (`strftime('%Y', author.email)`) is guarded by its visibility like everywhere else.
//! - `:isset` is 1 or 0 wherever it is compared. PocketBase's `!=` takes it for a truth test (`IS NOT TRUE`).
//! - A createRule may use back relations of the new record (there are none yet); PocketBase refuses the create.
//! - Clients may not sort by several records of a collection that has a list rule: the order would tell about hidden
//!   ones. Sorting by several values takes the first stored one; ties keep the insertion order.
//! - A filter with a NUL character is refused. PocketBase skips some of them and ends the filter at others.
//! - A path into a json value with an empty key (`j..a`) is refused when a rule is saved, there when it is used.
//! - Brackets nest 2000 deep, lists of joins within each other 100 deep.

mod body;
mod compare;
mod date;
mod dynamic;
mod error;
mod functions;
mod joins;
mod lexer;
mod macros;
mod model;
mod operand;
mod params;
mod parser;
mod path;
pub mod policy;
mod query;
mod quoting;
mod request;
mod resolve;
mod row;
pub mod schema;
mod scope;
mod session;
mod sort;
mod terms;
mod value;

pub use error::{Error, ErrorKind};
pub use parser::{Expr, MAX_CLIENT_COMPARISONS, MAX_CLIENT_FILTER, MAX_DEPTH, check_client, parse};
pub use query::{Built, Options, Query, quote, validate};
pub use request::{Auth, Request};
pub use resolve::MAX_RELATIONS;
pub use scope::Scope;
pub use session::Session;
pub use value::Value;

/// SQL functions the compiled filters call, in the PostgreSQL schema `hangar_fn`. Idempotent; apply it as a migration.
pub const FUNCTIONS_SQL: &str = include_str!("functions.sql");
