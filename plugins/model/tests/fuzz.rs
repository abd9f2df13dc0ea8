//! Arbitrary index definitions and field pickers: no panic. `HANGAR_FUZZ` is how many inputs are tried (20,000 if it is
//! not set).

use hangar_model::index::Index;
use hangar_model::picker::Picker;
use hangar_model::{Collection, CollectionType, Field, FieldType};

struct Fixed;

impl hangar_model::Random for Fixed {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        alphabet.chars().cycle().take(length).collect()
    }
}

const PIECES: [&str; 44] = [
    "CREATE ",
    "create",
    "UNIQUE ",
    "INDEX ",
    "IF NOT EXISTS ",
    "idx",
    "`idx`",
    "\"idx\"",
    "[idx]",
    " ON ",
    "posts",
    "`posts`",
    "(",
    ")",
    ",",
    "title",
    "`title`",
    "n",
    " COLLATE NOCASE",
    " COLLATE ",
    "ASC",
    " DESC",
    " WHERE ",
    "=",
    "!=",
    "''",
    "'x'",
    "'",
    "\"",
    "`",
    ".",
    "lower(",
    "json_extract(",
    "'$.a'",
    "--",
    "/*",
    "*/",
    ";",
    " AND ",
    " IS NOT NULL",
    "0",
    ":excerpt(",
    "true",
    "*",
];

#[test]
fn any_input() {
    let inputs: u64 = std::env::var("HANGAR_FUZZ")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    let mut posts = Collection::new(CollectionType::Base, &mut Fixed);
    posts.name = "posts".into();
    posts.add_field(Field::new(FieldType::Text, "title"));
    posts.add_field(Field::new(FieldType::Number, "n"));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        usize::try_from(state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap_or(0) % bound
    };
    let (mut indexes, mut pickers) = (0_u64, 0_u64);
    for _ in 0..inputs {
        let mut text = match below(3) {
            0 => "CREATE INDEX idx ON posts (".to_owned(),
            1 => "CREATE UNIQUE INDEX `idx` ON `posts` (`title`) WHERE ".to_owned(),
            _ => String::new(),
        };
        for _ in 0..below(12) {
            if below(6) == 0 {
                let c = u32::try_from(below(0x300)).unwrap_or(0);
                text.extend(char::from_u32(c));
            } else {
                text += PIECES[below(PIECES.len())];
            }
        }
        if let Some(index) = Index::parse(&text) {
            indexes += 1;
            let _ = index.to_postgres(&posts);
        }
        if let Ok(Some(picker)) = Picker::parse(&text) {
            pickers += 1;
            let mut value = serde_json::json!({"id": "x", "title": "<p>a</p>", "items": [{"title": "é", "n": 1}]});
            picker.pick(&mut value);
        }
    }
    eprintln!("{inputs} inputs: {indexes} indexes, {pickers} pickers");
}
