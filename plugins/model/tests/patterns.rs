//! Which patterns are regular expressions, and Go's words about those that are none.

use hangar_model::pattern::{check, matches};

#[test]
fn messages_about_patterns() {
    let mut wrong = Vec::new();
    for line in include_str!("data/patterns.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let (pattern, wanted): (String, Option<String>) =
            serde_json::from_str(line).expect("a pair of pattern and message");
        let actual = check(&pattern).err();
        if actual != wanted {
            wrong.push(format!(
                "{pattern}\n    wanted {wanted:?}\n    actual {actual:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn deep_patterns_are_refused() {
    for depth in [201, 100_000] {
        let pattern = format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        let error = check(&pattern).expect_err("too deep");
        assert!(error.starts_with("expression nests too deeply"), "{error}");
    }
    let pattern = format!("{}a{}", "(".repeat(200), ")".repeat(200));
    assert_eq!(check(&pattern), Ok(()));
}

#[test]
fn patterns_match_as_in_go() {
    for (pattern, text, wanted) in [
        ("b", "abc", true),
        ("^b", "abc", false),
        (r"^\w+$", "aé", false),
        (r"^\s$", "\u{b}", false),
        (r"^[\s]$", "\u{c}", true),
        (r"^\D$", "é", true),
        (r"^[^\d]$", "7", false),
        (r"^[\Wx]+$", "x-é", true),
        (r"^[[:alpha:]]+$", "aZ", true),
        (r"^[[:^alpha:]]+$", "1é", true),
        (r"^a{,2}$", "a{,2}", true),
        (r"^a{2}$", "aa", true),
        (r"^a{1,3}?$", "aaa", true),
        (r"^\Qa.b*\E$", "a.b*", true),
        (r"^\Qa.b*\E$", "axb", false),
        (r"^\101\x42\x{1F600}$", "AB😀", true),
        (r"^[a&&b]+$", "a&b", true),
        (r"^(?P<n>a)(?:b)(?<m>c)$", "abc", true),
        (r"^(?i:AB)c$", "abc", true),
        (r"(?i)^AB$", "ab", true),
        ("^a$", "a\nb", false),
        ("(?m)^b$", "a\nb", true),
        ("^a.b$", "a\nb", false),
        ("(?s)^a.b$", "a\nb", true),
        ("^[]a]+$", "]a", true),
        ("^[a-]+$", "-a", true),
        (r"^[\-\]]$", "]", true),
        ("^(a|b|)$", "", true),
        ("^^*a$*$", "a", true),
        (r"^\b+a$", "a", true),
        ("^ a #b$", " a #b", true),
    ] {
        assert_eq!(matches(pattern, text), Ok(wanted), "{pattern} on {text:?}");
    }
}
