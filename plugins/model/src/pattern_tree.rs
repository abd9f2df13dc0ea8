//! A parsed regular expression, its classes of characters, and how the `regex` crates write it.

use std::fmt::Write as _;

/// A range of characters, both ends included.
pub(crate) type Range = (char, char);

pub(crate) const DIGITS: &[Range] = &[('0', '9')];
pub(crate) const SPACES: &[Range] = &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')];
pub(crate) const WORD: &[Range] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Literal(char),
    /// One character in (or, negated, not in) the ranges.
    Class {
        negated: bool,
        ranges: Vec<Range>,
    },
    /// `.`
    Any,
    /// An empty match, written for the engine, and the number PocketBase knows it by.
    Assertion(&'static str, u8),
    /// Flags for the rest of the group: `(?i)`.
    Flags(String),
    /// A group with its flags; capturing or not makes no difference here.
    Group {
        flags: String,
        inner: Box<Node>,
    },
    Repeat {
        inner: Box<Node>,
        min: usize,
        /// None: without end.
        max: Option<usize>,
        lazy: bool,
    },
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
}

impl Node {
    /// The greatest product of nested counts.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Node::Group { inner, .. } => inner.weight(),
            Node::Concat(nodes) | Node::Alternate(nodes) => {
                nodes.iter().map(Node::weight).max().unwrap_or(1)
            }
            Node::Repeat {
                inner, min, max, ..
            } if *min > 1 || max.is_some_and(|max| max > 1) => {
                inner.weight().saturating_mul(max.unwrap_or(*min).max(1))
            }
            Node::Repeat { inner, .. } => inner.weight(),
            _ => 1,
        }
    }

    /// The expression as the `regex` crates read it.
    pub(crate) fn translate(&self, out: &mut String) {
        match self {
            Node::Literal(c) => literal(*c, out),
            Node::Any => out.push('.'),
            Node::Assertion(text, _) => out.push_str(text),
            Node::Flags(flags) if flags.is_empty() => {}
            Node::Flags(flags) => _ = write!(out, "(?{flags})"),
            Node::Class { negated, ranges } => {
                out.push_str(if *negated { "[^" } else { "[" });
                for (from, to) in ranges {
                    literal(*from, out);
                    out.push('-');
                    literal(*to, out);
                }
                out.push(']');
            }
            Node::Group { flags, inner } => {
                _ = write!(out, "(?{flags}:");
                inner.translate(out);
                out.push(')');
            }
            Node::Repeat {
                inner,
                min,
                max,
                lazy,
            } => {
                // An empty match repeats as itself.
                let bare = matches!(**inner, Node::Assertion(..) | Node::Flags(_));
                out.push_str("(?:");
                inner.translate(out);
                out.push(')');
                match (min, max) {
                    _ if bare && *min > 0 => return,
                    (0, None) => out.push('*'),
                    (1, None) => out.push('+'),
                    (0, Some(1)) => out.push('?'),
                    (min, None) => _ = write!(out, "{{{min},}}"),
                    (min, Some(max)) => _ = write!(out, "{{{min},{max}}}"),
                }
                if *lazy {
                    out.push('?');
                }
            }
            Node::Concat(nodes) => nodes.iter().for_each(|node| node.translate(out)),
            Node::Alternate(nodes) => {
                for (at, node) in nodes.iter().enumerate() {
                    if at > 0 {
                        out.push('|');
                    }
                    node.translate(out);
                }
            }
        }
    }
}

fn literal(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        out.push(c);
    } else {
        _ = write!(out, "\\x{{{:x}}}", c as u32);
    }
}

/// All characters outside sorted ranges.
pub(crate) fn complement(ranges: &[Range]) -> Vec<Range> {
    let mut out = Vec::new();
    let mut from = '\0';
    for (low, high) in ranges {
        if let Some(before) = char::from_u32((*low as u32).wrapping_sub(1))
            && from <= before
        {
            out.push((from, before));
        }
        from = char::from_u32(*high as u32 + 1).unwrap_or(char::MAX);
    }
    out.push((from, char::MAX));
    out
}

/// The named ASCII classes.
pub(crate) fn posix(name: &str) -> Option<&'static [Range]> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => DIGITS,
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}
