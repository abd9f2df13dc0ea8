//! A JSON document of a service, read by paths and with PocketBase's strictness: what is absent is empty, what has
//! another type is an error.

use serde_json::Value;

/// Why a document cannot be used; for the log.
pub type Unusable = String;

/// A part of a document.
#[derive(Debug, Clone, Copy)]
pub struct Doc<'a>(Option<&'a Value>);

impl<'a> Doc<'a> {
    /// The whole document.
    pub fn new(value: &'a Value) -> Self {
        Self(Some(value))
    }

    /// The part at a path of keys with dots between them.
    ///
    /// # Errors
    /// Something on the way is no object.
    pub fn at(self, path: &str) -> Result<Self, Unusable> {
        let mut value = self.0;
        for key in path.split('.') {
            value = match value {
                None | Some(Value::Null) => None,
                Some(Value::Object(object)) => object.get(key),
                Some(_) => return Err(format!("{path}: {key} is looked for in what is no object")),
            };
        }
        Ok(Self(value))
    }

    /// A text; empty if there is none.
    ///
    /// # Errors
    /// A value of another type.
    pub fn text(self, path: &str) -> Result<String, Unusable> {
        match self.at(path)?.0 {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(format!("{path} is no text")),
        }
    }

    /// A whole number; 0 if there is none.
    ///
    /// # Errors
    /// A value of another type, a number with decimals or of more than 64 bits.
    pub fn integer(self, path: &str) -> Result<i64, Unusable> {
        match self.at(path)?.0 {
            None | Some(Value::Null) => Ok(0),
            Some(Value::Number(number)) => number
                .as_i64()
                .ok_or_else(|| format!("{path} is no whole number")),
            Some(_) => Err(format!("{path} is no number")),
        }
    }

    /// Yes or no; no if there is nothing.
    ///
    /// # Errors
    /// A value of another type.
    pub fn flag(self, path: &str) -> Result<bool, Unusable> {
        match self.at(path)?.0 {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("{path} is neither true nor false")),
        }
    }

    /// Yes or no in whatever form: services do not agree about it.
    ///
    /// # Errors
    /// The way there, never the value.
    pub fn loose_flag(self, path: &str) -> Result<bool, Unusable> {
        Ok(match self.at(path)?.0 {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
            Some(Value::String(text)) => {
                matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True")
            }
            _ => false,
        })
    }

    /// Whether there is nothing.
    pub fn is_none(self) -> bool {
        matches!(self.0, None | Some(Value::Null))
    }

    /// Whether this is the text.
    pub fn is_text(self, text: &str) -> bool {
        self.0.and_then(Value::as_str) == Some(text)
    }

    /// The entries of a list; none if there is none.
    ///
    /// # Errors
    /// A value of another type.
    pub fn list(self, path: &str) -> Result<Vec<Doc<'a>>, Unusable> {
        self.at(path)?.items()
    }

    /// The entries of this document, a list.
    ///
    /// # Errors
    /// A value of another type.
    pub fn items(self) -> Result<Vec<Doc<'a>>, Unusable> {
        match self.0 {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items.iter().map(Doc::new).collect()),
            Some(_) => Err("a list is expected".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_is_empty_and_wrong_is_an_error() {
        let value = json!({"a": {"b": "text", "n": 5, "f": 5.0, "yes": true, "null": null, "list": [1, 2]}});
        let doc = Doc::new(&value);
        assert_eq!(doc.text("a.b").as_deref(), Ok("text"));
        assert_eq!(doc.text("a.null").as_deref(), Ok(""));
        assert_eq!(doc.text("x.y.z").as_deref(), Ok(""));
        assert!(doc.text("a.n").is_err() && doc.text("a.b.c").is_err());
        assert_eq!(doc.integer("a.n"), Ok(5));
        assert_eq!(doc.integer("a.absent"), Ok(0));
        assert!(doc.integer("a.f").is_err() && doc.integer("a.b").is_err());
        assert_eq!(doc.flag("a.yes"), Ok(true));
        assert!(doc.flag("a.n").is_err());
        assert_eq!(doc.list("a.list").map(|items| items.len()), Ok(2));
        assert!(doc.list("a.b").is_err());
    }

    #[test]
    fn loose_flags() {
        for (value, flag) in [
            (json!(true), true),
            (json!("true"), true),
            (json!("T"), true),
            (json!("yes"), false),
            (json!(" true"), false),
            (json!(-1), true),
            (json!(0.5), true),
            (json!(0), false),
            (json!([true]), false),
            (json!(null), false),
        ] {
            let doc = json!({"v": value});
            assert_eq!(Doc::new(&doc).loose_flag("v"), Ok(flag), "{doc}");
        }
    }
}
