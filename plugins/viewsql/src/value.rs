//! Typed SQL: what an expression of SQLite becomes in PostgreSQL, and the conversions between the types.

use hangar_model::sql::literal;

/// What PostgreSQL holds where SQLite holds a value of any type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ty {
    /// NULL and nothing else.
    Null,
    /// A whole number, of any of PostgreSQL's number types.
    Int,
    /// double precision, of which whole ones are integers in SQLite: a number field, and what is computed of such.
    Num,
    /// double precision that is a real in SQLite, too.
    Real,
    /// boolean; an integer in SQLite.
    Bool,
    Text,
    /// timestamptz; a text in SQLite, NULL is the empty one.
    Date,
    /// jsonb; JSON text in SQLite.
    Json,
    /// jsonb of a geoPoint; JSON text in SQLite.
    Point,
    /// jsonb with a number or a string: a value whose type differs from row to row.
    Scalar,
}

/// SQLite's affinity: how a comparison converts the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    None,
    Text,
    Numeric,
}

/// A literal of the query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Number(f64),
}

/// One translated expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    pub sql: String,
    pub ty: Ty,
    pub affinity: Affinity,
    pub literal: Option<Literal>,
    /// Compared without regard to case.
    pub nocase: bool,
    /// Made by a JSON function, so that other JSON functions take it as JSON and not as text.
    pub made_json: bool,
    /// For dates of a row that an outer join may lack: SQL that is NULL when the row is missing.
    pub row: Option<String>,
}

impl Value {
    pub(crate) fn new(sql: impl Into<String>, ty: Ty) -> Self {
        Self {
            sql: sql.into(),
            ty,
            affinity: Affinity::None,
            literal: None,
            nocase: false,
            made_json: false,
            row: None,
        }
    }

    pub(crate) fn text_literal(text: &str) -> Self {
        Self {
            literal: Some(Literal::Text(text.to_owned())),
            ..Self::new(format!("{}::text", literal(text)), Ty::Text)
        }
    }

    pub(crate) fn json(sql: impl Into<String>) -> Self {
        Self {
            made_json: true,
            ..Self::new(sql, Ty::Json)
        }
    }

    pub(crate) fn with_affinity(self, affinity: Affinity) -> Self {
        Self { affinity, ..self }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self.ty, Ty::Int | Ty::Num | Ty::Real | Ty::Bool)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.ty, Ty::Text | Ty::Date | Ty::Json | Ty::Point)
    }

    /// As text; NULL only where SQLite has NULL.
    pub(crate) fn text(&self) -> String {
        let sql = &self.sql;
        match self.ty {
            Ty::Null => "NULL::text".to_owned(),
            Ty::Text => sql.clone(),
            Ty::Int | Ty::Num => format!("hangar_fn.number_text(({sql})::float8)"),
            Ty::Real => format!("hangar_fn.real_text({sql})"),
            Ty::Bool => format!("({sql})::int::text"),
            Ty::Date => {
                let text = format!("coalesce(hangar_fn.date_text({sql}), '')");
                match &self.row {
                    Some(row) => format!("(CASE WHEN {row} IS NOT NULL THEN {text} END)"),
                    None => text,
                }
            }
            Ty::Json => format!("hangar_fn.json_text({sql})"),
            Ty::Point => format!("hangar_fn.point_text({sql})"),
            Ty::Scalar => format!("hangar_fn.scalar_text({sql})"),
        }
    }

    /// As double precision: of a text, the number it begins with.
    pub(crate) fn number(&self) -> String {
        let sql = &self.sql;
        match self.ty {
            Ty::Null => "NULL::float8".to_owned(),
            Ty::Int | Ty::Num | Ty::Real => format!("({sql})::float8"),
            Ty::Bool => format!("({sql})::int::float8"),
            _ => format!("hangar_fn.text_number({})", self.text()),
        }
    }

    /// As a condition.
    pub(crate) fn boolean(&self) -> String {
        match self.ty {
            Ty::Bool => self.sql.clone(),
            Ty::Null => "NULL::boolean".to_owned(),
            _ => format!("({} <> 0)", self.number()),
        }
    }

    /// As a value of any type.
    pub(crate) fn scalar(&self) -> String {
        match self.ty {
            Ty::Null => "NULL::jsonb".to_owned(),
            Ty::Scalar => self.sql.clone(),
            _ if self.is_number() => format!("to_jsonb({})", self.number()),
            _ => format!("to_jsonb({})", self.text()),
        }
    }

    /// As an element of a JSON document.
    pub(crate) fn element(&self) -> String {
        if self.ty == Ty::Json && self.made_json {
            return format!("coalesce({}, 'null'::jsonb)", self.sql);
        }
        format!("coalesce({}, 'null'::jsonb)", self.scalar())
    }

    /// As the JSON document a JSON function reads.
    pub(crate) fn document(&self) -> String {
        match self.ty {
            Ty::Json | Ty::Point => self.sql.clone(),
            _ => format!("({})::jsonb", self.text()),
        }
    }

    /// As the column of a json field of a view: texts that look like JSON are JSON.
    pub(crate) fn shown(&self) -> String {
        match self.ty {
            Ty::Null => "NULL::jsonb".to_owned(),
            Ty::Json | Ty::Point => self.sql.clone(),
            Ty::Scalar => format!("hangar_fn.shown_scalar({})", self.sql),
            _ if self.is_number() => format!("to_jsonb({})", self.number()),
            _ => format!("hangar_fn.shown_text({})", self.text()),
        }
    }

    /// What it is sorted or grouped by, as one or more expressions.
    pub(crate) fn keys(&self) -> Vec<String> {
        let sql = &self.sql;
        match self.ty {
            Ty::Null => vec!["NULL::text".to_owned()],
            Ty::Int | Ty::Num | Ty::Real | Ty::Bool | Ty::Date => vec![sql.clone()],
            Ty::Scalar => vec![
                format!("jsonb_typeof({sql})"),
                format!("hangar_fn.to_number({sql})"),
                format!("(({sql}) #>> '{{}}') COLLATE \"C\""),
            ],
            _ if self.nocase => vec![format!("lower(({}) COLLATE \"C\")", self.text())],
            _ => vec![format!("({}) COLLATE \"C\"", self.text())],
        }
    }

    /// Converted to another type; see [`unify`].
    pub(crate) fn to(&self, ty: Ty) -> String {
        match ty {
            Ty::Null => self.sql.clone(),
            _ if self.ty == ty && ty != Ty::Text => self.sql.clone(),
            Ty::Int => match self.ty {
                Ty::Bool => format!("({})::int", self.sql),
                _ => format!("({})::bigint", self.number()),
            },
            Ty::Num | Ty::Real => self.number(),
            Ty::Bool => self.boolean(),
            Ty::Text => format!("({}) COLLATE \"C\"", self.text()),
            Ty::Date => format!("({})::timestamptz", self.sql),
            Ty::Json | Ty::Point => format!("({})::jsonb", self.sql),
            Ty::Scalar => self.scalar(),
        }
    }
}

/// The type that holds values of all of these.
pub(crate) fn unify<'a>(values: impl IntoIterator<Item = &'a Value>) -> Ty {
    let mut result = Ty::Null;
    for value in values {
        result = match (result, value.ty) {
            (found, Ty::Null) => found,
            (Ty::Null, ty) => ty,
            (left, right) if left == right => left,
            (left, right) => {
                let number = |ty| matches!(ty, Ty::Int | Ty::Num | Ty::Real | Ty::Bool);
                let text = |ty| matches!(ty, Ty::Text | Ty::Date | Ty::Json | Ty::Point);
                if number(left) && number(right) {
                    if matches!((left, right), (Ty::Int, Ty::Bool) | (Ty::Bool, Ty::Int)) {
                        Ty::Int
                    } else {
                        Ty::Num
                    }
                } else if text(left) && text(right) {
                    Ty::Text
                } else {
                    Ty::Scalar
                }
            }
        };
    }
    result
}
