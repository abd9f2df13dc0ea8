//! Text to tokens.

use crate::error::Error;

/// A token of the filter language.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// Field path, macro, keyword literal or function name.
    Ident(String),
    /// Quoted text, unescaped.
    Text(String),
    /// Number as written and as value.
    Number(f64),
    /// Comparison operator as written, e.g. `?!=`.
    Op(Op),
    And,
    Or,
    Open,
    Close,
    Comma,
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
    is_ident_start(c) || c.is_ascii_digit() || matches!(c, '.' | ':')
}

/// Splits `input` into tokens; comments (`// …` to the end of the line) and white space go.
pub(crate) fn tokens(input: &str) -> Result<Vec<Token>, Error> {
    let mut lexer = Lexer {
        rest: input,
        out: Vec::new(),
    };
    while lexer.step()? {}
    Ok(lexer.out)
}

struct Lexer<'a> {
    rest: &'a str,
    out: Vec<Token>,
}

impl<'a> Lexer<'a> {
    /// Takes the longest prefix whose characters satisfy `accept`.
    fn take(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Reads one token or comment; false at the end.
    fn step(&mut self) -> Result<bool, Error> {
        self.take(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        let Some(first) = self.rest.chars().next() else {
            return Ok(false);
        };
        match first {
            '(' => self.single(Token::Open),
            ')' => self.single(Token::Close),
            ',' => self.single(Token::Comma),
            '\'' | '"' => self.text(first)?,
            '/' => {
                if !self.rest.starts_with("//") {
                    return Err(Error::syntax("unexpected character /"));
                }
                self.take(|c| c != '\n');
            }
            '&' | '|' => {
                let run = self.take(|c| c == first);
                self.out.push(match run {
                    "&&" => Token::And,
                    "||" => Token::Or,
                    _ => {
                        return Err(Error::syntax(format!(
                            "unknown join {run}, expected && or ||"
                        )));
                    }
                });
            }
            '=' | '!' | '<' | '>' | '~' | '?' => {
                let run = self.take(|c| matches!(c, '=' | '!' | '<' | '>' | '~' | '?'));
                let op = operator(run)
                    .ok_or_else(|| Error::syntax(format!("unknown operator {run}")))?;
                self.out.push(Token::Op(op));
            }
            '-' | '0'..='9' => self.number()?,
            c if is_ident_start(c) => {
                let name = self.take(is_ident);
                if name.ends_with(['.', ':', '@', '#']) {
                    return Err(Error::syntax(format!("incomplete identifier {name}")));
                }
                self.out.push(Token::Ident(name.to_owned()));
            }
            c => return Err(Error::syntax(format!("unexpected character {c:?}"))),
        }
        Ok(true)
    }

    fn single(&mut self, token: Token) {
        self.rest = &self.rest[1..];
        self.out.push(token);
    }

    /// Quoted text; a backslash escapes quotes and itself and stays otherwise.
    fn text(&mut self, quote: char) -> Result<(), Error> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.rest = &self.rest[at + 1..];
                self.out.push(Token::Text(value));
                return Ok(());
            }
            match chars.peek() {
                Some((_, next @ ('\\' | '\'' | '"'))) if c == '\\' => {
                    value.push(*next);
                    chars.next();
                }
                _ => value.push(c),
            }
        }
        Err(Error::syntax("a quoted text is not closed"))
    }

    fn number(&mut self) -> Result<(), Error> {
        let run = self.take(|c| c.is_ascii_digit() || matches!(c, '-' | '.'));
        let digits = run.strip_prefix('-').unwrap_or(run);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || self.rest.starts_with(is_ident_start) {
            return Err(Error::syntax(format!("invalid number {run}")));
        }
        let value = run
            .parse()
            .map_err(|_| Error::syntax(format!("invalid number {run}")))?;
        self.out.push(Token::Number(value));
        Ok(())
    }
}
