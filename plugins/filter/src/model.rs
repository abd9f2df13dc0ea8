//! Stored collections as the compiler sees them.

use hangar_model::index::Index;
use hangar_model::{
    Collection as Stored, CollectionType, Field as StoredField, FieldOptions, FieldType,
};

use crate::schema::{Collection, CollectionKind, Field, FieldKind};

impl From<&Stored> for Collection {
    fn from(stored: &Stored) -> Self {
        let alone = |index: Index| {
            let column = index.columns.first()?;
            (index.is_unique_on(&column.name) && index.condition.is_empty())
                .then(|| column.name.clone())
        };
        let indexes = stored.indexes.iter().filter_map(|text| Index::parse(text));
        Collection {
            id: stored.id.clone(),
            name: stored.name.clone(),
            kind: match stored.kind {
                CollectionType::Base => CollectionKind::Base,
                CollectionType::Auth => CollectionKind::Auth,
                CollectionType::View => CollectionKind::View,
            },
            fields: stored.fields.iter().map(Field::from).collect(),
            list_rule: stored.rules.list.clone(),
            unique: indexes.filter_map(alone).collect(),
        }
    }
}

impl From<&StoredField> for Field {
    fn from(stored: &StoredField) -> Self {
        Field {
            name: stored.name.clone(),
            kind: match stored.kind() {
                FieldType::Text => FieldKind::Text,
                FieldType::Number => FieldKind::Number,
                FieldType::Bool => FieldKind::Bool,
                FieldType::Email => FieldKind::Email,
                FieldType::Url => FieldKind::Url,
                FieldType::Editor => FieldKind::Editor,
                FieldType::Date => FieldKind::Date,
                FieldType::Autodate => FieldKind::Autodate,
                FieldType::Select => FieldKind::Select,
                FieldType::Json => FieldKind::Json,
                FieldType::File => FieldKind::File,
                FieldType::Relation => FieldKind::Relation,
                FieldType::Password => FieldKind::Password,
                FieldType::GeoPoint => FieldKind::GeoPoint,
            },
            multiple: stored.is_multiple(),
            hidden: stored.hidden,
            target: match &stored.options {
                FieldOptions::Relation(options) => options.collection_id.clone(),
                _ => String::new(),
            },
        }
    }
}
