//! Tokens to tree.

use crate::error::{Error, ErrorKind};
use crate::lexer::{Lexer, Op, Token};

/// Deepest nesting of brackets that hold more than brackets, and of lists of joins within each other.
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
    /// Quoted text, unescaped.
    Text(String),
    /// A number and how it is written.
    Number {
        value: f64,
        text: String,
    },
    Call {
        name: String,
        args: Vec<Term>,
    },
}

impl Term {
    /// What is written, without arguments, and the kind of term, for error messages.
    pub(crate) fn describe(&self) -> (&str, &'static str) {
        match self {
            Term::Ident(name) => (name, "identifier"),
            Term::Text(text) => (text, "text"),
            Term::Number { text, .. } => (text, "number"),
            Term::Call { name, .. } => (name, "function"),
        }
    }
}

/// Parses a filter or rule. An empty or comment-only text is an error: the caller decides what "no filter" means.
pub fn parse(text: &str) -> Result<Expr, Error> {
    if text.contains('\0') {
        return Err(Error::syntax("NUL characters are not supported"));
    }
    let mut comparisons = 0;
    let root = list(text, 0, &mut comparisons)?;
    Ok(Expr { root, comparisons })
}

/// Checks the raw `filter` and `sort` of a client that is no superuser, before they are parsed: length, and the names
/// only superusers may use, which are found by substring even within quotes.
pub fn check_client(filter: &str, sort: &str) -> Result<(), Error> {
    for (what, text) in [("filter", filter), ("sort", sort)] {
        for name in ["@collection.", "@request."] {
            if text.contains(name) {
                return Err(Error {
                    kind: ErrorKind::Forbidden,
                    message: format!("only superusers can {what} by {name}*"),
                });
            }
        }
    }
    if filter.len() > MAX_CLIENT_FILTER {
        return Err(Error::limit(format!(
            "the filter is longer than {} characters",
            MAX_CLIENT_FILTER
        )));
    }
    Ok(())
}

/// What comes next.
enum Step {
    Left,
    Sign(Term),
    Right(Term, Op),
    Join,
}

/// Comparisons and groups with joins between them.
fn list(text: &str, depth: usize, comparisons: &mut usize) -> Result<Node, Error> {
    let mut lexer = Lexer::new(text);
    let mut step = Step::Left;
    let mut joined = Joined::default();
    let mut or = false;
    let mut empty = true;
    while let Some(token) = lexer.next()? {
        empty = false;
        step = match (step, token) {
            // A group may stand anywhere, as in PocketBase: it is joined like the last one, an unfinished comparison
            // before it does not count.
            (_, Token::Group(inner)) => {
                joined.push(group(inner, depth, comparisons)?, or);
                Step::Join
            }
            (Step::Left, Token::Term(left)) => Step::Sign(left),
            (Step::Sign(left), Token::Sign { op, .. }) => Step::Right(left, op),
            (Step::Right(left, op), Token::Term(right)) => {
                *comparisons += 1;
                joined.push(Node::Compare { left, op, right }, or);
                Step::Join
            }
            (Step::Join, token @ (Token::And | Token::Or)) => {
                or = token == Token::Or;
                Step::Left
            }
            (step, token) => {
                let expected = match step {
                    Step::Left => "left operand (identifier, function, text or number)",
                    Step::Sign(_) => "a sign operator",
                    Step::Right(..) => "right operand (identifier, function text or number)",
                    Step::Join => "&& or ||",
                };
                return Err(Error::syntax(format!(
                    "expected {expected}, got {}",
                    token.describe()
                )));
            }
        };
    }
    match step {
        Step::Join => Ok(joined.node()),
        _ if empty => Err(Error::syntax("empty filter expression")),
        _ => Err(Error::syntax("invalid or incomplete filter expression")),
    }
}

/// The inside of a pair of brackets.
fn group(inner: &str, depth: usize, comparisons: &mut usize) -> Result<Node, Error> {
    let mut text = inner;
    // Brackets around nothing but brackets are no depth.
    while let Some(within) = sole_group(text) {
        text = within;
    }
    if depth >= MAX_DEPTH {
        return Err(Error::limit(format!(
            "the expression is nested deeper than {MAX_DEPTH} levels"
        )));
    }
    list(text, depth + 1, comparisons)
}

/// The inside of the group that is all of `text`.
fn sole_group(text: &str) -> Option<&str> {
    let mut lexer = Lexer::new(text);
    match (lexer.next(), lexer.next()) {
        (Ok(Some(Token::Group(inner))), Ok(None)) => Some(inner),
        _ => None,
    }
}

/// Alternatives of conjunctions.
#[derive(Default)]
struct Joined {
    alternatives: Vec<Vec<Node>>,
}

impl Joined {
    fn push(&mut self, node: Node, or: bool) {
        match self.alternatives.last_mut() {
            Some(last) if !or => last.push(node),
            _ => self.alternatives.push(vec![node]),
        }
    }

    fn node(self) -> Node {
        let and = |nodes| one_or(nodes, Node::And);
        one_or(self.alternatives.into_iter().map(and).collect(), Node::Or)
    }
}

/// The node itself if it is the only one, else all of them as one.
fn one_or(mut nodes: Vec<Node>, several: fn(Vec<Node>) -> Node) -> Node {
    if nodes.len() == 1 {
        nodes.remove(0)
    } else {
        several(nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(node: &Node) -> String {
        let list = |nodes: &[Node], join: &str| {
            let parts: Vec<String> = nodes.iter().map(shape).collect();
            format!("({})", parts.join(join))
        };
        match node {
            Node::And(nodes) => list(nodes, "&"),
            Node::Or(nodes) => list(nodes, "|"),
            Node::Compare { left, .. } => left.describe().0.to_owned(),
        }
    }

    #[test]
    fn joins() {
        for (text, expected) in [
            ("a=1", "a"),
            ("((a=1))", "a"),
            ("a=1 || b=1 && c=1 || d=1", "(a|(b&c)|d)"),
            ("(a=1 || b=1) && c=1", "((a|b)&c)"),
            ("(a=1) (b=1)", "(a&b)"),
            ("a=1 || b=1 (c=1)", "(a|b|c)"),
            ("a=1 || b=1 && c=1 (d=1)", "(a|(b&c&d))"),
            ("a=1 || b (c=1)", "(a|c)"),
            ("a = (b=1)", "b"),
            ("a=1 // x\n&& b=1 // )", "(a&b)"),
        ] {
            let expr = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(shape(&expr.root), expected, "{text}");
        }
    }
}
