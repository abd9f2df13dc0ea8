//! Text to tokens, one at a time: the first thing wrong in reading order is the one reported.

use crate::error::Error;
use crate::parser::Term;
use crate::quoting::{character, text as quoted};

/// Deepest nesting of brackets.
const MAX_BRACKETS: usize = 2000;
/// Deepest nesting of function calls.
const MAX_CALLS: usize = 3;

/// A token of the filter language.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// Field path, literal or function call.
    Term(Term),
    /// Comparison operator.
    Sign { op: Op, text: &'a str },
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// What is between a bracket and the one that closes it.
    Group(&'a str),
}

impl Token<'_> {
    /// The token in error messages.
    pub(crate) fn describe(&self) -> String {
        let (text, kind) = match self {
            Token::Term(term) => {
                let (text, kind) = term.describe();
                (text.to_owned(), kind)
            }
            Token::Sign { text, .. } => ((*text).to_owned(), "sign"),
            Token::And => ("&&".to_owned(), "join"),
            Token::Or => ("||".to_owned(), "join"),
            Token::Group(text) => ((*text).to_owned(), "group"),
        };
        format!("{} ({kind})", quoted(&text))
    }
}

/// What a comparison does, apart from its any-of flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Like,
    NotLike,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub comparison: Comparison,
    /// `?=` and its kin: one joined row that satisfies is enough.
    pub any: bool,
}

fn operator(text: &str) -> Option<Op> {
    let (any, rest) = match text.strip_prefix('?') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let comparison = match rest {
        "=" => Comparison::Eq,
        "!=" => Comparison::Ne,
        ">" => Comparison::Gt,
        ">=" => Comparison::Ge,
        "<" => Comparison::Lt,
        "<=" => Comparison::Le,
        "~" => Comparison::Like,
        "!~" => Comparison::NotLike,
        _ => return None,
    };
    Some(Op { comparison, any })
}

fn is_ident_start(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '@' | '#')
}

fn is_ident(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':')
}

fn is_ident_text(name: &str) -> bool {
    !matches!(name, "@" | "#" | "_") && !name.ends_with(['.', ':'])
}

/// Reads tokens off a text; comments (`// …` to the end of the line) and white space go.
pub(crate) struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Lexer { rest: text }
    }

    /// The next token, none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'a>>, Error> {
        self.skip()?;
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        Ok(Some(match first {
            '(' => Token::Group(self.group()?),
            '\'' | '"' => Token::Term(Term::Text(self.text().map_err(invalid_text)?)),
            '&' | '|' => match self.take(|c| matches!(c, '&' | '|')) {
                "&&" => Token::And,
                "||" => Token::Or,
                other => {
                    return Err(Error::syntax(format!(
                        "invalid join operator {}",
                        quoted(other)
                    )));
                }
            },
            '=' | '!' | '<' | '>' | '~' | '?' => {
                let text = self.take(|c| matches!(c, '=' | '!' | '<' | '>' | '~' | '?'));
                let op = operator(text).ok_or_else(|| {
                    Error::syntax(format!("invalid sign operator {}", quoted(text)))
                })?;
                Token::Sign { op, text }
            }
            '-' | '0'..='9' => Token::Term(self.number().map_err(invalid_number)?),
            c if is_ident_start(c) => Token::Term(self.name(1)?),
            c => {
                return Err(Error::syntax(format!(
                    "unexpected character {}",
                    character(c)
                )));
            }
        }))
    }

    /// Takes the longest prefix whose characters satisfy `accept`.
    fn take(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn accept(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// White space and comments.
    fn skip(&mut self) -> Result<(), Error> {
        loop {
            self.take(|c| matches!(c, ' ' | '\t' | '\n'));
            if self.rest.starts_with("//") {
                self.take(|c| c != '\n');
            } else if self.rest.starts_with('/') {
                return Err(Error::syntax("invalid comment"));
            } else {
                return Ok(());
            }
        }
    }

    /// A bracketed part, up to the bracket that closes it. Only brackets and quotes count within, not comments.
    fn group(&mut self) -> Result<&'a str, Error> {
        self.accept('(');
        let start = self.rest;
        let mut open = 1;
        loop {
            self.take(|c| !matches!(c, '(' | ')' | '\'' | '"'));
            match self.rest.chars().next() {
                Some('(') if open == MAX_BRACKETS => {
                    return Err(Error::limit(format!(
                        "brackets are nested deeper than {MAX_BRACKETS} levels"
                    )));
                }
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some(_) => {
                    self.text().map_err(invalid_text)?;
                    continue;
                }
                None => {
                    return Err(Error::syntax(format!(
                        "invalid formatted group - missing {open} closing bracket(s)"
                    )));
                }
            }
            let inner = &start[..start.len() - self.rest.len()];
            self.rest = &self.rest[1..];
            if open == 0 {
                return Ok(inner);
            }
        }
    }

    /// Quoted text; a backslash escapes quotes and itself and stays otherwise. The error is what was read.
    fn text(&mut self) -> Result<String, String> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().peekable();
        let quote = chars.next().map_or('\'', |(_, quote)| quote);
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
            match chars.peek() {
                Some((_, next @ ('\\' | '\'' | '"'))) if c == '\\' => {
                    value.push(*next);
                    chars.next();
                }
                _ => value.push(c),
            }
        }
        Err(format!("{quote}{value}"))
    }

    /// A number, or what was read of one.
    fn number(&mut self) -> Result<Term, String> {
        let start = self.rest;
        self.accept('-');
        self.take(|c| c.is_ascii_digit());
        if self.accept('.') {
            self.take(|c| c.is_ascii_digit());
        }
        let text = &start[..start.len() - self.rest.len()];
        if !text.ends_with(|c: char| c.is_ascii_digit()) {
            return Err(text.to_owned());
        }
        let value = text.parse().map_err(|_| text.to_owned())?;
        Ok(Term::Number {
            value,
            text: text.to_owned(),
        })
    }

    /// Field path or, when a bracket follows directly, function call; `depth` calls deep if it is one.
    fn name(&mut self, depth: usize) -> Result<Term, Error> {
        let start = self.rest;
        self.accept('@');
        if self.rest.len() == start.len() {
            self.accept('#');
        }
        self.take(is_ident);
        let name = &start[..start.len() - self.rest.len()];
        let call = self.accept('(');
        if !is_ident_text(name) {
            let kind = if call { "function name" } else { "identifier" };
            return Err(Error::syntax(format!("invalid {kind} {}", quoted(name))));
        }
        if !call {
            return Ok(Term::Ident(name.to_owned()));
        }
        if depth > MAX_CALLS {
            return Err(Error::limit(format!(
                "max nested function arguments reached (max: {MAX_CALLS})"
            )));
        }
        Ok(Term::Call {
            name: name.to_owned(),
            args: self.args(name, depth)?,
        })
    }

    fn args(&mut self, function: &str, depth: usize) -> Result<Vec<Term>, Error> {
        let function = quoted(function);
        let mut args = Vec::new();
        let mut comma = true;
        loop {
            self.skip()?;
            let before = self.rest;
            let c = before.chars().next().ok_or_else(|| {
                Error::syntax(format!(
                    "invalid or incomplete function {function} (expected ')')"
                ))
            })?;
            if c == ')' {
                self.accept(')');
                return Ok(args);
            }
            if c == ',' {
                self.accept(',');
                if comma {
                    return Err(Error::syntax(format!(
                        "unexpected comma in function {function}"
                    )));
                }
                comma = true;
                continue;
            }
            if !comma {
                return Err(Error::syntax(format!(
                    "expected comma after the last argument in function {function}"
                )));
            }
            comma = false;
            let of = |kind: &str, literal: &str, error: Error| Error {
                message: format!(
                    "invalid {kind} argument {} in function {function}: {}",
                    quoted(literal),
                    error.message
                ),
                ..error
            };
            args.push(match c {
                '\'' | '"' => {
                    let text = self.text();
                    Term::Text(text.map_err(|read| of("text", &read.clone(), invalid_text(read)))?)
                }
                '-' | '0'..='9' => {
                    let number = self.number();
                    number.map_err(|read| of("number", &read.clone(), invalid_number(read)))?
                }
                c if is_ident_start(c) => {
                    let name = self.name(depth + 1);
                    name.map_err(|error| of("identifier", name_of(before), error))?
                }
                c => {
                    return Err(Error::syntax(format!(
                        "unsupported argument character {} in function {function}",
                        character(c)
                    )));
                }
            });
        }
    }
}

fn invalid_text(read: String) -> Error {
    Error::syntax(format!("invalid quoted text {}", quoted(&read)))
}

fn invalid_number(read: String) -> Error {
    Error::syntax(format!("invalid number {}", quoted(&read)))
}

/// The name at the start of a text.
fn name_of(text: &str) -> &str {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let rest = &text[first..];
    let end = rest.find(|c| !is_ident(c)).unwrap_or(rest.len());
    &text[..first + end]
}
