//! Index definitions: SQLite's `CREATE INDEX` text taken apart, put together again, and translated to PostgreSQL.

use crate::collection::Collection;
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
    /// Reads a definition; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = Words {
            rest: text.trim().trim_end_matches(';'),
        };
        words.keyword("create")?;
        let unique = words.keyword("unique").is_some();
        words.keyword("index")?;
        let optional = words.keyword("if").is_some();
        if optional {
            words.keyword("not")?;
            words.keyword("exists")?;
        }
        let name = words.name()?;
        words.keyword("on")?;
        let table = words.name()?;
        let list = words.parenthesised()?;
        let mut condition = String::new();
        if words.keyword("where").is_some() {
            condition = words.rest.trim().to_owned();
        } else if !words.rest.trim().is_empty() {
            return None;
        }
        let columns: Option<Vec<_>> = split_top_level(list)
            .into_iter()
            .map(parse_column)
            .collect();
        let columns = columns?;
        (!columns.is_empty()).then_some(Self {
            unique,
            optional,
            name,
            table,
            columns,
            condition,
        })
    }

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
        out.push_str(&format!("`{}` ON `{}` (", self.name, self.table));
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
            if !column.sort.is_empty() {
                out.push_str(&format!(" {}", column.sort));
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
    pub fn to_postgres(&self, collection: &Collection) -> Result<String, String> {
        let mut entries = Vec::new();
        for column in &self.columns {
            let mut entry = if column.is_plain() {
                index_sql::column(collection, &column.name)?
            } else {
                format!("({})", index_sql::expression(collection, &column.name)?)
            };
            match column.collate.to_ascii_lowercase().as_str() {
                "" | "binary" => {}
                "nocase" => entry = format!("lower({entry})"),
                "rtrim" => entry = format!("rtrim({entry})"),
                other => return Err(format!("no such collation sequence: {other}")),
            }
            if column.sort == "DESC" {
                entry.push_str(" DESC");
            }
            entries.push(entry);
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
            "CREATE {}INDEX {} ON {} ({}){condition}",
            if self.unique { "UNIQUE " } else { "" },
            crate::sql::ident(&self.name),
            crate::sql::table(&collection.name),
            entries.join(", "),
        ))
    }
}

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
                    columns: vec![IndexColumn {
                        name: column.to_owned(),
                        collate: String::new(),
                        sort: String::new(),
                    }],
                    condition: condition.to_owned(),
                };
                self.indexes.push(index.build());
            }
        }
    }
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes the keyword if it is next.
    fn keyword(&mut self, word: &str) -> Option<()> {
        self.skip_space();
        let head = self.rest.get(..word.len())?;
        let tail = &self.rest[word.len()..];
        let ends = tail
            .chars()
            .next()
            .is_none_or(|next| !(next.is_alphanumeric() || next == '_'));
        if !head.eq_ignore_ascii_case(word) || !ends {
            return None;
        }
        self.rest = tail;
        Some(())
    }

    /// Takes a bare or quoted name without spaces.
    fn name(&mut self) -> Option<String> {
        self.skip_space();
        let first = self.rest.chars().next()?;
        let name = match closing_quote(first) {
            Some(close) => {
                let inner = &self.rest[first.len_utf8()..];
                let end = inner.find(close)?;
                self.rest = &inner[end + close.len_utf8()..];
                &inner[..end]
            }
            None => {
                let end = self
                    .rest
                    .find(|next: char| next.is_whitespace() || next == '(')
                    .unwrap_or(self.rest.len());
                let (name, rest) = self.rest.split_at(end);
                self.rest = rest;
                name
            }
        };
        let valid = !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_alphanumeric() || "_-.$".contains(letter));
        valid.then(|| name.to_owned())
    }

    /// Takes `(…)` and gives what is inside.
    fn parenthesised(&mut self) -> Option<&'a str> {
        self.skip_space();
        let inner = self.rest.strip_prefix('(')?;
        let end = scan(inner, |letter, depth| letter == ')' && depth == 0)?;
        self.rest = &inner[end + 1..];
        Some(&inner[..end])
    }
}

fn closing_quote(open: char) -> Option<char> {
    match open {
        '`' | '"' | '\'' => Some(open),
        '[' => Some(']'),
        _ => None,
    }
}

/// Position of the first character outside quotes for which `wanted(character, parenthesis depth)` holds.
fn scan(text: &str, wanted: impl Fn(char, usize) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        if let Some(close) = quote {
            if letter == close {
                quote = None;
            }
            continue;
        }
        if wanted(letter, depth) {
            return Some(at);
        }
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => quote = closing_quote(letter),
        }
    }
    None
}

fn split_top_level(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some(at) = scan(text, |letter, depth| letter == ',' && depth == 0) {
        parts.push(&text[..at]);
        text = &text[at + 1..];
    }
    parts.push(text);
    parts
}

fn parse_column(text: &str) -> Option<IndexColumn> {
    let mut name = text.trim();
    let mut sort = String::new();
    let mut collate = String::new();
    if let Some((rest, last)) = last_word(name)
        && (last.eq_ignore_ascii_case("asc") || last.eq_ignore_ascii_case("desc"))
    {
        sort = last.to_ascii_uppercase();
        name = rest;
    }
    if let Some((rest, last)) = last_word(name)
        && let Some((before, word)) = last_word(rest)
        && word.eq_ignore_ascii_case("collate")
    {
        collate = last.trim_matches(['`', '"', '[', ']']).to_owned();
        name = before;
    }
    if let Some(close) = name.chars().next().and_then(closing_quote)
        && name.len() > 2
        && name[1..].find(close) == Some(name.len() - 2)
    {
        name = &name[1..name.len() - 1];
    }
    (!name.is_empty()).then(|| IndexColumn {
        name: name.to_owned(),
        collate,
        sort,
    })
}

fn last_word(text: &str) -> Option<(&str, &str)> {
    let at = text.rfind(char::is_whitespace)?;
    let width = text[at..].chars().next()?.len_utf8();
    Some((text[..at].trim_end(), &text[at + width..]))
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
