use hangar_core::{Error, Result};
use serde::Deserialize;
use tokio_postgres::Row;

use crate::encode;

/// How one row is written: literals and columns in turn (see `rendered` in the WIT).
pub struct Template(Vec<Piece>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Literal(String),
    Column {
        #[serde(rename = "s")]
        style: Style,
        #[serde(rename = "n", default = "null")]
        null: String,
    },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Style {
    Json,
    Date,
    Raw,
}

fn null() -> String {
    "null".into()
}

impl Template {
    /// Reads a template's JSON text.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| Error::bad_input(format!("the row template is not valid: {error}")))
    }

    /// Writes a row.
    pub fn write(&self, out: &mut String, row: &Row) -> Result<()> {
        let columns = row.columns();
        let mut index = 0;
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Column { style, null } => {
                    let column = columns.get(index).ok_or_else(|| {
                        Error::bad_input(format!(
                            "the row template has more columns than the statement, which has {}",
                            columns.len()
                        ))
                    })?;
                    match (encode::raw(row, index), style) {
                        (None, _) => out.push_str(null),
                        (Some(bytes), Style::Json) => encode::json(out, column.type_(), bytes)?,
                        (Some(bytes), Style::Date) => encode::date(out, column.type_(), bytes)?,
                        (Some(bytes), Style::Raw) => encode::verbatim(out, column.type_(), bytes)?,
                    }
                    index += 1;
                }
            }
        }
        Ok(())
    }
}
