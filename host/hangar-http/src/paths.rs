//! Paths in the form that routes expect.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Content type of plain text.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// The path without empty, `.` and `..` segments; a slash at the end stays, `..` stops at the root.
pub fn clean(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut clean = format!("/{}", segments.join("/"));
    let names_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    if names_folder && clean.len() > 1 {
        clean.push('/');
    }
    clean
}

/// Whether [`clean`] would change a path.
pub fn is_clean(path: &str) -> bool {
    !path.contains("//") && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// The path as routes are matched with it: escapes resolved, except that an escaped `/` separates nothing and `%` keeps
/// its escape, since what a route captures is decoded once more.
pub fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let segments = path
        .split('/')
        .map(|segment| match percent_decode_str(segment).decode_utf8() {
            Ok(text) => text.replace('%', "%25").replace('/', "%2F"),
            Err(_) => segment.to_owned(),
        });
    Cow::Owned(segments.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (given, expected) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("//a///b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
        ] {
            assert_eq!(clean(given), expected, "{given}");
            assert_eq!(is_clean(given), given == expected, "{given}");
        }
        assert!(is_clean("/a..b/.c"));
    }

    #[test]
    fn escapes_are_resolved_once() {
        for (given, expected) in [
            ("/api/health", "/api/health"),
            ("/api/%68ealth", "/api/health"),
            ("/a%2Fb/c", "/a%2Fb/c"),
            ("/a%2541", "/a%2541"),
            ("/%ff", "/%ff"),
            ("/%C3%A9", "/é"),
        ] {
            assert_eq!(decoded(given), expected, "{given}");
        }
    }
}
