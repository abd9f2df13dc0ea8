//! The PocketBase data model in pure Rust: collections, fields, values, errors, and their mapping to PostgreSQL.
//!
//! Nothing here does input or output: randomness, the clock and the rule parser come in through small traits and
//! callbacks, so the crate serves components, the host's tests and offline tools alike.
//!
//! Values of records are `serde_json::Value`s in *normal form*, which is also what the API shows:
//! text, email, url, editor, password → string; number → number; bool → bool; date, autodate → canonical date string or
//! `""`; single select, relation, file → string; multiple ones → array of strings; json → anything (null is its zero);
//! geoPoint → `{"lat":…,"lon":…}`.

mod auth_defaults;
pub mod auth_options;
pub mod bound;
pub mod collection;
pub mod collection_json;
pub mod date;
pub mod ddl;
pub mod error;
pub mod excerpt;
pub mod field;
pub mod file_names;
pub mod formats;
pub mod ids;
pub mod index;
mod index_sql;
mod index_text;
pub mod json;
pub mod messages;
pub mod modifier;
pub mod options;
pub mod pattern;
mod pattern_syntax;
mod pattern_tree;
pub mod picker;
mod prepare;
pub mod providers;
pub mod sql;
pub mod strict_json;
pub mod system;
#[cfg(test)]
mod testing;
pub mod validate;
mod validate_auth;
mod validate_fields;
pub mod value;
pub mod value_rules;

pub use auth_options::AuthOptions;
pub use collection::{Collection, CollectionType};
pub use error::{ApiError, FieldError, ValidationErrors};
pub use field::{Field, FieldType};
pub use ids::Random;
pub use options::FieldOptions;
