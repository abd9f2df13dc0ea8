//! Bodies of HTML forms: `application/x-www-form-urlencoded` and `multipart/form-data`.

/// One value of a form.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// Name of the field.
    pub name: String,
    /// Name of the file; `None` for a plain value.
    pub file_name: Option<String>,
    /// `Content-Type` of the part, empty if it has none.
    pub content_type: String,
    /// The value; borrowed from the body where it stands there as it is.
    pub data: std::borrow::Cow<'a, [u8]>,
}

impl Part<'_> {
    /// The value as text; what is not UTF-8 becomes U+FFFD.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.data)
    }
}

/// Why a form could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormError {
    /// The content type is not one of a form.
    NotAForm,
    /// The body does not have the shape its content type promises.
    Malformed,
    /// More than [`MAX_PARTS`] values.
    TooManyParts,
}

/// Most values one form may have.
pub const MAX_PARTS: usize = 10_000;

/// The values of a form body, in their order.
pub fn parse<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, FormError> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let parts = if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        url_encoded(&String::from_utf8_lossy(body))
    } else if kind.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = parameter(content_type, "boundary").ok_or(FormError::Malformed)?;
        multipart(&boundary, body)?
    } else {
        return Err(FormError::NotAForm);
    };
    if parts.len() > MAX_PARTS {
        Err(FormError::TooManyParts)
    } else {
        Ok(parts)
    }
}

/// Names and texts of a form's plain values, in their order; files are left out.
pub fn texts(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let parts = parse(content_type, body)?.into_iter();
    Ok(parts
        .filter(|part| part.file_name.is_none())
        .map(|part| {
            let text = part.text().into_owned();
            (part.name, text)
        })
        .collect())
}

/// The pairs of a query string, decoded, in their order.
pub fn query(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .take(MAX_PARTS + 1)
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn url_encoded(text: &str) -> Vec<Part<'static>> {
    query(text)
        .into_iter()
        .map(|(name, value)| Part {
            name,
            file_name: None,
            content_type: String::new(),
            data: value.into_bytes().into(),
        })
        .collect()
}

/// Percent-decoding with `+` for a space. An escape that is none stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escaped = (bytes[i] == b'%')
            .then(|| {
                bytes
                    .get(i + 1..i + 3)
                    .and_then(|hex| std::str::from_utf8(hex).ok())
            })
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (escaped, bytes[i]) {
            (Some(byte), _) => {
                out.push(byte);
                i += 3;
                continue;
            }
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn multipart<'a>(boundary: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, FormError> {
    let delimiter = format!("--{boundary}").into_bytes();
    let between = [b"\r\n", delimiter.as_slice()].concat();
    let start = if body.starts_with(&delimiter) {
        delimiter.len()
    } else {
        find(body, &between).ok_or(FormError::Malformed)? + between.len()
    };
    let mut rest = &body[start..];
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let content = rest.strip_prefix(b"\r\n").ok_or(FormError::Malformed)?;
        let end = find(content, &between).ok_or(FormError::Malformed)?;
        if let Some(part) = part(&content[..end])? {
            parts.push(part);
        }
        if parts.len() > MAX_PARTS {
            return Err(FormError::TooManyParts);
        }
        rest = &content[end + between.len()..];
    }
    Ok(parts)
}

/// A part of a multipart body; `None` if it has no name.
fn part(content: &[u8]) -> Result<Option<Part<'_>>, FormError> {
    let (head, data) = match find(content, b"\r\n\r\n") {
        Some(at) => (&content[..at], &content[at + 4..]),
        None => return Err(FormError::Malformed),
    };
    let head = String::from_utf8_lossy(head);
    let header = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition").unwrap_or_default();
    let Some(name) = parameter(&disposition, "name") else {
        return Ok(None);
    };
    Ok(Some(Part {
        name,
        file_name: parameter(&disposition, "filename"),
        content_type: header("content-type").unwrap_or_default(),
        data: data.into(),
    }))
}

/// A parameter of a header value such as `form-data; name="x"`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, remainder) = match after.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = remainder.trim_start().strip_prefix(';')?;
    }
}

/// What stands before the closing quote, unescaped, and what follows it.
fn quoted_text(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with(['"', '\\']) => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encoded_values_are_decoded() {
        let parts = parse(
            "application/x-www-form-urlencoded; charset=utf-8",
            b"a=1%2B1&b+c=%zz&d&",
        )
        .expect("a form");
        let pairs: Vec<(String, String)> = parts
            .iter()
            .map(|p| (p.name.clone(), p.text().into_owned()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("a".into(), "1+1".into()),
                ("b c".into(), "%zz".into()),
                ("d".into(), String::new())
            ]
        );
    }

    #[test]
    fn multipart_values_and_files() {
        let body = b"preamble\r\n--X\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nline\r\n--\r\n--X\r\n\
            content-disposition: form-data; name=f; filename=\"a\\\"b;.txt\"\r\nContent-Type: text/plain\r\n\r\n\x00\xff\r\n--X--\r\n";
        let parts = parse("multipart/form-data; boundary=X", body).expect("a form");
        assert_eq!(parts.len(), 2);
        assert_eq!(
            (parts[0].name.as_str(), parts[0].text().as_ref()),
            ("t", "line\r\n--")
        );
        assert_eq!(parts[0].file_name, None);
        assert_eq!(parts[1].file_name.as_deref(), Some("a\"b;.txt"));
        assert_eq!(parts[1].content_type, "text/plain");
        assert_eq!(parts[1].data.as_ref(), b"\x00\xff");
        let plain = texts("multipart/form-data; boundary=X", body).expect("a form");
        assert_eq!(plain, [("t".to_owned(), "line\r\n--".to_owned())]);
    }

    #[test]
    fn broken_bodies_are_refused() {
        assert_eq!(parse("text/plain", b""), Err(FormError::NotAForm));
        assert_eq!(
            parse("multipart/form-data", b"--X--"),
            Err(FormError::Malformed)
        );
        assert_eq!(
            parse("multipart/form-data; boundary=X", b"--X\r\nno end"),
            Err(FormError::Malformed)
        );
        assert_eq!(
            parse("multipart/form-data; boundary=X", b""),
            Err(FormError::Malformed)
        );
    }
}
