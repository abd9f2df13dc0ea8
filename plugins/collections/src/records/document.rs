//! The text of an answer with records in it.

use hangar_model::FieldType;
use hangar_model::json::to_json;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::catalog::Catalog;

/// The JSON text of a record, of a list of records or of a page of them, expanded ones included. Objects list their
/// keys in alphabetical order, but points their longitude first, as in PocketBase.
pub fn text(catalog: &Catalog, value: &Value) -> String {
    let points = catalog.all().iter().any(|entry| {
        let mut kinds = entry.fields.iter().map(|field| field.kind());
        kinds.any(|kind| kind == FieldType::GeoPoint)
    });
    if points {
        to_json(&Document { catalog, value })
    } else {
        to_json(value)
    }
}

struct Document<'a> {
    catalog: &'a Catalog,
    value: &'a Value,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let catalog = self.catalog;
        let map = match self.value {
            Value::Array(items) => {
                return serializer
                    .collect_seq(items.iter().map(|value| Document { catalog, value }));
            }
            Value::Object(map) => map,
            other => return other.serialize(serializer),
        };
        let entry = map
            .get("collectionId")
            .and_then(Value::as_str)
            .and_then(|id| catalog.get(id));
        let mut out = serializer.serialize_map(Some(map.len()))?;
        for (key, value) in map {
            let kind = entry
                .and_then(|entry| entry.field(key))
                .map(|field| field.kind());
            match value {
                Value::Object(point) if kind == Some(FieldType::GeoPoint) => {
                    out.serialize_entry(key, &Point(point))?;
                }
                // Pages and the maps of expanded records are no records themselves.
                _ if entry.is_none() || key == "expand" => {
                    out.serialize_entry(key, &Document { catalog, value })?;
                }
                _ => out.serialize_entry(key, value)?,
            }
        }
        out.end()
    }
}

struct Point<'a>(&'a Map<String, Value>);

impl Serialize for Point<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Longitude before latitude is the reverse of the alphabet.
        serializer.collect_map(self.0.iter().rev())
    }
}
