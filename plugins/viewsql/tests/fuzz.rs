//! Arbitrary view queries: no panic, bounded time, and literals stay between their quotes.
//!
//! `HANGAR_FUZZ` is how many inputs are tried (20,000 if it is not set), `HANGAR_FUZZ_SEED` which.

use std::env::var;
use std::time::{Duration, Instant};

use hangar_model::{Collection, CollectionType};
use hangar_viewsql::{Tables, is_postgres, translate};
use serde_json::{Value, json};

/// What literals are made of: in no name of the schema, and in no SQL.
const MARK: &str = "zqzq";
/// No input takes longer, by far.
const PATIENCE: Duration = Duration::from_secs(5);

const EXPRESSIONS: [&str; 60] = [
    "id",
    "p.id",
    "title",
    "p.title",
    "n",
    "done",
    "at",
    "data",
    "author",
    "a.name",
    "tags",
    "nope",
    "x.id",
    "`title`",
    "\"title\"",
    "[title]",
    "'zqzq'",
    "'zqzq''x'",
    "'zqzq\\'",
    "\"zqzq\"",
    "'%zqzq%'",
    "''",
    "1",
    "-2.5",
    "1e400",
    "99999999999999999999",
    "null",
    "true",
    "x'00ff'",
    "count(*)",
    "count(distinct n)",
    "sum(n + done)",
    "total(n)",
    "max(n, 3)",
    "group_concat(title, 'zqzq')",
    "(n + 1)",
    "(title || 'zqzq')",
    "title || n",
    "coalesce(title, 'zqzq')",
    "iif(done, 'zqzq', n)",
    "(case when n > 1 then 'zqzq' else title end)",
    "case n when 1 then 2 end",
    "cast(n as text)",
    "cast('zqzq' as integer)",
    "json_extract(data, '$.zqzq')",
    "json_extract(data, '$.a[0].b')",
    "data -> 'zqzq'",
    "data ->> '$.zqzq'",
    "json_array_length(tags)",
    "json_each.value",
    "strftime('%Y-zqzq', at)",
    "date(at, '+1 day')",
    "julianday(at)",
    "substr(title, 2)",
    "printf('%d zqzq', n)",
    "(select max(n) from posts)",
    "(select name from authors where authors.id = p.author)",
    "row_number() over (order by id)",
    "n in (1, 2, 'zqzq')",
    "exists(select 1 from authors)",
];
const OPERATORS: [&str; 22] = [
    " = ",
    " == ",
    " != ",
    " <> ",
    " < ",
    " >= ",
    " is ",
    " is not ",
    " like ",
    " glob ",
    " || ",
    " + ",
    " - ",
    " * ",
    " / ",
    " % ",
    " & ",
    " << ",
    " and ",
    " or ",
    " between 1 and ",
    " not in ",
];
const SOURCES: [&str; 16] = [
    "posts",
    "posts p",
    "posts as p",
    "`posts` p",
    "posts p, authors a",
    "posts p join authors a on a.id = p.author",
    "posts p left join authors a on a.id = p.author",
    "posts p inner join authors as a using (id)",
    "posts p cross join authors a",
    "posts p, json_each(p.tags)",
    "posts p left join json_each(p.data, '$.zqzq') j",
    "(select id, title, n from posts) p",
    "(select * from posts where title = 'zqzq') p",
    "nope",
    "main.posts p",
    "pg_catalog.pg_class p",
];
const TAILS: [&str; 16] = [
    "",
    "",
    " group by id",
    " group by 1, title",
    " having count(*) > 'zqzq'",
    " order by n desc",
    " order by 2 nulls last",
    " order by 'zqzq'",
    " limit 10",
    " limit 5 offset 'zqzq'",
    " union select id, title from posts",
    " union all select 'zqzq', n from posts",
    " except select id from posts",
    ";",
    " -- zqzq",
    "; drop table posts",
];

/// A small generator of numbers: the same seed gives the same test.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % bound
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

fn expression(random: &mut Random) -> String {
    let mut text = random.one(&EXPRESSIONS).to_owned();
    for _ in 0..random.below(3) {
        let (operator, other) = (random.one(&OPERATORS), random.one(&EXPRESSIONS));
        text = match random.below(4) {
            0 => format!("({text}){operator}{other}"),
            1 => format!("not {text}{operator}({other})"),
            _ => format!("{text}{operator}{other}"),
        };
    }
    match random.below(40) {
        0 => "(".repeat(random.below(3000)) + &text,
        1 => {
            let times = random.below(1000);
            "(".repeat(times) + &text + &")".repeat(times)
        }
        2 => format!("lower({text})"),
        3 => vec![text; 1 + random.below(300)].join(random.one(&OPERATORS)),
        _ => text,
    }
}

fn query(random: &mut Random) -> String {
    let mut text = String::from(random.one(&["select ", "SELECT ", "select distinct "]));
    if random.below(12) == 0 {
        text = format!(
            "with w as (select {} from posts) {text}",
            expression(random)
        );
    }
    text += random.one(&[
        "id, ",
        "p.id, ",
        "p.id as id, ",
        "*, ",
        "p.*, ",
        "(1) as id, ",
        "",
    ]);
    for at in 0..1 + random.below(4) {
        if at > 0 {
            text.push_str(", ");
        }
        text += &expression(random);
        text += random.one(&["", " as e", " as `e 2`", " e3", " as 'zqzq'"]);
    }
    text += " from ";
    text += random.one(&SOURCES);
    if random.below(3) == 0 {
        text += " where ";
        text += &expression(random);
    }
    text += random.one(&TAILS);
    // It may be cut or have something put in.
    if random.below(4) == 0 {
        let mut at = random.below(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        match random.below(3) {
            0 => text.truncate(at),
            1 => text.insert_str(at, random.one(&EXPRESSIONS)),
            _ => {
                let odd = [
                    '\'',
                    '"',
                    '`',
                    '(',
                    ')',
                    '\\',
                    '\0',
                    '$',
                    ':',
                    ';',
                    'é',
                    '\u{1f600}',
                ];
                text.insert(at, odd[random.below(odd.len())]);
            }
        }
    }
    text
}

/// SQL without what stands between quotes; none if a literal does not end.
fn without_quoted(sql: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = sql.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        if c != '\'' && c != '"' {
            out.push(c);
            before = c;
            continue;
        }
        let escapes = c == '\'' && matches!(before, 'E' | 'e');
        loop {
            match chars.next()? {
                '\\' if escapes => {
                    chars.next();
                }
                end if end == c => {
                    if chars.peek() != Some(&c) {
                        break;
                    }
                    chars.next();
                }
                _ => {}
            }
        }
        before = c;
    }
    Some(out)
}

struct Known(Vec<Collection>);

impl Tables for Known {
    fn table(&self, name: &str) -> Option<&Collection> {
        let mut all = self.0.iter();
        all.find(|collection| collection.name.eq_ignore_ascii_case(name))
    }

    fn is_view(&self, _: &str) -> bool {
        false
    }
}

struct Fixed;

impl hangar_model::Random for Fixed {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        alphabet.chars().cycle().take(length).collect()
    }
}

fn known() -> Known {
    let collection = |name: &str, fields: Value| {
        let mut made = Collection::new(CollectionType::Base, &mut Fixed);
        let body = json!({"id": format!("{name}_id"), "name": name, "fields": fields});
        made.merge(body.as_object().expect("an object"))
            .expect("a valid collection");
        made.init_fields();
        made
    };
    let fields = json!([{"name": "title", "type": "text"}, {"name": "n", "type": "number"}, {"name": "done", "type": "bool"},
        {"name": "at", "type": "date"}, {"name": "data", "type": "json"},
        {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "author", "type": "relation", "collectionId": "authors_id"}]);
    Known(vec![
        collection("posts", fields),
        collection("authors", json!([{"name": "name", "type": "text"}])),
    ])
}

fn number(name: &str, default: u64) -> u64 {
    let text = var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn any_query() {
    let tables = known();
    let inputs = number("HANGAR_FUZZ", 20_000);
    let mut random = Random(number("HANGAR_FUZZ_SEED", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut valid, mut slowest, mut longest) = (0_u64, Duration::ZERO, 0);
    let began = Instant::now();
    for _ in 0..inputs {
        let text = query(&mut random);
        let start = Instant::now();
        let _ = is_postgres(&text);
        let view = translate(&text, &tables);
        let took = start.elapsed();
        assert!(took < PATIENCE, "{text:?} took {took:?}");
        slowest = slowest.max(took);
        let Ok(view) = view else {
            continue;
        };
        valid += 1;
        longest = longest.max(view.sql.len() / text.len());
        let bare = without_quoted(&view.sql);
        let bare =
            bare.unwrap_or_else(|| panic!("{text:?}: a literal does not end in {}", view.sql));
        let lower = bare.to_ascii_lowercase();
        assert!(!lower.contains(MARK), "{text:?} is in {}", view.sql);
        assert!(
            !bare.contains(';'),
            "{text:?}: two statements in {}",
            view.sql
        );
        assert!(
            !lower.contains("pg_"),
            "{text:?} reads a catalog: {}",
            view.sql
        );
        assert!(!view.sql.contains('\0'), "{text:?}: a NUL in {}", view.sql);
    }
    eprintln!(
        "{inputs} inputs, {valid} of them valid, in {:?}, the slowest in {slowest:?}, at most {longest} times as long",
        began.elapsed()
    );
}
