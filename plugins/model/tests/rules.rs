//! Validation messages as PocketBase 0.40.6 answered them, and input that must never panic.

use hangar_model::index::Index;
use hangar_model::picker::Picker;
use hangar_model::value::normalize;
use hangar_model::{Collection, Field, Random, date, excerpt, pattern, value_rules};
use serde_json::Value;

/// `[field, value, error]`, `null` where the value is fine.
const CASES: [[&str; 3]; 29] = [
    [
        r#"{"type":"text","required":true}"#,
        r#""""#,
        r#"{"code":"validation_required","message":"Cannot be blank."}"#,
    ],
    [
        r#"{"type":"text","min":2}"#,
        r#""a""#,
        r#"{"code":"validation_min_text_constraint","message":"Must be at least 2 character(s).","params":{"min":2}}"#,
    ],
    [r#"{"type":"text","min":2}"#, r#""éé""#, "null"],
    [r#"{"type":"text","min":2}"#, r#""""#, "null"],
    [
        r#"{"type":"text","max":5}"#,
        r#""aaaaaaa""#,
        r#"{"code":"validation_max_text_constraint","message":"Must be no more than 5 character(s).","params":{"max":5}}"#,
    ],
    [
        r#"{"type":"text","pattern":"^[a-z]+$"}"#,
        r#""AB1""#,
        r#"{"code":"validation_invalid_format","message":"Invalid value format."}"#,
    ],
    [
        r#"{"type":"number","min":1,"max":10}"#,
        "-5",
        r#"{"code":"validation_min_number_constraint","message":"Must be greater or equal than 1.","params":{"min":1.0}}"#,
    ],
    [
        r#"{"type":"number","min":1,"max":10}"#,
        "50",
        r#"{"code":"validation_max_number_constraint","message":"Must be less or equal than 10.","params":{"max":10.0}}"#,
    ],
    [r#"{"type":"number","min":1,"max":10}"#, "0", "null"],
    [
        r#"{"type":"number","max":1234567.5}"#,
        "99999999",
        r#"{"code":"validation_max_number_constraint","message":"Must be less or equal than 1.2345675e+06.","params":{"max":1234567.5}}"#,
    ],
    [
        r#"{"type":"number","onlyInt":true}"#,
        "1.5",
        r#"{"code":"validation_only_int_constraint","message":"Decimal numbers are not allowed."}"#,
    ],
    [
        r#"{"type":"number"}"#,
        r#""inf""#,
        r#"{"code":"validation_not_a_number","message":"The submitted number is not properly formatted."}"#,
    ],
    [
        r#"{"type":"bool","required":true}"#,
        "false",
        r#"{"code":"validation_required","message":"Cannot be blank."}"#,
    ],
    [
        r#"{"type":"email"}"#,
        r#""nope""#,
        r#"{"code":"validation_is_email","message":"Must be a valid email address."}"#,
    ],
    [
        r#"{"type":"email","onlyDomains":["a.com"]}"#,
        r#""a@b.com""#,
        r#"{"code":"validation_email_domain_not_allowed","message":"Email domain is not allowed."}"#,
    ],
    [
        r#"{"type":"url"}"#,
        r#""nope""#,
        r#"{"code":"validation_invalid_url","message":"Must be a valid url."}"#,
    ],
    [
        r#"{"type":"url","exceptDomains":["bad.com"]}"#,
        r#""http://bad.com""#,
        r#"{"code":"validation_url_domain_not_allowed","message":"Url domain is not allowed."}"#,
    ],
    [
        r#"{"type":"date","min":"2020-01-01"}"#,
        r#""2010-01-01""#,
        r#"{"code":"validation_min_greater_equal_than_required","message":"Must be no less than 2020-01-01 00:00:00 +0000 UTC.","params":{"threshold":"2020-01-01T00:00:00Z"}}"#,
    ],
    [
        r#"{"type":"date","max":"2030-01-01"}"#,
        r#""2040-01-01""#,
        r#"{"code":"validation_max_less_equal_than_required","message":"Must be no greater than 2030-01-01 00:00:00 +0000 UTC.","params":{"threshold":"2030-01-01T00:00:00Z"}}"#,
    ],
    [
        r#"{"type":"select","values":["a"]}"#,
        r#""zz""#,
        r#"{"code":"validation_invalid_value","message":"Invalid value zz.","params":{"value":"zz"}}"#,
    ],
    [
        r#"{"type":"select","values":["a","b","c"],"maxSelect":2}"#,
        r#"["a","b","c"]"#,
        r#"{"code":"validation_too_many_values","message":"Select no more than 2.","params":{"maxSelect":2}}"#,
    ],
    [
        r#"{"type":"relation","minSelect":2,"maxSelect":4}"#,
        r#"["x"]"#,
        r#"{"code":"validation_not_enough_values","message":"Select at least 2.","params":{"minSelect":2}}"#,
    ],
    [
        r#"{"type":"relation","minSelect":2,"maxSelect":4}"#,
        "[]",
        "null",
    ],
    [
        r#"{"type":"json","maxSize":5}"#,
        r#"[1,2,3]"#,
        r#"{"code":"validation_json_size_limit","message":"The maximum allowed JSON size is 5 bytes.","params":{"maxSize":5}}"#,
    ],
    [
        r#"{"type":"password","min":4}"#,
        r#""1""#,
        r#"{"code":"validation_min_text_constraint","message":"Must be at least 4 character(s)."}"#,
    ],
    [
        r#"{"type":"password","max":6}"#,
        r#""1234567890""#,
        r#"{"code":"validation_max_text_constraint","message":"Must be less than 6 character(s)."}"#,
    ],
    [
        r#"{"type":"editor","maxSize":3}"#,
        r#""abcd""#,
        r#"{"code":"validation_content_size_limit","message":"The maximum allowed content size is 3 bytes.","params":{"maxSize":3}}"#,
    ],
    [
        r#"{"type":"geoPoint"}"#,
        r#"{"lon":190,"lat":91}"#,
        r#"{"code":"validation_invalid_latitude","message":"Latitude must be between -90 and 90 degrees."}"#,
    ],
    [
        r#"{"name":"id","type":"text","primaryKey":true,"pattern":".*"}"#,
        r#""a.b""#,
        r#"{"code":"validation_forbidden_pk_character","message":"'.' is not a valid primary key character.","params":{"ch":"."}}"#,
    ],
];

#[test]
fn values_are_refused_with_pocketbases_words() {
    for [field, value, expected] in CASES {
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let field = Field::from_value(&read(field)).expect("a field");
        let normal = normalize(&field, &read(value));
        let got = value_rules::validate(&field, &normal)
            .err()
            .map_or(Value::Null, |error| error.to_value());
        assert_eq!(got, read(expected), "{field:?} {value}");
    }
}

struct Dice(u64);

impl Random for Dice {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| letters[self.roll(letters.len())])
            .collect()
    }
}

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn mix(&mut self, parts: &[&str]) -> String {
        (0..self.roll(14))
            .map(|_| parts[self.roll(parts.len())])
            .collect()
    }
}

#[test]
fn no_input_panics() {
    let mut dice = Dice(42);
    let words = [
        "create ",
        "unique ",
        "index ",
        "if not exists ",
        "on ",
        "where ",
        "`",
        "\"",
        "[",
        "]",
        "'",
        "(",
        ")",
        ",",
        "a",
        "é",
        " collate ",
        "nocase ",
        "desc",
        " ",
        "1.5.",
        "--",
        "||",
        "\u{2003}",
        "\0",
        ";",
    ];
    let dates = [
        "2024", "-", "01", "31", "T", " ", ":", ".", "Z", "+", "é", "Mon", "Jan", ",", "9999", "0",
        "GMT", "\u{a0}", "12",
    ];
    let markup = [
        "<",
        ">",
        "/",
        "p",
        "script",
        "&",
        "amp;",
        "#",
        "x41;",
        "é",
        " ",
        "!--",
        "</script>",
        "\u{1F600}",
        ";",
    ];
    let fields = [
        "a", ".", ",", "*", ":", "excerpt", "(", ")", "3", "true", " ", "é",
    ];
    let patterns = [
        "[", "]", "a-z", "{", "}", "3", ",", "\\", "d", "^", "$", "(", "|", "?", "*", "+", "é", "-",
    ];
    let table = Collection::from_storage(
        r#"{"type":"base","name":"t","fields":[{"name":"a","type":"text"}]}"#,
    )
    .expect("a collection");
    for _ in 0..20_000 {
        let text = format!(
            "create index i on t ({}) where {}",
            dice.mix(&words),
            dice.mix(&words)
        );
        for text in [text, dice.mix(&words)] {
            if let Some(index) = Index::parse(&text) {
                let _ = index.to_postgres(&table);
            }
        }
        let canonical = date::normalize(&dice.mix(&dates));
        assert_eq!(date::normalize(&canonical), canonical);
        let max = dice.roll(9);
        let html = dice.mix(&markup);
        assert!(
            excerpt::excerpt(&html, max, false).chars().count() <= max,
            "{html}"
        );
        let _ = Picker::parse(&dice.mix(&fields));
        let text = dice.mix(&patterns);
        let _ = pattern::generate(&text, &mut dice);
    }
}
