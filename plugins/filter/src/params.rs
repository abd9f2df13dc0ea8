//! Where values go: into the parameters of a query, or as literals into the text of a policy, which has none.

use hangar_model::sql::literal;

use crate::value::Value;

/// The values of one statement.
pub(crate) struct Params {
    values: Vec<Value>,
    /// Number of the first parameter.
    first: usize,
    /// Write literals instead.
    literals: bool,
}

impl Params {
    pub(crate) fn new(first: usize, literals: bool) -> Self {
        Params {
            values: Vec::new(),
            first,
            literals,
        }
    }

    /// Takes a value and returns the SQL that stands for it, with the cast appended.
    pub(crate) fn bind(&mut self, value: Value, cast: &str) -> String {
        let value = value.bindable();
        if self.literals {
            return format!("{}{cast}", written(&value));
        }
        self.values.push(value);
        format!("${}{cast}", self.first + self.values.len() - 1)
    }

    /// Number of the next parameter.
    pub(crate) fn next(&self) -> usize {
        self.first + self.values.len()
    }

    /// The cast that tells the type of a parameter.
    pub(crate) fn cast(&self, number: usize) -> &'static str {
        match self.values.get(number - self.first) {
            Some(Value::Bool(_)) => "::bool",
            Some(Value::Int(_)) => "::int8",
            Some(Value::Float(_)) => "::float8",
            _ => "::text",
        }
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }
}

/// A value as an SQL literal. Texts are quoted so that no setting of the server reads them otherwise.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(true) => "TRUE".to_owned(),
        Value::Bool(false) => "FALSE".to_owned(),
        Value::Int(number) => format!("'{number}'"),
        Value::Float(number) => format!("'{number}'"),
        Value::Text(text) => literal(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_quoted() {
        let mut params = Params::new(1, true);
        for (value, cast, sql) in [
            (Value::Text("it's".to_owned()), "::text", "'it''s'::text"),
            (
                Value::Text("\\' OR 1=1 --".to_owned()),
                "::text",
                "E'\\\\'' OR 1=1 --'::text",
            ),
            (
                Value::Text("a\0b".to_owned()),
                "::text",
                "'a\u{fffd}b'::text",
            ),
            (Value::Float(-1.5), "::float8", "'-1.5'::float8"),
            (Value::Float(f64::INFINITY), "::float8", "'inf'::float8"),
            (Value::Bool(true), "::bool", "TRUE::bool"),
            (Value::Null, "::text", "NULL::text"),
        ] {
            assert_eq!(params.bind(value, cast), sql);
        }
        assert!(params.into_values().is_empty());
    }
}
