//! Queries that need no database to be judged: what is refused and how, what becomes which field. What translated
//! queries answer is compared with PocketBase in `tests/compat/cases/15-views.http`.

use hangar_model::{Collection, CollectionType, Random};
use hangar_viewsql::{Error, Inferred, Tables, View, translate};
use serde_json::{Value, json};

struct Fixed;

impl Random for Fixed {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        alphabet.chars().cycle().take(length).collect()
    }
}

struct Known(Vec<Collection>);

impl Tables for Known {
    fn table(&self, name: &str) -> Option<&Collection> {
        self.0
            .iter()
            .find(|collection| collection.name.eq_ignore_ascii_case(name))
    }

    fn is_view(&self, _: &str) -> bool {
        false
    }
}

fn known() -> Known {
    let collection = |name: &str, fields: Value| {
        let mut made = Collection::new(CollectionType::Base, &mut Fixed);
        let body = json!({"id": format!("{name}_id"), "name": name, "fields": fields});
        let Value::Object(body) = body else {
            unreachable!("it is an object");
        };
        made.merge(&body).expect("a valid collection");
        made.init_fields();
        made
    };
    Known(vec![
        collection(
            "posts",
            json!([{"name": "title", "type": "text"}, {"name": "n", "type": "number"}, {"name": "done", "type": "bool"},
                {"name": "at", "type": "date"}, {"name": "data", "type": "json"},
                {"name": "author", "type": "relation", "collectionId": "authors_id"}]),
        ),
        collection("authors", json!([{"name": "name", "type": "text"}])),
    ])
}

fn view(query: &str) -> Result<View, Error> {
    translate(query, &known())
}

fn message(query: &str) -> String {
    view(query).expect_err("not a view").message
}

#[test]
fn what_is_wrong_is_told_in_the_words_of_sqlite() {
    for (query, expected) in [
        (
            "nonsense",
            "SQL logic error: no such table: main.nonsense (1)",
        ),
        (
            "select id from nope",
            "SQL logic error: no such table: main.nope (1)",
        ),
        (
            "select id, nope from posts",
            "SQL logic error: no such column: nope (1)",
        ),
        (
            "select id, p.nope from posts p",
            "SQL logic error: no such column: p.nope (1)",
        ),
        (
            "select id from posts, authors",
            "SQL logic error: ambiguous column name: id (1)",
        ),
        (
            "select id from posts where",
            "SQL logic error: near \")\": syntax error (1)",
        ),
        (
            "delete from posts",
            "SQL logic error: near \"delete\": syntax error (1)",
        ),
        (
            "select id from posts; select 1",
            "multiple statements are not supported",
        ),
        (
            "select id from posts -- end",
            "SQL logic error: incomplete input (1)",
        ),
        (
            "select id, json_extract(data, '$😀') from posts",
            "SQL logic error: bad JSON path: '$😀' (1)",
        ),
        ("", "SQL logic error: near \")\": syntax error (1)"),
    ] {
        assert_eq!(message(query), expected, "{query}");
    }
    assert_eq!(
        view("select id, nope from posts")
            .expect_err("no such column")
            .missing_column
            .as_deref(),
        Some("nope")
    );
}

#[test]
fn columns_become_fields() {
    let view = view(
        "select p.id, p.title as t, a.id as author, count(*) as c, total(n) as s, cast(n as int) as i, sum(n) as j \
         from posts p left join authors a on a.id = p.author group by p.id",
    )
    .expect("valid");
    let fields: Vec<Inferred> = view
        .columns
        .into_iter()
        .map(|column| column.field)
        .collect();
    assert_eq!(
        fields,
        [
            Inferred::Id,
            Inferred::Clone("posts_id".into(), "title".into()),
            Inferred::Relation("authors_id".into()),
            Inferred::Number { only_int: true },
            Inferred::Number { only_int: false },
            Inferred::Number { only_int: true },
            Inferred::Json,
        ]
    );
    assert_eq!(
        view.sources,
        [
            ("posts".into(), "posts_id".into()),
            ("authors".into(), "authors_id".into())
        ]
    );
}

#[test]
fn conditions_reach_the_table_of_a_plain_view() {
    let view = view("select id, title from posts where done = 1").expect("valid");
    assert_eq!(
        view.sql,
        "SELECT \"posts\".\"_rowid_\" AS \"_rowid_\", (\"posts\".\"id\") COLLATE \"C\" AS \"id\", \
         (\"posts\".\"title\") COLLATE \"C\" AS \"title\" FROM public.\"posts\" AS \"posts\" \
         WHERE ((\"posts\".\"done\")::int::float8 = (1)::float8)"
    );
    assert!(view.plain_id);
}

#[test]
fn texts_of_the_query_stay_texts() {
    for text in ["a'b", "a\\'; drop table posts; --", "a\"b", "$1", "%s"] {
        let query = format!("select id, '{}' as x from posts", text.replace('\'', "''"));
        let sql = view(&query).expect("valid").sql;
        assert!(sql.contains(&hangar_model::sql::literal(text)), "{sql}");
    }
    let sql = view("select id, title as \"a\"\"b\" from posts")
        .expect("valid")
        .sql;
    assert!(sql.contains("\"a\"\"b\""), "{sql}");
}

#[test]
fn large_and_deep_queries_are_refused() {
    let wide = format!("select id, (1{}) as x from posts", " + 1".repeat(5000));
    assert!(message(&wide).contains("more than"), "{}", message(&wide));
    let deep = format!(
        "select id, {}1{} as x from posts",
        "(".repeat(400),
        ")".repeat(400)
    );
    assert!(message(&deep).contains("nested too deeply"));
    let selects = format!(
        "{}select id from posts{}",
        "select id from (".repeat(60),
        ")".repeat(60)
    );
    assert!(message(&selects).contains("nested too deeply"));
}

#[test]
fn no_text_makes_it_panic() {
    let words = [
        "select",
        "id",
        "from",
        "posts",
        "p",
        ",",
        "(",
        ")",
        "*",
        "count(",
        "where",
        "=",
        "'x'",
        "\"y\"",
        "[z]",
        "`t`",
        "group by",
        "order by",
        "limit",
        "1",
        "-",
        "case",
        "when",
        "then",
        "end",
        "union",
        "with",
        "as",
        "json_each(",
        "->",
        "'$.a'",
        "over",
        "in",
        "like",
        "is",
        "null",
        "not",
        "cast(",
        "int",
        ";",
        "--",
        "/*",
        "é",
        ".",
        "::",
    ];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::from("select id");
        for _ in 0..12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push(' ');
            text.push_str(words[usize::try_from(state >> 33).unwrap_or_default() % words.len()]);
        }
        let _ = view(&text);
        let _ = view(&text[7..]);
    }
}
