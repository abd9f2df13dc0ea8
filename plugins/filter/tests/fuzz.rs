//! Arbitrary filters and sort lists: no panic, bounded time, and no text of the client in the SQL.
//!
//! `HANGAR_FUZZ` is how many inputs are tried (20,000 if it is not set), `HANGAR_FUZZ_SEED` which.

mod support;

use std::env::var;
use std::time::{Duration, Instant};

use hangar_filter::policy::{Rules, policies};
use hangar_filter::schema::Collection;
use hangar_filter::{Auth, Options, Query, Request, Scope, parse};
use support::random::Random;

/// What texts of clients are made of: in no name of the schema, and in no SQL.
const MARK: &str = "zqzq";
/// No input takes longer, by far.
const PATIENCE: Duration = Duration::from_secs(5);

const PIECES: [&str; 76] = [
    "title",
    "n",
    "published",
    "at",
    "till",
    "j",
    "j.a.b.0",
    "loc.lon",
    "tag",
    "tag.title",
    "tag:each",
    "tag:length",
    "author",
    "author.name",
    "author.email",
    "author.friends.name",
    "parent.parent.title",
    "comments_via_post.likes",
    "posts_via_parent.title",
    "@collection.tags.title",
    "@collection.tags:a.n",
    "@request.auth.id",
    "@request.auth.favs.title",
    "@request.auth.name",
    "@request.body.title",
    "@request.body.tag:each",
    "@request.body.title:changed",
    "@request.query.q",
    "@request.headers.x_token",
    "@request.method",
    "@now",
    "@year",
    "title:lower",
    "colors:each",
    "status",
    "body",
    "made",
    "id",
    "nope",
    "null",
    "true",
    "'zqzq'",
    "\"zqzq'\"",
    "'zqzq%'",
    "'zqzq\\''",
    "'zqzq\\\\'",
    "'zqzq--'",
    "'zqzq$1'",
    "''",
    "7",
    "-2.5",
    "1e9",
    "=",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "~",
    "!~",
    "?=",
    "?!=",
    "?~",
    "&&",
    "||",
    "(",
    ")",
    ",",
    "strftime('%Yzqzq',",
    "geoDistance(",
    "//zqzq\n",
    " ",
    ".",
    ":",
    "-",
    "+",
];
const OPERATORS: [&str; 10] = ["=", "!=", ">", "<=", "~", "!~", "?=", "?!=", "?~", "?>"];

fn number(name: &str, default: u64) -> u64 {
    let text = var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Some inputs are valid by construction, some nearly, some not at all.
fn input(random: &mut Random) -> String {
    let mut text = String::new();
    match random.below(4) {
        0 => {
            for _ in 0..random.below(14) {
                text += random.one(&PIECES);
                if random.below(3) == 0 {
                    text.push(' ');
                }
            }
        }
        1 | 2 => {
            let operand = |random: &mut Random| PIECES[random.below(52)];
            for part in 0..1 + random.below(4) {
                if part > 0 {
                    text += random.one(&[" && ", "||", " && (", ") || "]);
                }
                text += operand(random);
                text += random.one(&OPERATORS);
                text += operand(random);
            }
        }
        _ => {
            for _ in 0..random.below(40) {
                let c = match random.below(3) {
                    0 => char::from(32 + u8::try_from(random.below(95)).unwrap_or(0)),
                    1 => [
                        '\'', '"', '\\', '(', ')', '&', '|', '@', '#', '.', ':', '?', '=', '~',
                        '%', '\n', '\0',
                    ][random.below(17)],
                    _ => char::from_u32(u32::try_from(random.below(0x1_1000)).unwrap_or(0))
                        .unwrap_or('\u{fffd}'),
                };
                text.push(c);
            }
        }
    }
    // A valid one may be cut or have something put in.
    if random.below(5) == 0 && !text.is_empty() {
        let mut at = random.below(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        if random.below(2) == 0 {
            text.truncate(at);
        } else {
            text.insert_str(at, random.one(&PIECES));
        }
    }
    text
}

struct Target {
    collections: Vec<Collection>,
    guest: Request,
    user: Request,
}

impl Target {
    /// Compiles one input in every way; answers whether it was valid.
    fn run(&self, text: &str) -> bool {
        let posts = self.collections.iter().find(|one| one.name == "posts");
        let posts = posts.expect("a seeded collection");
        let check = |sql: &str| {
            assert!(
                !sql.to_ascii_lowercase().contains(MARK),
                "{text:?} is in {sql}"
            );
        };
        for (request, scope) in [
            (&self.guest, Scope::Client { superuser: false }),
            (&self.user, Scope::Rule),
        ] {
            let mut query = Query::new(&self.collections, posts, request, Options::default());
            if query.sort(text, scope).is_ok() {
                let built = query.finish();
                check(&built.order_by);
                check(&built.from);
            }
        }
        let Ok(expr) = parse(text) else {
            return false;
        };
        let mut valid = false;
        for (request, scope) in [
            (&self.guest, Scope::Client { superuser: false }),
            (&self.user, Scope::Client { superuser: true }),
        ] {
            let mut query = Query::new(&self.collections, posts, request, Options::default());
            if query.filter(&expr, scope).is_ok() {
                valid = true;
                let built = query.finish();
                check(&built.from);
                check(&built.where_sql);
                for number in 1..=built.params.len() {
                    let placeholder = format!("${number}:");
                    let bound =
                        built.from.contains(&placeholder) || built.where_sql.contains(&placeholder);
                    assert!(bound, "{text:?}: ${number} is not in {}", built.where_sql);
                }
            }
        }
        // In a policy literals are in the text, each between its quotes.
        let people: Vec<&Collection> = self
            .collections
            .iter()
            .filter(|one| one.name == "people")
            .collect();
        let rules = Rules {
            update: Some(text),
            ..Rules::default()
        };
        for policy in policies(&self.collections, posts, &people, rules).0 {
            check(&without_literals(&policy.sql));
        }
        valid
    }
}

/// SQL without what stands between single quotes.
fn without_literals(sql: &str) -> String {
    let mut out = String::new();
    let mut chars = sql.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        if c != '\'' {
            out.push(c);
            before = c;
            continue;
        }
        let escapes = before == 'E';
        while let Some(c) = chars.next() {
            match c {
                '\\' if escapes => {
                    chars.next();
                }
                '\'' if chars.peek() == Some(&'\'') => {
                    chars.next();
                }
                '\'' => break,
                _ => {}
            }
        }
        before = '\'';
    }
    out
}

#[test]
fn any_input() {
    let seed = support::seed::parse(include_str!("data/seed.json"));
    let guest = Request {
        now_ms: 0,
        ..Request::default()
    };
    let mut user = Request {
        auth: Some(Auth {
            collection: "people".to_owned(),
            record: seed.record("people", "bob"),
        }),
        ..guest.clone()
    };
    user.query.insert("q".to_owned(), "zqzq".into());
    user.body.insert("title".to_owned(), "zqzq'".into());
    user.body
        .insert("tag".to_owned(), serde_json::json!(["zqzq", "tagx"]));
    let target = Target {
        collections: seed.collections,
        guest,
        user,
    };
    let inputs = number("HANGAR_FUZZ", 20_000);
    let mut random = Random::new(number("HANGAR_FUZZ_SEED", 1));
    let (mut valid, mut slowest) = (0_u64, Duration::ZERO);
    let began = Instant::now();
    for _ in 0..inputs {
        let text = input(&mut random);
        let start = Instant::now();
        valid += u64::from(target.run(&text));
        let took = start.elapsed();
        assert!(took < PATIENCE, "{text:?} took {took:?}");
        slowest = slowest.max(took);
    }
    eprintln!(
        "{inputs} inputs, {valid} of them valid, in {:?}, the slowest in {slowest:?}",
        began.elapsed()
    );
}
