//! PostgreSQL through `psql`: one session, a schema of its own, results between markers.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use hangar_filter::schema::{Collection, Field, FieldKind};
use hangar_filter::{FUNCTIONS_SQL, Value, quote};
use serde_json::Value as Json;

use super::seed::{Seed, stored};

/// Made anew by each test; the tests of one file share it, those of other files run before or after.
pub const SCHEMA: &str = "hangar_filter_test";

pub struct Postgres {
    schema: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.run(&format!("DROP SCHEMA IF EXISTS {} CASCADE;", self.schema));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Postgres {
    /// Connects and fills the schema.
    pub fn start(url: &str, seed: &Seed) -> Postgres {
        Self::start_in(SCHEMA, url, seed)
    }

    /// Connects and fills a schema, which is emptied first.
    pub fn start_in(schema: &'static str, url: &str, seed: &Seed) -> Postgres {
        let mut child = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("psql runs");
        let input = child.stdin.take().expect("stdin is piped");
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut session = Postgres {
            schema,
            child,
            input,
            output,
        };
        session.run(FUNCTIONS_SQL).expect("the functions apply");
        session
            .run(FUNCTIONS_SQL)
            .expect("the functions apply again");
        session
            .run(&format!(
                "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};"
            ))
            .expect("the schema is made");
        for (collection, definition) in seed.collections.iter().zip(&seed.definitions) {
            let sql = match definition["viewQuery"].as_str() {
                Some(query) => format!(
                    "CREATE VIEW {schema}.{} AS {query};",
                    quote(&collection.name)
                ),
                None => table(schema, collection),
            };
            session.run(&sql).expect("the table is made");
        }
        for (name, body) in &seed.records {
            let collection = seed
                .collections
                .iter()
                .find(|found| &found.name == name)
                .expect("a seeded collection");
            let columns: Vec<String> = collection
                .fields
                .iter()
                .map(|field| quote(&field.name))
                .collect();
            let values: Vec<String> = collection
                .fields
                .iter()
                .map(|field| literal(field, &body[&field.name]))
                .collect();
            let insert = format!(
                "INSERT INTO {schema}.{} ({}) VALUES ({});",
                quote(name),
                columns.join(", "),
                values.join(", ")
            );
            session.run(&insert).expect("the record is inserted");
        }
        session
    }

    /// Runs SQL and returns the lines it printed, or its error.
    pub fn run(&mut self, sql: &str) -> Result<Vec<String>, String> {
        let script = format!(
            "{sql}\n\\if :ERROR\n\\echo !!error :LAST_ERROR_MESSAGE\n\\endif\n\\echo !!end\n"
        );
        self.input
            .write_all(script.as_bytes())
            .map_err(|error| error.to_string())?;
        self.input.flush().map_err(|error| error.to_string())?;
        let mut lines = Vec::new();
        let mut failed = None;
        loop {
            let mut line = String::new();
            if self
                .output
                .read_line(&mut line)
                .map_err(|error| error.to_string())?
                == 0
            {
                return Err("psql has ended".to_owned());
            }
            let line = line.trim_end_matches('\n');
            if line == "!!end" {
                return failed.map_or(Ok(lines), Err);
            }
            match line.strip_prefix("!!error ") {
                Some(message) => failed = Some(message.to_owned()),
                None => lines.push(line.to_owned()),
            }
        }
    }

    /// Runs a statement with bound parameters, prepared so that their types come from the casts in it.
    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<String>, String> {
        if params.is_empty() {
            return self.run(&format!("{sql};"));
        }
        self.run(&format!("PREPARE test AS {sql};"))?;
        let values: Vec<String> = params.iter().map(parameter).collect();
        let result = self.run(&format!("EXECUTE test ({});", values.join(", ")));
        self.run("DEALLOCATE test;")?;
        result
    }
}

fn parameter(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("'{value}'"),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
    }
}

fn column(field: &Field) -> &'static str {
    match field.kind {
        FieldKind::Number => "double precision NOT NULL DEFAULT 0",
        FieldKind::Bool => "boolean NOT NULL DEFAULT false",
        FieldKind::Date | FieldKind::Autodate => "timestamptz(3)",
        FieldKind::Json => "jsonb",
        FieldKind::GeoPoint => "jsonb NOT NULL",
        _ if field.multiple => "jsonb NOT NULL DEFAULT '[]'",
        _ => "text NOT NULL DEFAULT ''",
    }
}

fn table(schema: &str, collection: &Collection) -> String {
    let columns: Vec<String> = collection
        .fields
        .iter()
        .map(|field| format!("{} {}", quote(&field.name), column(field)))
        .collect();
    format!(
        "CREATE TABLE {schema}.{} ({}, \"_rowid_\" bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id));",
        quote(&collection.name),
        columns.join(", ")
    )
}

/// SQL of a submitted value, typed as the column.
pub fn literal(field: &Field, value: &Json) -> String {
    let cast = column(field).split(' ').next().unwrap_or("text");
    let cast = if cast == "double" { "float8" } else { cast };
    if field.kind == FieldKind::Autodate {
        return "now()::timestamptz".to_owned();
    }
    let text = match stored(field, value) {
        Json::String(text) if cast.starts_with("timestamptz") && text.is_empty() => {
            return "NULL::timestamptz".to_owned();
        }
        Json::String(text) if cast != "jsonb" => text,
        Json::Null if cast == "jsonb" && value.is_null() => return "NULL::jsonb".to_owned(),
        other => other.to_string(),
    };
    format!("'{}'::{cast}", text.replace('\'', "''"))
}
