//! Regular expressions as Go reads them (RE2 syntax), with its messages.

use crate::pattern_tree::{DIGITS, Node, Range, SPACES, WORD, complement, posix};

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 200;
/// Most repetitions, also of nested ones together.
const MAX_REPEAT: usize = 1000;

/// Parses an expression; the error is Go's.
pub(crate) fn parse(pattern: &str) -> Result<Node, String> {
    Parser {
        whole: pattern,
        rest: pattern,
    }
    .run()
}

fn error<T>(what: &str, part: &str) -> Result<T, String> {
    Err(format!("{what}: `{part}`"))
}

/// An open group.
#[derive(Default)]
struct Frame {
    flags: String,
    alternatives: Vec<Node>,
    items: Vec<Node>,
}

impl Frame {
    fn close(mut self) -> (String, Node) {
        let last = concat(self.items);
        let inner = if self.alternatives.is_empty() {
            last
        } else {
            self.alternatives.push(last);
            Node::Alternate(self.alternatives)
        };
        (self.flags, inner)
    }
}

fn concat(mut items: Vec<Node>) -> Node {
    if items.len() == 1 {
        items.remove(0)
    } else {
        Node::Concat(items)
    }
}

struct Parser<'p> {
    whole: &'p str,
    rest: &'p str,
}

impl<'p> Parser<'p> {
    fn run(mut self) -> Result<Node, String> {
        let mut open = vec![Frame::default()];
        // Where the last repetition begins, if nothing came after it.
        let mut repeated: Option<&'p str> = None;
        while let Some(c) = self.rest.chars().next() {
            let before = self.rest;
            let repeats = match c {
                '*' => Some((0, None)),
                '+' => Some((1, None)),
                '?' => Some((0, Some(1))),
                '{' => self.counts(),
                _ => None,
            };
            let depth = open.len();
            let Some(frame) = open.last_mut() else {
                break;
            };
            if let Some((min, max)) = repeats {
                if c != '{' {
                    self.next();
                } else if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
                    return error("invalid repeat count", self.since(before));
                }
                let lazy = self.accept("?");
                if let Some(start) = repeated {
                    return error("invalid nested repetition operator", self.since(start));
                }
                let Some(inner) = frame.items.pop() else {
                    let what = "missing argument to repetition operator";
                    return error(what, self.since(before));
                };
                let node = Node::Repeat {
                    inner: Box::new(inner),
                    min,
                    max,
                    lazy,
                };
                if node.weight() > MAX_REPEAT {
                    return error("invalid repeat count", self.since(before));
                }
                frame.items.push(node);
                repeated = Some(before);
                continue;
            }
            repeated = None;
            match c {
                '(' => {
                    if let Some(flags) = self.open()? {
                        frame.items.push(Node::Flags(flags));
                        continue;
                    }
                    if depth > MAX_DEPTH {
                        return error("expression nests too deeply", self.whole);
                    }
                    let flags = self.flags_before(before);
                    open.push(Frame {
                        flags,
                        ..Frame::default()
                    });
                }
                ')' => {
                    self.next();
                    let Some(frame) = (depth > 1).then(|| open.pop()).flatten() else {
                        return error("unexpected )", self.whole);
                    };
                    let (flags, inner) = frame.close();
                    if let Some(frame) = open.last_mut() {
                        frame.items.push(Node::Group {
                            flags,
                            inner: Box::new(inner),
                        });
                    }
                }
                '|' => {
                    self.next();
                    let items = std::mem::take(&mut frame.items);
                    frame.alternatives.push(concat(items));
                }
                '[' => {
                    let class = self.class()?;
                    frame.items.push(class);
                }
                '\\' => {
                    let node = self.backslash()?;
                    frame.items.extend(node);
                }
                _ => {
                    self.next();
                    frame.items.push(match c {
                        '.' => Node::Any,
                        '^' => Node::Assertion("^", 9),
                        '$' => Node::Assertion("$", 10),
                        c => Node::Literal(c),
                    });
                }
            }
        }
        match open.pop() {
            Some(frame) if open.is_empty() => Ok(frame.close().1),
            _ => error("missing closing )", self.whole),
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn accept(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// What was read since the rest was `start`.
    fn since(&self, start: &'p str) -> &'p str {
        &start[..start.len() - self.rest.len()]
    }

    /// `{2}`, `{2,}` or `{2,5}`; anything else is no count and stays unread.
    fn counts(&mut self) -> Option<(usize, Option<usize>)> {
        let inner = self.rest.strip_prefix('{')?;
        let (text, rest) = inner.split_once('}')?;
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let padded = text.len() > 1 && text.starts_with('0');
            (plain && !padded).then(|| text.parse().unwrap_or(usize::MAX))
        };
        let counts = match text.split_once(',') {
            None => {
                let count = number(text)?;
                (count, Some(count))
            }
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        self.rest = rest;
        Some(counts)
    }

    /// The opening of a group; some flags if it is none but only sets them.
    fn open(&mut self) -> Result<Option<String>, String> {
        let start = self.rest;
        self.next();
        if !self.rest.starts_with('?') {
            return Ok(None);
        }
        for prefix in ["?P<", "?<"] {
            if self.rest.len() > prefix.len() && self.rest.starts_with(prefix) {
                let name = &self.rest[prefix.len()..];
                let Some((name, rest)) = name.split_once('>') else {
                    return error("invalid named capture", start);
                };
                self.rest = rest;
                let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                if name.is_empty() || !name.bytes().all(word) {
                    return error("invalid named capture", self.since(start));
                }
                return Ok(None);
            }
        }
        self.next();
        let (mut negative, mut seen) = (false, false);
        loop {
            match self.next() {
                Some('i' | 'm' | 's' | 'U') => seen = true,
                Some('-') if !negative => (negative, seen) = (true, false),
                Some(':') if !negative || seen => return Ok(None),
                Some(')') if !negative || seen => {
                    let text = self.since(start);
                    return Ok(Some(text[2..text.len() - 1].to_owned()));
                }
                _ => return error("invalid or unsupported Perl syntax", self.since(start)),
            }
        }
    }

    /// The flags of the group whose opening was read since `start`.
    fn flags_before(&self, start: &'p str) -> String {
        let flags = self.since(start).strip_prefix("(?");
        let flags = flags.and_then(|text| text.strip_suffix(':'));
        flags.unwrap_or_default().to_owned()
    }

    /// A class in brackets.
    fn class(&mut self) -> Result<Node, String> {
        let start = self.rest;
        self.next();
        let negated = self.accept("^");
        let mut ranges = Vec::new();
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            let item = self.rest;
            if let Some((name, rest)) = item.strip_prefix("[:").and_then(|t| t.split_once(":]")) {
                self.rest = rest;
                let (name, not) = name.strip_prefix('^').map_or((name, false), |n| (n, true));
                let Some(named) = posix(name) else {
                    return error("invalid character class range", self.since(item));
                };
                ranges.extend(if not {
                    complement(named)
                } else {
                    named.to_vec()
                });
                continue;
            }
            if let Some(class) = self.perl_class()? {
                ranges.extend(class);
                continue;
            }
            let low = self.class_char(start)?;
            let mut high = low;
            if self.rest.len() > 1 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                high = self.class_char(start)?;
                if high < low {
                    return error("invalid character class range", self.since(item));
                }
            }
            ranges.push((low, high));
        }
        self.next();
        Ok(Node::Class { negated, ranges })
    }

    fn class_char(&mut self, class: &str) -> Result<char, String> {
        if self.rest.starts_with('\\') {
            return self.escape();
        }
        match self.next() {
            Some(c) => Ok(c),
            None => error("missing closing ]", class),
        }
    }

    /// `\d` and its kin; `\p{…}` is refused.
    fn perl_class(&mut self) -> Result<Option<Vec<Range>>, String> {
        let start = self.rest;
        let mut chars = start.chars();
        if chars.next() != Some('\\') {
            return Ok(None);
        }
        let class = match chars.next() {
            Some('d') => DIGITS.to_vec(),
            Some('D') => complement(DIGITS),
            Some('s') => SPACES.to_vec(),
            Some('S') => complement(SPACES),
            Some('w') => WORD.to_vec(),
            Some('W') => complement(WORD),
            Some('p' | 'P') => {
                let after = chars.as_str();
                let end = match after.chars().next() {
                    Some('{') => after.find('}').map_or(after.len(), |at| at + 1),
                    other => other.map_or(0, char::len_utf8),
                };
                return error("invalid character class range", &start[..2 + end]);
            }
            _ => return Ok(None),
        };
        self.rest = chars.as_str();
        Ok(Some(class))
    }

    /// What a backslash begins, outside of classes.
    fn backslash(&mut self) -> Result<Vec<Node>, String> {
        let start = self.rest;
        for (text, node) in [
            ("\\A", Node::Assertion("\\A", 9)),
            ("\\b", Node::Assertion("\\b", 11)),
            ("\\B", Node::Assertion("\\B", 12)),
            ("\\z", Node::Assertion("\\z", 10)),
        ] {
            if self.accept(text) {
                return Ok(vec![node]);
            }
        }
        if self.accept("\\C") {
            return error("invalid escape sequence", self.since(start));
        }
        if self.accept("\\Q") {
            let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            return Ok(text.chars().map(Node::Literal).collect());
        }
        if let Some(ranges) = self.perl_class()? {
            return Ok(vec![Node::Class {
                negated: false,
                ranges,
            }]);
        }
        self.escape().map(|c| vec![Node::Literal(c)])
    }

    /// An escaped character.
    fn escape(&mut self) -> Result<char, String> {
        let start = self.rest;
        self.next();
        let Some(c) = self.next() else {
            return error("trailing backslash at end of expression", "");
        };
        let found = match c {
            '1'..='7' if !self.rest.starts_with(|c| matches!(c, '0'..='7')) => None,
            '0'..='7' => {
                let digits = self.rest.bytes().take(2);
                let more = digits.take_while(|b| matches!(b, b'0'..=b'7')).count();
                self.rest = &self.rest[more..];
                u32::from_str_radix(&self.since(start)[1..], 8).ok()
            }
            'x' => self.hex(),
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c as u32),
            _ => None,
        };
        match found.and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => error("invalid escape sequence", self.since(start)),
        }
    }

    /// The digits after `\x`: two, or any number in braces.
    fn hex(&mut self) -> Option<u32> {
        let first = self.next()?;
        if first != '{' {
            let high = first.to_digit(16)?;
            return Some(high * 16 + self.next()?.to_digit(16)?);
        }
        let mut value = None;
        loop {
            match self.next()? {
                '}' => return value,
                c => {
                    let next = value.unwrap_or(0) * 16 + c.to_digit(16)?;
                    value = Some(next).filter(|value| *value <= u32::from(char::MAX));
                    value?;
                }
            }
        }
    }
}
