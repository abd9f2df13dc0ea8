//! Reading `CREATE INDEX`.

use crate::index::{Index, IndexColumn};

impl Index {
    /// Reads a definition; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = Words { rest: text.trim() };
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
        let gin = words.keyword("using").is_some();
        if gin {
            words.keyword("gin")?;
        }
        let list = words.parenthesised()?;
        let mut condition = String::new();
        if words.keyword("where").is_some() {
            condition = words.rest.trim().trim_end_matches(';').to_owned();
            if condition.is_empty() {
                return None;
            }
        } else if !words.rest.trim().is_empty() {
            return None;
        }
        let columns: Option<Vec<_>> = split_top_level(list)
            .into_iter()
            .map(|text| parse_column(text, gin))
            .collect();
        let columns = columns?;
        (!columns.is_empty()).then_some(Self {
            unique,
            optional,
            name,
            table,
            gin,
            columns,
            condition,
        })
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

fn parse_column(text: &str, gin: bool) -> Option<IndexColumn> {
    let mut name = text.trim();
    let mut class = String::new();
    if let (true, Some((rest, last))) = (gin, last_word(name)) {
        class = last.to_ascii_lowercase();
        name = rest;
    }
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
        class,
    })
}

fn last_word(text: &str) -> Option<(&str, &str)> {
    let at = text.rfind(char::is_whitespace)?;
    let width = text[at..].chars().next()?.len_utf8();
    Some((text[..at].trim_end(), &text[at + width..]))
}
