//! Options of the fourteen field types, with PocketBase's JSON keys.
//!
//! Zero means "the default" for limits, as in PocketBase; the effective limits are given by methods.

use serde::{Deserialize, Serialize};

/// Options of one field, by type.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each variant is the field type of its name")]
pub enum FieldOptions {
    Text(TextOptions),
    Number(NumberOptions),
    Bool,
    Email(DomainOptions),
    Url(DomainOptions),
    Editor(EditorOptions),
    Date(DateOptions),
    Autodate(AutodateOptions),
    Select(SelectOptions),
    Json(JsonOptions),
    File(FileOptions),
    Relation(RelationOptions),
    Password(PasswordOptions),
    GeoPoint,
}

/// Text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TextOptions {
    /// Pattern of generated values (id, tokenKey); empty for none.
    pub autogenerate_pattern: String,
    /// Most characters; 0 means 5000.
    pub max: i64,
    /// Fewest characters of a non-empty value.
    pub min: i64,
    /// Regular expression a non-empty value must match; empty for none.
    pub pattern: String,
    /// Whether it is the record id.
    pub primary_key: bool,
}

/// Number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NumberOptions {
    /// Largest value. 0 as a value is exempt from all three.
    pub max: Option<f64>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Whether decimals are refused.
    pub only_int: bool,
}

/// Email and url: at most one of the lists is used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DomainOptions {
    /// Refused domains.
    pub except_domains: Vec<String>,
    /// The only allowed domains.
    pub only_domains: Vec<String>,
}

/// Rich text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EditorOptions {
    /// A hint for the dashboard.
    #[serde(rename = "convertURLs")]
    pub convert_urls: bool,
    /// Most bytes; 0 means 5 MiB.
    pub max_size: i64,
}

/// Date.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DateOptions {
    /// Latest date in canonical form, or empty.
    pub max: String,
    /// Earliest date in canonical form, or empty.
    pub min: String,
}

/// Date set by the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutodateOptions {
    /// Set when a record is created.
    pub on_create: bool,
    /// Set whenever a record is saved.
    pub on_update: bool,
}

/// Choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SelectOptions {
    /// Most chosen values; up to 1 makes the field single.
    pub max_select: i64,
    /// The possible values.
    pub values: Vec<String>,
}

/// Any JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JsonOptions {
    /// Most bytes; 0 means 1 MiB.
    pub max_size: i64,
}

/// Files of the record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileOptions {
    /// Most files; up to 1 makes the field single.
    pub max_select: i64,
    /// Most bytes of one file; 0 means 5 MiB.
    pub max_size: i64,
    /// Allowed MIME types; empty for any.
    pub mime_types: Vec<String>,
    /// Whether reading needs a file token and the view rule.
    pub protected: bool,
    /// Thumb sizes that may be asked for.
    pub thumbs: Vec<String>,
}

/// Ids of records of another collection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RelationOptions {
    /// Whether deleting the last referenced record deletes this one.
    pub cascade_delete: bool,
    /// Id of the referenced collection; it can never change.
    pub collection_id: String,
    /// Most ids; up to 1 makes the field single.
    pub max_select: i64,
    /// Fewest ids of a non-empty value.
    pub min_select: i64,
}

/// Password, stored as a bcrypt hash.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PasswordOptions {
    /// bcrypt cost; 0 means 10.
    pub cost: i64,
    /// Most characters; 0 means 71.
    pub max: i64,
    /// Fewest characters.
    pub min: i64,
    /// Regular expression of the plain text; empty for none.
    pub pattern: String,
}

impl TextOptions {
    /// The effective upper limit in characters.
    pub fn limit(&self) -> usize {
        positive(self.max, 5000)
    }
}

impl PasswordOptions {
    /// The effective upper limit in characters.
    pub fn limit(&self) -> usize {
        positive(self.max, 71)
    }

    /// The effective bcrypt cost.
    pub fn effective_cost(&self) -> u8 {
        u8::try_from(self.cost)
            .ok()
            .filter(|cost| *cost > 0)
            .unwrap_or(10)
    }
}

impl EditorOptions {
    /// The effective upper limit in bytes.
    pub fn limit(&self) -> usize {
        positive(self.max_size, 5 << 20)
    }
}

impl JsonOptions {
    /// The effective upper limit in bytes.
    pub fn limit(&self) -> usize {
        positive(self.max_size, 1 << 20)
    }
}

impl FileOptions {
    /// The effective upper limit of one file in bytes.
    pub fn limit(&self) -> u64 {
        u64::try_from(self.max_size)
            .ok()
            .filter(|size| *size > 0)
            .unwrap_or(5 << 20)
    }
}

fn positive(value: i64, default: usize) -> usize {
    usize::try_from(value)
        .ok()
        .filter(|value| *value > 0)
        .unwrap_or(default)
}
