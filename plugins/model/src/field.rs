//! A field of a collection: what all types share, and its JSON form.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::options::*;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant is the field type of its name")]
pub enum FieldType {
    Text,
    Number,
    Bool,
    Email,
    Url,
    Editor,
    Date,
    Autodate,
    Select,
    Json,
    File,
    Relation,
    Password,
    GeoPoint,
}

impl FieldType {
    /// All types.
    pub const ALL: [FieldType; 14] = [
        Self::Text,
        Self::Number,
        Self::Bool,
        Self::Email,
        Self::Url,
        Self::Editor,
        Self::Date,
        Self::Autodate,
        Self::Select,
        Self::Json,
        Self::File,
        Self::Relation,
        Self::Password,
        Self::GeoPoint,
    ];

    /// PocketBase's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Email => "email",
            Self::Url => "url",
            Self::Editor => "editor",
            Self::Date => "date",
            Self::Autodate => "autodate",
            Self::Select => "select",
            Self::Json => "json",
            Self::File => "file",
            Self::Relation => "relation",
            Self::Password => "password",
            Self::GeoPoint => "geoPoint",
        }
    }

    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One field of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Stable identifier; renames are recognised by it.
    pub id: String,
    /// Name: JSON key and column.
    pub name: String,
    /// System fields can be neither renamed nor removed.
    pub system: bool,
    /// Hidden fields are shown to superusers only.
    pub hidden: bool,
    /// A hint for the dashboard.
    pub presentable: bool,
    /// Whether the zero value is refused. Autodates have no such option.
    pub required: bool,
    /// Help text for the dashboard. Autodates have none.
    pub help: String,
    /// What is particular to the type.
    pub options: FieldOptions,
}

/// Why a field could not be read from JSON. PocketBase answers all of them alike, so the text is for logs.
#[derive(Debug, Clone, PartialEq)]
pub struct BadField(pub String);

impl Field {
    /// A field of this type and name with default options and the default id.
    pub fn new(kind: FieldType, name: &str) -> Self {
        let options = match kind {
            FieldType::Text => FieldOptions::Text(TextOptions::default()),
            FieldType::Number => FieldOptions::Number(NumberOptions::default()),
            FieldType::Bool => FieldOptions::Bool,
            FieldType::Email => FieldOptions::Email(DomainOptions::default()),
            FieldType::Url => FieldOptions::Url(DomainOptions::default()),
            FieldType::Editor => FieldOptions::Editor(EditorOptions::default()),
            FieldType::Date => FieldOptions::Date(DateOptions::default()),
            FieldType::Autodate => FieldOptions::Autodate(AutodateOptions::default()),
            FieldType::Select => FieldOptions::Select(SelectOptions::default()),
            FieldType::Json => FieldOptions::Json(JsonOptions::default()),
            FieldType::File => FieldOptions::File(FileOptions::default()),
            FieldType::Relation => FieldOptions::Relation(RelationOptions::default()),
            FieldType::Password => FieldOptions::Password(PasswordOptions::default()),
            FieldType::GeoPoint => FieldOptions::GeoPoint,
        };
        Self {
            id: crate::ids::field_id(kind.name(), name),
            name: name.to_owned(),
            system: false,
            hidden: false,
            presentable: false,
            required: false,
            help: String::new(),
            options,
        }
    }

    /// The type of the field.
    pub fn kind(&self) -> FieldType {
        match &self.options {
            FieldOptions::Text(_) => FieldType::Text,
            FieldOptions::Number(_) => FieldType::Number,
            FieldOptions::Bool => FieldType::Bool,
            FieldOptions::Email(_) => FieldType::Email,
            FieldOptions::Url(_) => FieldType::Url,
            FieldOptions::Editor(_) => FieldType::Editor,
            FieldOptions::Date(_) => FieldType::Date,
            FieldOptions::Autodate(_) => FieldType::Autodate,
            FieldOptions::Select(_) => FieldType::Select,
            FieldOptions::Json(_) => FieldType::Json,
            FieldOptions::File(_) => FieldType::File,
            FieldOptions::Relation(_) => FieldType::Relation,
            FieldOptions::Password(_) => FieldType::Password,
            FieldOptions::GeoPoint => FieldType::GeoPoint,
        }
    }

    /// The limit of a select, relation or file field; `None` for other types.
    pub fn max_select(&self) -> Option<i64> {
        match &self.options {
            FieldOptions::Select(options) => Some(options.max_select),
            FieldOptions::Relation(options) => Some(options.max_select),
            FieldOptions::File(options) => Some(options.max_select),
            _ => None,
        }
    }

    /// Whether values are arrays: a select, relation or file field with `maxSelect` above 1.
    pub fn is_multiple(&self) -> bool {
        self.max_select().is_some_and(|max| max > 1)
    }

    /// Whether the field is the record id.
    pub fn is_primary_key(&self) -> bool {
        matches!(&self.options, FieldOptions::Text(options) if options.primary_key)
    }

    /// The JSON form; alphabetical keys, as PocketBase writes fields.
    pub fn to_value(&self) -> Value {
        let mut map = match &self.options {
            FieldOptions::Text(options) => object(options),
            FieldOptions::Number(options) => object(options),
            FieldOptions::Email(options) | FieldOptions::Url(options) => object(options),
            FieldOptions::Editor(options) => object(options),
            FieldOptions::Date(options) => object(options),
            FieldOptions::Autodate(options) => object(options),
            FieldOptions::Select(options) => object(options),
            FieldOptions::Json(options) => object(options),
            FieldOptions::File(options) => object(options),
            FieldOptions::Relation(options) => object(options),
            FieldOptions::Password(options) => object(options),
            FieldOptions::Bool | FieldOptions::GeoPoint => Map::new(),
        };
        map.insert("id".into(), self.id.as_str().into());
        map.insert("name".into(), self.name.as_str().into());
        map.insert("type".into(), self.kind().name().into());
        map.insert("system".into(), self.system.into());
        map.insert("hidden".into(), self.hidden.into());
        map.insert("presentable".into(), self.presentable.into());
        if self.kind() != FieldType::Autodate {
            map.insert("required".into(), self.required.into());
            map.insert("help".into(), self.help.as_str().into());
        }
        Value::Object(map)
    }

    /// Reads a field. Unknown keys are ignored, nulls and missing keys give the defaults; the id may stay empty.
    pub fn from_value(value: &Value) -> Result<Self, BadField> {
        let Value::Object(map) = value else {
            return Err(BadField("a field must be an object".into()));
        };
        let name = text(map, "name")?;
        let kind = text(map, "type")?;
        let Some(kind) = FieldType::parse(&kind) else {
            return Err(BadField(format!(
                "field {name:?} has the unknown type {kind:?}"
            )));
        };
        let options = match kind {
            FieldType::Text => FieldOptions::Text(options(map)?),
            FieldType::Number => FieldOptions::Number(options(map)?),
            FieldType::Bool => FieldOptions::Bool,
            FieldType::Email => FieldOptions::Email(options(map)?),
            FieldType::Url => FieldOptions::Url(options(map)?),
            FieldType::Editor => FieldOptions::Editor(options(map)?),
            FieldType::Date => {
                let mut options: DateOptions = options(map)?;
                options.min = crate::date::normalize(&options.min);
                options.max = crate::date::normalize(&options.max);
                FieldOptions::Date(options)
            }
            FieldType::Autodate => FieldOptions::Autodate(options(map)?),
            FieldType::Select => FieldOptions::Select(options(map)?),
            FieldType::Json => FieldOptions::Json(options(map)?),
            FieldType::File => FieldOptions::File(options(map)?),
            FieldType::Relation => FieldOptions::Relation(options(map)?),
            FieldType::Password => FieldOptions::Password(options(map)?),
            FieldType::GeoPoint => FieldOptions::GeoPoint,
        };
        Ok(Self {
            id: text(map, "id")?,
            name,
            system: flag(map, "system")?,
            hidden: flag(map, "hidden")?,
            presentable: flag(map, "presentable")?,
            required: kind != FieldType::Autodate && flag(map, "required")?,
            help: if kind == FieldType::Autodate {
                String::new()
            } else {
                text(map, "help")?
            },
            options,
        })
    }
}

fn object<T: Serialize>(options: &T) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(map)) => map,
        // Options are plain structs of texts, numbers and lists: they always give an object.
        _ => Map::new(),
    }
}

/// Reads options of a type. Nulls count as missing, as in Go's decoder.
fn options<T: DeserializeOwned>(map: &Map<String, Value>) -> Result<T, BadField> {
    let present: Map<String, Value> = map
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    serde_json::from_value(Value::Object(present)).map_err(|error| BadField(error.to_string()))
}

fn text(map: &Map<String, Value>, key: &str) -> Result<String, BadField> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(BadField(format!("{key:?} of a field must be a text"))),
    }
}

fn flag(map: &Map<String, Value>, key: &str) -> Result<bool, BadField> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(BadField(format!("{key:?} of a field must be a bool"))),
    }
}
