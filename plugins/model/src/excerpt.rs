//! Plain-text excerpts of HTML, for `:excerpt(max, withEllipsis)`.

/// The first `max` characters of the HTML's text: tags gone, script and style skipped, entities decoded, white space
/// folded, words of block elements kept apart. With `ellipsis`, a cut text ends in `...`.
pub fn excerpt(html: &str, max: usize, ellipsis: bool) -> String {
    let mut out = Folded::new(max);
    let mut rest = html;
    while !rest.is_empty() && !out.full() {
        if let Some(inner) = rest.strip_prefix('<').filter(|inner| starts_tag(inner)) {
            let end = inner.find('>').map_or(inner.len(), |end| end + 1);
            let name = tag_name(inner);
            rest = &inner[end..];
            if SKIPPED.contains(&name.as_str()) && !inner.starts_with('/') {
                rest = skip_element(rest, &name);
            } else if !INLINE.contains(&name.as_str()) {
                out.push(' ');
            }
            continue;
        }
        // The first character may be a `<` that opens no tag.
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest[first..]
            .find('<')
            .map_or(rest.len(), |end| end + first);
        decode(&rest[..end], &mut out);
        rest = &rest[end..];
    }
    let (mut text, cut) = out.finish();
    if cut {
        text.truncate(text.trim_end().len());
        if ellipsis {
            text.push_str("...");
        }
    }
    text
}

const SKIPPED: [&str; 6] = ["script", "style", "svg", "iframe", "object", "embed"];
const INLINE: [&str; 22] = [
    "a", "abbr", "b", "bdo", "big", "button", "cite", "code", "em", "i", "label", "q", "small",
    "span", "strong", "strike", "sub", "sup", "time", "u", "mark", "s",
];

fn starts_tag(inner: &str) -> bool {
    inner.starts_with(|first: char| {
        first.is_ascii_alphabetic() || first == '/' || first == '!' || first == '?'
    })
}

fn tag_name(inner: &str) -> String {
    inner
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// What follows the element's closing tag.
fn skip_element<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if tag_name(rest) == name {
            return rest.find('>').map_or("", |end| &rest[end + 1..]);
        }
    }
    ""
}

fn decode(text: &str, out: &mut Folded) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        rest[..at].chars().for_each(|letter| out.push(letter));
        rest = &rest[at..];
        let entity = rest[1..]
            .find(';')
            .filter(|end| *end <= 8)
            .and_then(|end| Some((entity(&rest[1..=end])?, end + 2)));
        let (letter, used) = entity.unwrap_or(('&', 1));
        out.push(letter);
        rest = &rest[used..];
    }
    rest.chars().for_each(|letter| out.push(letter));
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "copy" => '©',
        "reg" => '®',
        "hellip" => '…',
        "ndash" => '–',
        "mdash" => '—',
        "laquo" => '«',
        "raquo" => '»',
        "euro" => '€',
        _ => return None,
    })
}

/// Text with white space folded to single spaces, cut after a number of characters.
struct Folded {
    text: String,
    left: usize,
    space: bool,
    cut: bool,
}

impl Folded {
    fn new(max: usize) -> Self {
        Self {
            text: String::new(),
            left: max,
            space: false,
            cut: false,
        }
    }

    fn full(&self) -> bool {
        self.cut
    }

    fn push(&mut self, letter: char) {
        // A no-break space is no white space to fold.
        if letter.is_ascii_whitespace() {
            self.space = !self.text.is_empty();
            return;
        }
        if std::mem::take(&mut self.space) {
            self.append(' ');
        }
        self.append(letter);
    }

    fn append(&mut self, letter: char) {
        if self.left == 0 {
            self.cut = true;
        } else {
            self.left -= 1;
            self.text.push(letter);
        }
    }

    fn finish(self) -> (String, bool) {
        (self.text, self.cut)
    }
}
