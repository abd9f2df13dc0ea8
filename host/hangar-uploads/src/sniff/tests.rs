use super::sniff;

/// Lines that are told otherwise, each with its reason.
const OTHERWISE: [(&str, &str); 4] = [
    ("[1,]", "no JSON"),
    ("{\"a\":01}", "no JSON"),
    ("{\"a\":1,}", "no JSON"),
    (
        "PK\\x03\\x04\\x00\\{96}",
        "an archive whose first entry has no name is no program for Android",
    ),
];

/// The bytes that a text of the table stands for.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (byte, length) = match rest.as_bytes() {
            [b'\\', b'x', high, low, ..] => {
                let digits = [*high, *low];
                let digits = str::from_utf8(&digits).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), 4)
            }
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', b'\\', ..] => (b'\\', 2),
            [byte, ..] => (*byte, first.len_utf8()),
            [] => unreachable!(),
        };
        rest = &rest[length..];
        let (count, after) = match rest.strip_prefix("\\{") {
            Some(more) => {
                let (count, after) = more.split_once('}').unwrap();
                (count.parse().unwrap(), after)
            }
            None => (1, rest),
        };
        rest = after;
        bytes.extend(std::iter::repeat_n(byte, count));
    }
    bytes
}

#[test]
fn kinds_are_those_of_the_compatibility_target() {
    let table = include_str!("../../tests/data/kinds.txt");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(3, " | ");
        let (mime, extension, text) = (
            parts.next().unwrap(),
            parts.next().unwrap().trim(),
            parts.next().unwrap(),
        );
        let bytes = unescape(text);
        let found = sniff(&bytes, bytes.len() <= super::SNIFFED);
        let otherwise = OTHERWISE.iter().any(|(content, _)| text == *content);
        if ((found.mime.as_ref(), found.extension) == (mime, extension)) == otherwise {
            wrong.push(format!(
                "{line}\n    here: {} {}",
                found.mime, found.extension
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), wrong.len());
}

#[test]
fn the_end_of_what_is_looked_at_may_cut_anything() {
    let long = format!("{{\"a\":\"{}\"}}", "é".repeat(4000));
    assert_eq!(sniff(long.as_bytes(), false).mime, "application/json");
    let rows = "a,b\n".repeat(2000);
    assert_eq!(sniff(&rows.as_bytes()[..3001], false).mime, "text/csv");
    let table = include_str!("../../tests/data/kinds.txt");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let bytes = unescape(line.rsplit(" | ").next().unwrap());
        for end in 0..bytes.len().min(160) {
            sniff(&bytes[..end], false);
        }
    }
}
