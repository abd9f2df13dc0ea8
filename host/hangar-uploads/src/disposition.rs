//! Parameters of header values such as `form-data; name="x"; filename*=UTF-8''na%C3%AFve.txt`.

/// The value of a parameter; `name*` (RFC 8187) wins over `name`.
pub fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut plain = None;
    let mut rest = header.split_once(';')?.1;
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        if rest.is_empty() {
            return plain;
        }
        let name_end = rest.find(['=', ';']).unwrap_or(rest.len());
        let name = rest[..name_end].trim();
        let Some(value) = rest[name_end..].strip_prefix('=') else {
            rest = &rest[name_end..];
            continue;
        };
        let (value, after) = read_value(value)?;
        if name.eq_ignore_ascii_case(wanted) {
            plain.get_or_insert(value);
        } else if let Some(stem) = name.strip_suffix('*')
            && stem.eq_ignore_ascii_case(wanted)
        {
            return extended(&value);
        }
        rest = after;
    }
}

/// A token or a quoted text, and what follows it.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            // Old browsers sent paths of Windows without escaping them.
            '\\' if quoted[at + 1..].starts_with(['"', '\\']) => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// `UTF-8'en'na%C3%AFve`.
fn extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let known = charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii");
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    known.then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn values_are_found() {
        for (header, name, expected) in [
            ("form-data; name=\"a\"", "name", Some("a")),
            (
                "form-data; name=a; filename=b c.txt",
                "filename",
                Some("b c.txt"),
            ),
            (
                "form-data; filename=\"x\"; name=\"a\\\"b\"",
                "name",
                Some("a\"b"),
            ),
            ("form-data; name=\"C:\\dir\\x\"", "name", Some("C:\\dir\\x")),
            ("form-data; name=\"a\\\\b\"", "name", Some("a\\b")),
            ("form-data; filename=\"\"", "filename", Some("")),
            (
                "form-data; filename*=UTF-8''na%C3%AFve.txt",
                "filename",
                Some("naïve.txt"),
            ),
            (
                "form-data; filename=x; filename*=UTF-8''y",
                "filename",
                Some("y"),
            ),
            ("form-data; name=\"open", "name", None),
            ("form-data; xname=a", "name", None),
            ("form-data", "name", None),
            (
                "multipart/form-data; boundary=\"B\"; charset=x",
                "boundary",
                Some("B"),
            ),
        ] {
            assert_eq!(parameter(header, name).as_deref(), expected, "{header}");
        }
    }
}
