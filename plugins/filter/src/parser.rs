//! Tokens to tree.

use crate::error::Error;
use crate::lexer::{Op, Token, tokens};

/// Deepest nesting of parentheses and function calls.
pub const MAX_DEPTH: usize = 100;
/// Longest filter a client may send, in bytes.
pub const MAX_CLIENT_FILTER: usize = 3500;
/// Most comparisons in a filter a client may send.
pub const MAX_CLIENT_COMPARISONS: usize = 200;

/// A parsed filter or rule. Does not depend on any collection, so it can be kept per text.
#[derive(Clone, Debug)]
pub struct Expr {
    pub(crate) root: Node,
    pub(crate) comparisons: usize,
}

impl Expr {
    /// Number of comparisons in it.
    pub fn comparisons(&self) -> usize {
        self.comparisons
    }
}

/// A node of the tree. `&&` binds tighter than `||`, as in SQL.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare { left: Term, op: Op, right: Term },
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term {
    Ident(String),
    Text(String),
    Number(f64),
    Call { name: String, args: Vec<Term> },
}

/// Parses a filter or rule. An empty or comment-only text is an error: the caller decides what "no filter" means.
pub fn parse(text: &str) -> Result<Expr, Error> {
    let mut parser = Parser {
        tokens: tokens(text)?.into_iter().peekable(),
        comparisons: 0,
    };
    if parser.tokens.peek().is_none() {
        return Err(Error::syntax("the expression is empty"));
    }
    let root = parser.or(0)?;
    match parser.tokens.next() {
        None => Ok(Expr {
            root,
            comparisons: parser.comparisons,
        }),
        Some(token) => Err(Error::syntax(format!(
            "unexpected {} after a comparison",
            describe(&token)
        ))),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    comparisons: usize,
}

impl Parser {
    fn accept(&mut self, token: &Token) -> bool {
        self.tokens.next_if(|next| next == token).is_some()
    }

    fn or(&mut self, depth: usize) -> Result<Node, Error> {
        let mut nodes = vec![self.and(depth)?];
        while self.accept(&Token::Or) {
            nodes.push(self.and(depth)?);
        }
        Ok(if nodes.len() == 1 {
            nodes.remove(0)
        } else {
            Node::Or(nodes)
        })
    }

    fn and(&mut self, depth: usize) -> Result<Node, Error> {
        let mut nodes = vec![self.unit(depth)?];
        while self.accept(&Token::And) {
            nodes.push(self.unit(depth)?);
        }
        Ok(if nodes.len() == 1 {
            nodes.remove(0)
        } else {
            Node::And(nodes)
        })
    }

    fn unit(&mut self, depth: usize) -> Result<Node, Error> {
        if self.accept(&Token::Open) {
            let inner = self.or(deeper(depth)?)?;
            return if self.accept(&Token::Close) {
                Ok(inner)
            } else {
                Err(Error::syntax("a parenthesis is not closed"))
            };
        }
        let left = self.term(depth)?;
        let op = match self.tokens.next() {
            Some(Token::Op(op)) => op,
            Some(token) => {
                return Err(Error::syntax(format!(
                    "expected a comparison operator, found {}",
                    describe(&token)
                )));
            }
            None => return Err(Error::syntax("expected a comparison operator at the end")),
        };
        let right = self.term(depth)?;
        self.comparisons += 1;
        Ok(Node::Compare { left, op, right })
    }

    fn term(&mut self, depth: usize) -> Result<Term, Error> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Term::Text(text)),
            Some(Token::Number(number)) => Ok(Term::Number(number)),
            Some(Token::Ident(name)) => {
                if self.accept(&Token::Open) {
                    let args = self.args(deeper(depth)?)?;
                    Ok(Term::Call { name, args })
                } else {
                    Ok(Term::Ident(name))
                }
            }
            Some(token) => Err(Error::syntax(format!(
                "expected a field, literal or function, found {}",
                describe(&token)
            ))),
            None => Err(Error::syntax(
                "expected a field, literal or function at the end",
            )),
        }
    }

    fn args(&mut self, depth: usize) -> Result<Vec<Term>, Error> {
        let mut args = Vec::new();
        if self.accept(&Token::Close) {
            return Ok(args);
        }
        loop {
            args.push(self.term(depth)?);
            if self.accept(&Token::Close) {
                return Ok(args);
            }
            if !self.accept(&Token::Comma) {
                return Err(Error::syntax(
                    "expected , or ) in the arguments of a function",
                ));
            }
        }
    }
}

fn deeper(depth: usize) -> Result<usize, Error> {
    if depth >= MAX_DEPTH {
        return Err(Error::limit(format!(
            "the expression is nested deeper than {MAX_DEPTH} levels"
        )));
    }
    Ok(depth + 1)
}

fn describe(token: &Token) -> String {
    match token {
        Token::Ident(name) => name.clone(),
        Token::Text(_) => "a text".to_owned(),
        Token::Number(number) => number.to_string(),
        Token::Op(_) => "an operator".to_owned(),
        Token::And => "&&".to_owned(),
        Token::Or => "||".to_owned(),
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
        Token::Comma => ",".to_owned(),
    }
}
