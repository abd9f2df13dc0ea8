//! The plain text of an HTML mail. The markup is read without a tree: mails are templates of simple markup, and what is
//! malformed only looks odd.

/// Elements that begin no new line.
const INLINE: [&str; 13] = [
    "a", "b", "em", "i", "img", "input", "small", "span", "strike", "strong", "sub", "sup", "u",
];
/// Elements that count only inside of tables.
const TABLE_PARTS: [&str; 9] = [
    "caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr",
];
/// Elements whose content is not text.
const DROPPED: [&str; 11] = [
    "applet", "button", "form", "iframe", "object", "option", "script", "select", "style", "svg",
    "template",
];
/// The same, and nothing in them is markup.
const RAW: [&str; 4] = ["script", "style", "textarea", "iframe"];

/// The text of a page.
pub fn from_html(html: &str) -> String {
    // The head holds nothing to read.
    let body = match (find(html, "<body"), find(html, "</body")) {
        (Some(start), Some(end)) if start < end => match html[start..end].find('>') {
            Some(open) => &html[start + open + 1..end],
            None => html,
        },
        _ => html,
    };
    let mut reader = Reader::default();
    reader.read(body);
    reader.end_link();
    reader.out.text.trim().to_owned()
}

/// Where a text begins, whatever its case.
fn find(html: &str, wanted: &str) -> Option<usize> {
    html.as_bytes()
        .windows(wanted.len())
        .position(|window| window.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Text that grows.
#[derive(Default)]
struct Flow {
    text: String,
    /// Whether a line, or an item of a list, has just begun: space there is left out.
    fresh: bool,
}

impl Flow {
    fn line(&mut self) {
        if !self.text.is_empty() && !self.fresh {
            self.text.push('\n');
            self.fresh = true;
        }
    }

    fn push(&mut self, text: &str) {
        let text = if self.fresh || self.text.is_empty() {
            text.trim_start_matches(' ')
        } else {
            text
        };
        if !text.is_empty() {
            self.text.push_str(text);
            self.fresh = false;
        }
    }
}

#[derive(Default)]
struct Reader {
    out: Flow,
    /// A link's text and target.
    link: Option<(Flow, String)>,
    /// The element that is dropped, and how often it is open.
    dropped: Option<(String, usize)>,
    tables: usize,
}

impl Reader {
    fn flow(&mut self) -> &mut Flow {
        match &mut self.link {
            Some((flow, _)) => flow,
            None => &mut self.out,
        }
    }

    fn read(&mut self, html: &str) {
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            let (text, markup) = rest.split_at(at);
            self.text(text);
            rest = if let Some(comment) = markup.strip_prefix("<!--") {
                after(comment, "-->")
            } else if markup.starts_with("<!") || markup.starts_with("<?") {
                after(markup, ">")
            } else if markup[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
                let (inside, behind) = tag_end(&markup[1..]);
                match self.tag(inside) {
                    Some(raw) => after_raw(behind, &raw),
                    None => behind,
                }
            } else {
                self.text("<");
                &markup[1..]
            };
        }
        self.text(rest);
    }

    fn text(&mut self, text: &str) {
        if self.dropped.is_some() || text.is_empty() {
            return;
        }
        let decoded = html_escape::decode_html_entities(text);
        let mut collapsed = String::with_capacity(decoded.len());
        for character in decoded.chars() {
            match character {
                ' ' | '\t' | '\n' | '\r' | '\x0c' => {
                    if !collapsed.ends_with(' ') {
                        collapsed.push(' ');
                    }
                }
                other => collapsed.push(other),
            }
        }
        self.flow().push(&collapsed);
    }

    /// One tag, without its brackets. Answers the name of an element whose content is no markup.
    fn tag(&mut self, inside: &str) -> Option<String> {
        let closing = inside.starts_with('/');
        let inside = inside.trim_start_matches('/');
        let end = inside
            .find(|c: char| c.is_ascii_whitespace() || c == '/')
            .unwrap_or(inside.len());
        let name = inside[..end].to_ascii_lowercase();
        if let Some((dropped, depth)) = &mut self.dropped {
            if *dropped == name {
                *depth = if closing { *depth - 1 } else { *depth + 1 };
                if *depth == 0 {
                    self.dropped = None;
                }
            }
            return None;
        }
        if closing {
            self.close(&name);
            return None;
        }
        if RAW.contains(&name.as_str()) {
            return Some(name);
        }
        match name.as_str() {
            "br" => {
                let flow = self.flow();
                flow.text.push('\n');
                flow.fresh = true;
            }
            "a" => {
                self.end_link();
                let target = attribute(&inside[end..], "href").unwrap_or_default();
                self.link = Some((Flow::default(), target));
            }
            "li" => {
                let flow = self.flow();
                flow.line();
                flow.text.push_str("- ");
                flow.fresh = true;
            }
            "frame" => {}
            name if DROPPED.contains(&name) => self.dropped = Some((name.to_owned(), 1)),
            name if TABLE_PARTS.contains(&name) && self.tables == 0 => {}
            name if !INLINE.contains(&name) => {
                self.tables += usize::from(name == "table");
                self.flow().line();
            }
            _ => {}
        }
        None
    }

    fn close(&mut self, name: &str) {
        match name {
            "a" => self.end_link(),
            "table" => self.tables = self.tables.saturating_sub(1),
            _ => {}
        }
    }

    fn end_link(&mut self) {
        let Some((flow, target)) = self.link.take() else {
            return;
        };
        let text = match flow.text.trim() {
            "" => "LINK",
            text => text,
        };
        let whole = match target.as_str() {
            "" => format!("[{text}]"),
            target => format!("[{text}]({target})"),
        };
        self.out.push(&whole);
    }
}

/// What follows a text; nothing if it is not there.
fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.find(end).map_or("", |at| &text[at + end.len()..])
}

/// What follows the end tag of an element without markup.
fn after_raw<'a>(text: &'a str, name: &str) -> &'a str {
    find(text, &format!("</{name}")).map_or("", |at| after(&text[at..], ">"))
}

/// The inside of a tag and what follows it; a bracket in quotes does not end it.
fn tag_end(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return (&text[..at], &text[at + 1..]),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    (text, "")
}

/// The value of an attribute.
fn attribute(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || c == '=')
            .unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let behind = behind.trim_start();
        let value = if let Some(value) = behind.strip_prefix('=') {
            let value = value.trim_start();
            let (value, behind) = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let value = &value[1..];
                    value.split_once(quote).unwrap_or((value, ""))
                }
                _ => {
                    let end = value
                        .find(|c: char| c.is_ascii_whitespace())
                        .unwrap_or(value.len());
                    value.split_at(end)
                }
            };
            rest = behind;
            value
        } else {
            // A name alone; one that begins with `=` is skipped, or it would never end.
            rest = if end == 0 { &rest[1..] } else { behind };
            ""
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(html_escape::decode_html_entities(value).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::from_html;

    /// What PocketBase makes of the same.
    #[test]
    fn as_captured() {
        let captured: Vec<(String, String)> =
            serde_json::from_str(include_str!("../../testdata/html_to_text.json")).expect("cases");
        for (html, text) in captured {
            assert_eq!(from_html(&html), text, "{html:?}");
        }
    }

    #[test]
    fn odd_markup_ends() {
        for html in [
            "<",
            "<a",
            "<a href",
            "<a href=",
            "<a href='",
            "<a ==x>l",
            "</",
            "<!--",
            "<style>",
            "<script>x</scrip",
            "<svg><svg>",
            "</a></a>",
            "<a><a>",
            "<a href=\"x>y",
            "&",
            "&#;",
            "&#x110000;",
            "<é>",
            "<a é='x'>y</a>",
        ] {
            let _ = from_html(html);
        }
        assert_eq!(
            from_html("<html><head><title>t</title></head><BODY class='a'><p>b</p></BODY></html>"),
            "b"
        );
    }
}
