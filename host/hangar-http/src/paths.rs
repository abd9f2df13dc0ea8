//! Paths in the form that routes expect.

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
}
