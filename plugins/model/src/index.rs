//! Index definitions: SQLite's `CREATE INDEX` text taken apart, put together again, and translated to PostgreSQL.

use crate::collection::Collection;
use crate::field::FieldType;
use crate::index_sql;

/// A parsed `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// Whether values must be unique.
    pub unique: bool,
    /// Whether the text said `IF NOT EXISTS`.
    pub optional: bool,
    /// Name, unquoted.
    pub name: String,
    /// Table, unquoted.
    pub table: String,
    /// Whether the text said `USING gin`, which only Hangar knows.
    pub gin: bool,
    /// What is indexed, in order.
    pub columns: Vec<IndexColumn>,
    /// The condition of a partial index as written; empty for none.
    pub condition: String,
}

/// One entry of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexColumn {
    /// Column name, unquoted, or the expression as written.
    pub name: String,
    /// Collation as written; empty for none.
    pub collate: String,
    /// `ASC`, `DESC` or empty.
    pub sort: String,
    /// Operator class of a GIN index (`gin_trgm_ops`, `jsonb_path_ops`), or empty.
    pub class: String,
}

/// Whether a column holds texts; an expression may.
fn may_be_text(collection: &Collection, name: &str) -> bool {
    let Some(field) = collection.field(name) else {
        return true;
    };
    let other = matches!(
        field.kind(),
        FieldType::Number
            | FieldType::Bool
            | FieldType::Date
            | FieldType::Autodate
            | FieldType::Json
            | FieldType::GeoPoint
    );
    !other && !field.is_multiple()
}

fn is_date(collection: &Collection, name: &str) -> bool {
    let field = collection.field(name);
    field.is_some_and(|field| matches!(field.kind(), FieldType::Date | FieldType::Autodate))
}

impl IndexColumn {
    /// Whether text is compared without regard to case (A–Z).
    pub fn is_nocase(&self) -> bool {
        self.collate.eq_ignore_ascii_case("nocase")
    }

    fn is_plain(&self) -> bool {
        !self.name.is_empty()
            && self
                .name
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_')
    }
}

impl Index {
    /// The text as PocketBase writes indexes it had to change.
    pub fn build(&self) -> String {
        let mut out = String::from(if self.unique {
            "CREATE UNIQUE INDEX "
        } else {
            "CREATE INDEX "
        });
        if self.optional {
            out.push_str("IF NOT EXISTS ");
        }
        let using = if self.gin { "USING gin " } else { "" };
        out.push_str(&format!("`{}` ON `{}` {using}(", self.name, self.table));
        let many = self.columns.len() > 1;
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            if many {
                out.push_str("\n  ");
            }
            if column.name.contains(['(', ' ']) {
                out.push_str(&column.name);
            } else {
                out.push_str(&format!("`{}`", column.name));
            }
            if !column.collate.is_empty() {
                out.push_str(&format!(" COLLATE {}", column.collate));
            }
            for word in [&column.sort, &column.class] {
                if !word.is_empty() {
                    out.push_str(&format!(" {word}"));
                }
            }
        }
        if many {
            out.push('\n');
        }
        out.push(')');
        if !self.condition.is_empty() {
            out.push_str(&format!(" WHERE {}", self.condition));
        }
        out
    }

    /// Whether it is a unique index of exactly this column.
    pub fn is_unique_on(&self, column: &str) -> bool {
        self.unique && self.columns.len() == 1 && self.columns[0].name.eq_ignore_ascii_case(column)
    }

    /// Everything but name and table, for comparing definitions.
    pub fn same_definition(&self, other: &Self) -> bool {
        let key = |index: &Self| {
            let mut copy = index.clone();
            copy.name.clear();
            copy.table.clear();
            copy.optional = false;
            copy.build()
        };
        key(self) == key(other)
    }

    /// PostgreSQL's statement for it on the collection's table.
    ///
    /// `COLLATE NOCASE` becomes `lower(column)`: columns have collation `C`, so that folds A–Z only, as SQLite does; a
    /// look-up uses the index when it compares `lower(column)`. Plain columns must be fields; expressions may use
    /// fields, literals, operators and a few functions. Errors are sentences for the index's place in the answer.
    ///
    /// An index that is not unique ends with the row's number.
    ///
    /// `USING gin (column gin_trgm_ops)` indexes what `~` compares, `json_extract(column, '$.path')` alone what `=`
    /// compares of a path into JSON.
    pub fn to_postgres(&self, collection: &Collection) -> Result<String, String> {
        let mut entries = Vec::new();
        let mut using = if self.gin { "USING gin " } else { "" };
        if let ([column], false, false) = (self.columns.as_slice(), self.unique, self.gin)
            && column.collate.is_empty()
            && column.sort.is_empty()
            && let Some(path) = index_sql::json_path(collection, &column.name)
        {
            // Values out of JSON may be larger than an entry of a B-tree; they are looked for, not ordered.
            using = "USING hash ";
            entries.push(format!("({path})"));
        }
        let rest = if entries.is_empty() {
            self.columns.as_slice()
        } else {
            &[]
        };
        for column in rest {
            if self.gin {
                entries.push(self.gin_entry(collection, column)?);
                continue;
            }
            let mut entry = if column.is_plain() {
                index_sql::column(collection, &column.name)?
            } else {
                format!("({})", index_sql::indexed(collection, &column.name)?)
            };
            match column.collate.to_ascii_lowercase().as_str() {
                "" | "binary" => {}
                // Of what is no text there is but one spelling.
                "nocase" | "rtrim" if !may_be_text(collection, &column.name) => {}
                "nocase" => entry = format!("lower({entry})"),
                "rtrim" => entry = format!("rtrim({entry})"),
                _ => {
                    return Err(format!(
                        "SQL logic error: no such collation sequence: {} (257)",
                        column.collate
                    ));
                }
            }
            // Where SQLite has an empty text there is NULL, of which PostgreSQL takes no two for equal.
            if self.unique && is_date(collection, &column.name) {
                entry = format!("(coalesce({entry}, '-infinity'::timestamptz))");
            }
            if column.sort == "DESC" {
                entry.push_str(" DESC");
            }
            entries.push(entry);
        }
        if using.is_empty() && !self.unique {
            // As in SQLite, where every index ends with the row's number: lists are ordered by it in the end, so that
            // the index alone finds a page, however far back.
            entries.push(crate::sql::ident(crate::sql::ROWID));
        }
        let condition = if self.condition.is_empty() {
            String::new()
        } else {
            format!(
                " WHERE {}",
                index_sql::expression(collection, &self.condition)?
            )
        };
        Ok(format!(
            "CREATE {}INDEX {} ON {} {using}({}){condition}",
            if self.unique { "UNIQUE " } else { "" },
            crate::sql::ident(&self.name),
            crate::sql::table(&collection.name),
            entries.join(", "),
        ))
    }

    /// Whether the index needs the extension for trigrams.
    pub fn needs_trigrams(&self) -> bool {
        self.gin && self.columns.iter().any(|column| column.class == TRIGRAMS)
    }

    /// One entry of a GIN index: what the filter compiler writes for `~`, or the JSON of a column.
    fn gin_entry(&self, collection: &Collection, column: &IndexColumn) -> Result<String, String> {
        let name = index_sql::column(collection, &column.name)?;
        let field = collection
            .fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(&column.name));
        let Some(field) = field.filter(|_| column.sort.is_empty() && column.collate.is_empty())
        else {
            return Err("a GIN index takes fields only, without order and collation".to_owned());
        };
        let json = crate::sql::column_type(field).starts_with("jsonb");
        match (column.class.as_str(), json, field.kind()) {
            (
                TRIGRAMS,
                false,
                FieldType::Number | FieldType::Bool | FieldType::Date | FieldType::Autodate,
            ) => Err(format!("{} is no text", field.name)),
            (TRIGRAMS, false, _) => Ok(format!("lower({name} COLLATE \"C\") {TRIGRAMS}")),
            (TRIGRAMS, true, FieldType::Select | FieldType::Relation | FieldType::File) => {
                Ok(format!(
                    "lower(replace(({name})::text, '\", \"', '\",\"') COLLATE \"C\") {TRIGRAMS}"
                ))
            }
            ("", true, _) => Ok(name),
            ("jsonb_path_ops" | "jsonb_ops", true, _) => Ok(format!("{name} {}", column.class)),
            _ => Err(format!(
                "a GIN index of {} needs the operator class {TRIGRAMS}, or the field to be of JSON",
                field.name
            )),
        }
    }
}

/// Operator class of `pg_trgm`.
const TRIGRAMS: &str = "gin_trgm_ops";

/// The fields whose values a violated unique constraint or index names, for `validation_not_unique`. Empty if the
/// constraint is unknown.
pub fn violated_fields(collection: &Collection, constraint: &str) -> Vec<String> {
    for text in &collection.indexes {
        let Some(index) = Index::parse(text) else {
            continue;
        };
        if crate::sql::physical(&index.name) != constraint {
            continue;
        }
        return collection
            .fields
            .iter()
            .filter(|field| {
                index
                    .columns
                    .iter()
                    .any(|column| column.name.eq_ignore_ascii_case(&field.name))
            })
            .map(|field| field.name.clone())
            .collect();
    }
    // Only the primary key has a constraint of its own that a client can violate.
    if constraint.contains("_pkey") {
        vec!["id".to_owned()]
    } else {
        Vec::new()
    }
}

impl Collection {
    /// The unique index of exactly this column, if there is one.
    pub fn unique_index(&self, column: &str) -> Option<Index> {
        self.indexes
            .iter()
            .filter_map(|text| Index::parse(text))
            .find(|index| index.is_unique_on(column))
    }

    /// Points the indexes at this collection's table where they name another one.
    pub fn retarget_indexes(&mut self) {
        if self.name.is_empty() {
            return;
        }
        for text in &mut self.indexes {
            if let Some(mut index) = Index::parse(text)
                && index.table != self.name
            {
                index.table.clone_from(&self.name);
                *text = index.build();
            }
        }
    }

    /// Adds the unique indexes of auth collections where they are missing. `suffix` makes their names unique: the
    /// collection's id.
    pub fn init_indexes(&mut self, suffix: &str) {
        if !self.is_auth() {
            return;
        }
        for (column, condition) in [("tokenKey", ""), ("email", "`email` != ''")] {
            if self.unique_index(column).is_none() {
                let index = Index {
                    unique: true,
                    optional: false,
                    name: format!("idx_{column}_{suffix}"),
                    table: self.name.clone(),
                    gin: false,
                    columns: vec![IndexColumn {
                        name: column.to_owned(),
                        collate: String::new(),
                        sort: String::new(),
                        class: String::new(),
                    }],
                    condition: condition.to_owned(),
                };
                self.indexes.push(index.build());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rebuilds_like_pocketbase() {
        for (input, table, output) in [
            (
                "create index idx_a on x (tokenKey)",
                "au",
                "CREATE INDEX `idx_a` ON `au` (`tokenKey`)",
            ),
            (
                "create index i1 on ix (a, id desc) where a > 5",
                "ixn",
                "CREATE INDEX `i1` ON `ixn` (\n  `a`,\n  `id` DESC\n) WHERE a > 5",
            ),
            (
                "   CREATE   INDEX \"i2\"\n on ix (`id`   COLLATE nocase, abs(a) )",
                "ixn",
                "CREATE INDEX `i2` ON `ixn` (\n  `id` COLLATE nocase,\n  abs(a)\n)",
            ),
            (
                "create index i3 on ix USING GIN (`title` GIN_trgm_ops) where a > 5",
                "ixn",
                "CREATE INDEX `i3` ON `ixn` USING gin (`title` gin_trgm_ops) WHERE a > 5",
            ),
        ] {
            let mut index = Index::parse(input).expect("a valid definition");
            index.table = table.to_owned();
            assert_eq!(index.build(), output);
        }
    }

    #[test]
    fn refuses_what_is_no_index() {
        for text in [
            "",
            "nonsense",
            "create index  on ix (a)",
            "create index a on b",
            "create index a on b ()",
            "create index a on b (c",
            "create index a on b (c) garbage",
            "create index \"i 2\" on ix (a)",
            "drop table users",
            "create index é",
        ] {
            assert_eq!(Index::parse(text), None, "{text}");
        }
    }

    #[test]
    fn finds_unique_single_columns() {
        let index =
            Index::parse("CREATE UNIQUE INDEX i ON t (`email` COLLATE NOCASE)").expect("valid");
        assert!(index.is_unique_on("email") && index.columns[0].is_nocase());
    }
}
