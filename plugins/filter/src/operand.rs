//! Typed SQL values: what a path, function or literal becomes.

use crate::value::Const;

/// How a value is represented in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    /// double precision.
    Number,
    Bool,
    /// timestamptz; NULL is PocketBase's empty date.
    Date,
    /// jsonb of a json field or of a path into one.
    Json,
    /// jsonb array of texts (multiple select, relation, file), seen as its JSON text.
    List,
    /// jsonb point, seen as its JSON text.
    Point,
    /// jsonb of a value of the request in a policy: of which type, the session knows.
    Any,
}

/// SQLite's column affinity, which decides how a comparison converts the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    Text,
    Numeric,
    None,
}

/// What the NULL of a value is to `=` and `!=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// The empty text.
    Empty,
    /// The empty text, which however contradicts none of several rows that it is compared with: strftime.
    Lenient,
    /// NULL, which only NULL equals: json values and geoDistance.
    Own,
    /// Nothing that anything equals: the element of a submitted list that has none.
    Nothing,
}

impl Nulls {
    /// Whether it reads as the empty text.
    pub(crate) fn merged(self) -> bool {
        matches!(self, Nulls::Empty | Nulls::Lenient)
    }
}

/// A value computed by SQL.
#[derive(Clone, Debug)]
pub(crate) struct SqlValue {
    pub sql: String,
    pub ty: Type,
    pub affinity: Affinity,
    /// May be NULL where PocketBase has NULL: a missing joined row, a function without result.
    pub nullable: bool,
    /// For dates of a joined row: SQL that is NULL when the row is missing. NULL alone would mean an empty date.
    pub row: Option<String>,
    /// The list column of the record this is an element of.
    pub element_of: Option<String>,
    /// A number whose text always has a fraction: one that comes from no column.
    pub real: bool,
    /// Never the empty text or date: an id, `@now`.
    pub filled: bool,
    pub nulls: Nulls,
    /// Of an `Any` that is a text or NULL: the text.
    pub any_text: Option<String>,
}

impl SqlValue {
    pub(crate) fn text(sql: String, nullable: bool) -> Self {
        SqlValue {
            sql,
            ty: Type::Text,
            affinity: Affinity::None,
            nullable,
            row: None,
            element_of: None,
            real: false,
            filled: false,
            nulls: Nulls::Empty,
            any_text: None,
        }
    }

    pub(crate) fn number(sql: String, nullable: bool) -> Self {
        SqlValue {
            ty: Type::Number,
            ..SqlValue::text(sql, nullable)
        }
    }

    /// Text for `~`, `:lower` and comparisons with texts. NULL only where PocketBase has NULL.
    pub(crate) fn as_text(&self) -> String {
        let sql = &self.sql;
        match self.ty {
            Type::Text => sql.clone(),
            Type::Number if self.real => format!("hangar_fn.real_text({sql})"),
            Type::Number => format!("hangar_fn.number_text({sql})"),
            Type::Bool => format!("({sql})::int::text"),
            Type::Date => self.unless_missing(format!("coalesce(hangar_fn.date_text({sql}), '')")),
            Type::Json => format!("({} #>> '{{}}')", self.scalar()),
            // Elements are separated by `", "` in PostgreSQL, by `","` in PocketBase; a quote within one is escaped.
            Type::List => format!("replace(({sql})::text, '\", \"', '\",\"')"),
            Type::Point => format!("hangar_fn.point_text({sql})"),
            Type::Any => match &self.any_text {
                Some(text) => text.clone(),
                None => format!("hangar_fn.any_text({sql})"),
            },
        }
    }

    /// A jsonb scalar (number or string; NULL for NULL): SQLite's dynamic value.
    pub(crate) fn scalar(&self) -> String {
        match self.ty {
            Type::Json | Type::Any => format!("hangar_fn.json_scalar({})", self.sql),
            Type::Number => format!("to_jsonb({})", self.sql),
            Type::Bool => format!("to_jsonb(({})::int)", self.sql),
            _ => format!("to_jsonb({})", self.as_text()),
        }
    }

    /// double precision, NULL where there is none.
    pub(crate) fn as_number(&self) -> String {
        match self.ty {
            Type::Number => self.sql.clone(),
            Type::Bool => format!("({})::int::float8", self.sql),
            Type::Any => format!("hangar_fn.to_number({})", self.scalar()),
            _ => format!(
                "hangar_fn.to_number(hangar_fn.to_numeric({}))",
                self.scalar()
            ),
        }
    }

    /// A date with `-infinity` for the empty one, NULL only for a missing row.
    pub(crate) fn date_or_lowest(&self) -> String {
        if self.filled {
            return self.sql.clone();
        }
        self.unless_missing(format!("coalesce({}, '-infinity')", self.sql))
    }

    fn unless_missing(&self, sql: String) -> String {
        match &self.row {
            Some(row) => format!("CASE WHEN {row} IS NOT NULL THEN {sql} END"),
            None => sql,
        }
    }

    /// Number or bool.
    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self.ty, Type::Number | Type::Bool)
    }
}

/// The rows a multi-valued operand takes its values from, apart from the joined row of the query: the FROM items and
/// the condition that ties them to the record.
#[derive(Clone, Debug)]
pub(crate) struct AllRows {
    pub from: String,
    pub condition: String,
    pub value: SqlValue,
}

/// One side of a comparison, resolved.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Const(Const),
    Value {
        value: SqlValue,
        /// Set for multi-valued operands.
        all: Option<Box<AllRows>>,
        /// Condition that must hold besides the comparison (email visibility).
        guard: Option<String>,
    },
    /// `@request.body.x:changed`: whether a submitted value differs. The SQL is a boolean that is never NULL.
    Changed(String),
}

impl Operand {
    /// The operand with `:changed` as a boolean like any other.
    pub(crate) fn plain(self) -> Operand {
        match self {
            Operand::Changed(sql) => Operand::Value {
                value: SqlValue {
                    ty: Type::Bool,
                    ..SqlValue::text(format!("({sql})"), false)
                },
                all: None,
                guard: None,
            },
            other => other,
        }
    }
}
