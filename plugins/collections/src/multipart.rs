//! `multipart/form-data` on routes that take no files.

/// Parts a form may have.
const MAX_PARTS: usize = 1000;

/// Name and text of each field in order.
type Form = Vec<(String, String)>;

/// Reads a form; files are skipped. `parameters` is what follows `multipart/form-data;` in the content type. `None` if the text is no such
/// form, is cut off or has too many parts.
pub fn parse(parameters: &str, bytes: &[u8]) -> Option<Form> {
    let boundary = parameter(parameters, "boundary")?;
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let mut form = Form::default();
    // The first delimiter may stand at the very beginning.
    let mut rest = match bytes.strip_prefix(&delimiter[2..]) {
        Some(rest) => rest,
        None => &bytes[find(bytes, &delimiter)? + delimiter.len()..],
    };
    for _ in 0..=MAX_PARTS {
        if rest.starts_with(b"--") {
            return Some(form);
        }
        let line_end = find(rest, b"\r\n")?;
        if !rest[..line_end]
            .iter()
            .all(|byte| matches!(byte, b' ' | b'\t'))
        {
            return None;
        }
        let part = &rest[line_end..];
        let end = find(part, &delimiter)?;
        read_part(&part[..end], &mut form)?;
        rest = &part[end + delimiter.len()..];
    }
    None
}

/// `part` begins with the line break before its headers.
fn read_part(part: &[u8], form: &mut Form) -> Option<()> {
    let head_end = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&part[..head_end]).ok()?;
    let content = &part[head_end + 4..];
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    let name = parameter(disposition, "name")?;
    if parameter(disposition, "filename").is_none_or(|file| file.is_empty()) {
        form.push((name, String::from_utf8_lossy(content).into_owned()));
    }
    Some(())
}

/// The value of `key` in `a; key=value; key="quoted \" value"`.
fn parameter(text: &str, key: &str) -> Option<String> {
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let name_end = rest.find(['=', ';']).unwrap_or(rest.len());
        let name = rest[..name_end].trim();
        rest = &rest[name_end..];
        let Some(value) = rest.strip_prefix('=') else {
            continue;
        };
        let (value, after) = read_value(value)?;
        if name.eq_ignore_ascii_case(key) {
            return Some(value);
        }
        rest = after;
    }
    None
}

fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == first) {
        if text[from + at..].starts_with(what) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "--XX\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhello\r\nworld\r\n--XX\r\n\
        content-disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\r\n--XX\r\n\
        Content-Disposition: form-data; name=\"a\\\"b\"\r\n\r\n\r\n--XX--\r\n";

    #[test]
    fn reads_fields() {
        let form = parse(" boundary=XX", TEXT.as_bytes()).expect("well-formed");
        assert_eq!(
            form,
            [
                ("title".into(), "hello\r\nworld".into()),
                ("a\"b".into(), String::new())
            ]
        );
    }

    #[test]
    fn refuses_what_is_cut_off() {
        for length in 0..TEXT.len() - 4 {
            assert_eq!(
                parse("boundary=XX", &TEXT.as_bytes()[..length]),
                None,
                "cut at {length}"
            );
        }
        assert_eq!(parse("", TEXT.as_bytes()), None);
    }
}
