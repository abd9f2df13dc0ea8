//! Conditions and ranges of a request for a blob, decided as Go's `http.ServeContent` does. There are no entity tags.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ranges one response may have; a request for more gets the whole.
const MAX_RANGES: usize = 64;

/// What is to be sent.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// 200.
    Whole,
    /// 206 with these bytes.
    Ranges(Vec<Range<u64>>),
    /// 304.
    NotModified,
    /// 412.
    Failed,
    /// 416; whether the range was sound but outside of the blob.
    Unsatisfiable(bool),
}

/// The headers that matter.
#[derive(Default)]
pub struct Conditions<'a> {
    if_match: &'a str,
    if_none_match: &'a str,
    if_modified_since: &'a str,
    if_unmodified_since: &'a str,
    if_range: &'a str,
    range: &'a str,
}

impl<'a> Conditions<'a> {
    /// Reads header lines, names in lower case.
    pub fn read(lines: &'a str) -> Self {
        let mut found = Self::default();
        for line in lines.lines() {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let place = match name {
                "if-match" => &mut found.if_match,
                "if-none-match" => &mut found.if_none_match,
                "if-modified-since" => &mut found.if_modified_since,
                "if-unmodified-since" => &mut found.if_unmodified_since,
                "if-range" => &mut found.if_range,
                "range" => &mut found.range,
                _ => continue,
            };
            if place.is_empty() {
                *place = value.trim();
            }
        }
        found
    }

    /// Decides about a blob.
    pub fn judge(&self, size: u64, modified: SystemTime) -> Verdict {
        let modified = seconds(modified);
        if !self.if_match.is_empty() {
            if !any(self.if_match) {
                return Verdict::Failed;
            }
        } else if date(self.if_unmodified_since).is_some_and(|since| modified > since) {
            return Verdict::Failed;
        }
        if !self.if_none_match.is_empty() {
            if any(self.if_none_match) {
                return Verdict::NotModified;
            }
        } else if date(self.if_modified_since).is_some_and(|since| modified <= since) {
            return Verdict::NotModified;
        }
        let fresh = self.if_range.is_empty() || date(self.if_range) == Some(modified);
        if self.range.is_empty() || !fresh {
            return Verdict::Whole;
        }
        ranges(self.range, size)
    }
}

/// Whether a list of entity tags has `*`.
fn any(tags: &str) -> bool {
    let mut rest = tags.trim();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.starts_with('*') {
            return true;
        }
        let quoted = rest.strip_prefix("W/").unwrap_or(rest);
        let Some((_, after)) = quoted
            .strip_prefix('"')
            .and_then(|inner| inner.split_once('"'))
        else {
            return false;
        };
        rest = after;
    }
}

/// Whole seconds, as header dates have them.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

fn date(text: &str) -> Option<u64> {
    httpdate::parse_http_date(text).ok().map(seconds)
}

fn ranges(header: &str, size: u64) -> Verdict {
    let Some(list) = header.strip_prefix("bytes=") else {
        return Verdict::Unsatisfiable(false);
    };
    let (mut found, mut outside) = (Vec::new(), false);
    for part in list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let number = |text: &str| {
            let text = text.trim();
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u64::MAX))
        };
        let Some((first, last)) = part.split_once('-') else {
            return Verdict::Unsatisfiable(false);
        };
        if first.trim().is_empty() {
            let Some(length) = number(last) else {
                return Verdict::Unsatisfiable(false);
            };
            found.push(size - length.min(size)..size);
            continue;
        }
        let Some(first) = number(first) else {
            return Verdict::Unsatisfiable(false);
        };
        let last = match last.trim() {
            "" => size.saturating_sub(1),
            last => match number(last) {
                Some(last) if last >= first => last.min(size.saturating_sub(1)),
                _ => return Verdict::Unsatisfiable(false),
            },
        };
        if first >= size {
            outside = true;
        } else {
            found.push(first..last + 1);
        }
    }
    if found.is_empty() {
        // An empty blob is answered whole.
        return match outside && size > 0 {
            true => Verdict::Unsatisfiable(true),
            false => Verdict::Whole,
        };
    }
    let total: u64 = found.iter().map(|range| range.end - range.start).sum();
    if total > size || found.len() > MAX_RANGES {
        // More than the whole: that is what is sent.
        return Verdict::Whole;
    }
    Verdict::Ranges(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Wed, 25 Nov 2026 17:26:32 GMT";

    fn judge(lines: &str, size: u64) -> Verdict {
        let modified =
            httpdate::parse_http_date(DATE).expect("a date") + Duration::from_millis(700);
        Conditions::read(lines).judge(size, modified)
    }

    #[test]
    fn ranges_of_eleven_bytes() {
        let one = |range: Range<u64>| Verdict::Ranges(vec![range]);
        for (range, expected) in [
            ("bytes=0-3", one(0..4)),
            ("bytes=-3", one(8..11)),
            ("bytes=4-", one(4..11)),
            ("bytes=0-100", one(0..11)),
            ("bytes=-100", one(0..11)),
            ("bytes=-0", one(11..11)),
            ("bytes= 1-2", one(1..3)),
            ("bytes=1-2,", one(1..3)),
            ("bytes=0-3,100-", one(0..4)),
            ("bytes=0-3,5-6", Verdict::Ranges(vec![0..4, 5..7])),
            ("bytes=100-", Verdict::Unsatisfiable(true)),
            ("bytes=11-", Verdict::Unsatisfiable(true)),
            ("bytes=5-2", Verdict::Unsatisfiable(false)),
            ("bytes=x", Verdict::Unsatisfiable(false)),
            ("items=0-3", Verdict::Unsatisfiable(false)),
            ("bytes=", Verdict::Whole),
            ("bytes=0-0,0-0,0-10,0-10", Verdict::Whole),
            (
                "bytes=99999999999999999999999-",
                Verdict::Unsatisfiable(true),
            ),
        ] {
            assert_eq!(judge(&format!("range: {range}\n"), 11), expected, "{range}");
        }
        assert_eq!(judge("range: bytes=0-1\n", 0), Verdict::Whole);
        assert_eq!(judge("range: bytes=-1\n", 0), one(0..0));
    }

    #[test]
    fn conditions() {
        const OLD: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
        for (lines, expected) in [
            (String::new(), Verdict::Whole),
            ("if-none-match: *\n".into(), Verdict::NotModified),
            ("if-none-match: \"x\"\n".into(), Verdict::Whole),
            (
                format!("if-none-match: \"x\"\nif-modified-since: {DATE}\n"),
                Verdict::Whole,
            ),
            (format!("if-modified-since: {DATE}\n"), Verdict::NotModified),
            (format!("if-modified-since: {OLD}\n"), Verdict::Whole),
            ("if-modified-since: junk\n".into(), Verdict::Whole),
            (
                format!("if-unmodified-since: {OLD}\nrange: bytes=0-1\n"),
                Verdict::Failed,
            ),
            (format!("if-unmodified-since: {DATE}\n"), Verdict::Whole),
            ("if-match: \"x\"\n".into(), Verdict::Failed),
            ("if-match: *\n".into(), Verdict::Whole),
            ("if-match: \"a\", *\n".into(), Verdict::Whole),
            (
                format!("if-range: {DATE}\nrange: bytes=0-1\n"),
                Verdict::Ranges(std::iter::once(0..2).collect()),
            ),
            ("if-range: \"x\"\nrange: bytes=0-1\n".into(), Verdict::Whole),
        ] {
            assert_eq!(judge(&lines, 11), expected, "{lines}");
        }
    }
}
