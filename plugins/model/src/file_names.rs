//! Names under which uploaded files are stored: what the client called them in snake case, a random part against
//! collisions and guessing, and the ending.

use crate::ids::{ID_ALPHABET, Random};

/// Longest base, without the random part.
const MAX_BASE: usize = 100;
/// A shorter base gets random letters.
const MIN_BASE: usize = 3;
/// Longest ending, without its first dot.
const MAX_EXTENSION: usize = 20;
/// Random letters.
const RANDOM: usize = 10;

/// The name for a file that a client called `original`. `sniffed` is the ending its content asks for, taken where the
/// name has none.
pub fn stored_name(original: &str, sniffed: &str, random: &mut dyn Random) -> String {
    let (base, extension) = split(original);
    let mut extension = clean(extension);
    if extension.is_empty() {
        extension = sniffed.to_owned();
    }
    let mut base = snake_case(base);
    // ASCII, so cutting cannot split a letter.
    if base.len() < MIN_BASE {
        base.push_str(&random.text(RANDOM, ID_ALPHABET));
    } else {
        base.truncate(MAX_BASE);
    }
    format!("{base}_{}{extension}", random.text(RANDOM, ID_ALPHABET))
}

/// Base and ending; two endings (`.tar.gz`) stay together.
fn split(name: &str) -> (&str, &str) {
    let last = name.rfind('.').unwrap_or(name.len());
    let start = name[..last].rfind('.').unwrap_or(last);
    name.split_at(start)
}

/// An ending with what may stand in one, at most twenty letters after the first dot.
fn clean(extension: &str) -> String {
    let allowed = |letter: &char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '*' | '-' | '+' | '=' | '#')
    };
    let kept: String = extension.chars().filter(allowed).collect();
    let kept = &kept[kept.len().saturating_sub(MAX_EXTENSION)..];
    let mut parts = kept.split('.').filter(|part| !part.is_empty());
    parts
        .by_ref()
        .fold(String::new(), |all, part| all + "." + part)
}

/// Words of lower-case letters and digits between underscores. A capital after a small letter or digit begins a word.
fn snake_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = '_';
    for letter in text.chars() {
        if !letter.is_ascii_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            before = '_';
            continue;
        }
        if letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
        before = letter;
    }
    if out.ends_with('_') {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Random for Fixed {
        fn text(&mut self, length: usize, _: &str) -> String {
            "r".repeat(length)
        }
    }

    /// `[given, stored]` as PocketBase answers, with R for the random part.
    const CASES: &[[&str; 2]] = &[
        ["photo.png", "photo_R.png"],
        ["My Pic.tar.gz", "my_pic_R.tar.gz"],
        ["a.PNG", "aR_R.PNG"],
        [".png", "R_R.png"],
        ["x", "xR_R.txt"],
        ["noext", "noext_R.txt"],
        ["über Straße.png", "ber_stra_e_R.png"],
        ["a b  c-d_e.f.g.txt", "a_b_c_d_e_f_R.g.txt"],
        ["CamelCaseName.txt", "camel_case_name_R.txt"],
        ["HTTPServer.txt", "httpserver_R.txt"],
        ["XMLHttpRequest2.txt", "xmlhttp_request2_R.txt"],
        ["fooBar_bazQUX-9Lives.txt", "foo_bar_baz_qux_9_lives_R.txt"],
        ["..\\..\\win.ini", "R_R.win.ini"],
        [
            "a.verylongextensionnamethatistoolong",
            "aR_R.ionnamethatistoolong",
        ],
        [
            "a.tar.verylongextensionnamethatistoolong",
            "aR_R.ionnamethatistoolong",
        ],
        ["a%20b.txt", "a_20b_R.txt"],
        ["日本語.txt", "R_R.txt"],
        ["a.b.c.d", "a_b_R.c.d"],
        ["a.", "aR_R.txt"],
        ["abc.", "abc_R.txt"],
        ["abc.tar.", "abc_R.tar"],
        ["abc.gz.é", "abc_R.gz"],
        ["a. .gz", "aR_R.gz"],
        ["a.-.gz", "aR_R.-.gz"],
        ["file.p n g", "file_R.png"],
        ["a..b.txt", "aR_R.b.txt"],
        ["_x_.txt", "xR_R.txt"],
        ["-.txt", "R_R.txt"],
        ["a1B2c3.txt", "a1_b2c3_R.txt"],
        ["abc123DEF.txt", "abc123_def_R.txt"],
        ["foo.bar-baz.png", "foo_R.bar-baz.png"],
        ["a.x*y", "aR_R.x*y"],
        ["a.x@y", "aR_R.xy"],
        [".gitignore", "R_R.gitignore"],
        ["file.12345678901234567890", "file_R.12345678901234567890"],
        ["file.123456789012345678901", "file_R.23456789012345678901"],
        ["x.y.12345678901234567", "xR_R.y.12345678901234567"],
        ["..", "R_R.txt"],
        ["/", "R_R.txt"],
    ];

    #[test]
    fn names_as_pocketbase_makes_them() {
        for [given, stored] in CASES {
            let expected = stored.replace('R', &"r".repeat(10));
            assert_eq!(stored_name(given, ".txt", &mut Fixed), expected, "{given}");
        }
        let long = format!("{}.txt", "abcd_".repeat(30));
        let stored = stored_name(&long, "", &mut Fixed);
        assert_eq!(stored, format!("{}_rrrrrrrrrr.txt", "abcd_".repeat(20)));
    }
}
