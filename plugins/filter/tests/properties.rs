//! Properties over arbitrary input.

mod support;

use hangar_filter::schema::Collection;
use hangar_filter::{ErrorKind, Expr, MAX_DEPTH, Options, Query, Request, Scope, Value, parse};
use proptest::prelude::*;

fn collections() -> Vec<Collection> {
    support::seed::parse(include_str!("data/seed.json")).collections
}

fn compile(collections: &[Collection], expr: &Expr) -> Option<(String, Vec<Value>)> {
    let posts = collections
        .iter()
        .find(|collection| collection.name == "posts")
        .expect("a seeded collection");
    let request = Request {
        now_ms: 0,
        ..Request::default()
    };
    let mut query = Query::new(&collections, posts, &request, Options::default());
    query.filter(expr, Scope::Client { superuser: true }).ok()?;
    let built = query.finish();
    Some((format!("{} {}", built.from, built.where_sql), built.params))
}

const FIELDS: [&str; 14] = [
    "title",
    "n",
    "published",
    "at",
    "j",
    "j.a.b.0",
    "tag",
    "tag:length",
    "tag:each",
    "tag.title",
    "author.name",
    "comments_via_post.likes",
    "@collection.tags.title",
    "title:lower",
];
const OPERATORS: [&str; 16] = [
    "=", "!=", ">", ">=", "<", "<=", "~", "!~", "?=", "?!=", "?>", "?>=", "?<", "?<=", "?~", "?!~",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn parser_never_panics(text in ".{0,200}") {
        let _ = parse(&text);
    }

    /// Grammar-like input gets past the lexer more often.
    #[test]
    fn compiler_never_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "title", "n", "tag.title", "tag", ":each", ":length", ".", "(", ")", "&&", "||", "=", "!=", "~", "?=", "'x'", "''", "7", "-", "null",
        "true", "@request.auth.id", "@collection.tags.title", "@now", "strftime(", "geoDistance(", ",", "'%Y'", "at", "j.a.0", "//", "\n", "'", "@",
        "#", "_via_", "comments_via_post.likes",
    ]), 0..12)) {
        if let Ok(expr) = parse(&parts.join(" ")) {
            compile(&collections(), &expr);
        }
        if let Ok(expr) = parse(&parts.concat()) {
            compile(&collections(), &expr);
        }
    }

    /// Literals travel as parameters only.
    #[test]
    fn no_literal_in_sql(field in prop::sample::select(&FIELDS[..]), operator in prop::sample::select(&OPERATORS[..]), literal in "[a-z]{6}ZQ[0-9]{3}['\"%;\\\\]{0,3}") {
        let quoted = literal.replace('\\', "\\\\").replace('\'', "\\'");
        let expr = parse(&format!("{field} {operator} '{quoted}' || '{quoted}' {operator} {field}")).expect("a valid filter");
        let (sql, _) = compile(&collections(), &expr).expect("a filter that compiles");
        prop_assert!(!sql.to_lowercase().contains(&literal[..11].to_lowercase()), "{sql}");
    }

    /// Filters of one shape share one statement text, and parameters are numbered without gaps.
    #[test]
    fn same_shape_same_sql(field in prop::sample::select(&FIELDS[..]), operator in prop::sample::select(&OPERATORS[..]), a in "[a-z]{1,9}", b in "[a-z]{1,9}") {
        let compiled = |literal: &str| compile(&collections(), &parse(&format!("{field} {operator} '{literal}'")).expect("a valid filter")).expect("it compiles");
        let ((left, params), (right, _)) = (compiled(&a), compiled(&b));
        prop_assert_eq!(&left, &right);
        for number in 1..=params.len() {
            let placeholder = format!("${number}::");
            prop_assert!(left.contains(&placeholder), "{}", left);
        }
        let beyond = format!("${}", params.len() + 1);
        prop_assert!(!left.contains(&beyond));
    }
}

#[test]
fn depth_is_bounded() {
    for depth in [MAX_DEPTH + 1, 1_000] {
        let text = format!("{}n=1{}", "(n=1&&".repeat(depth), ")".repeat(depth));
        assert_eq!(parse(&text).expect_err("too deep").kind, ErrorKind::Limit);
    }
    for depth in [2_001, 1_000_000] {
        let text = format!("{}n=1{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(parse(&text).expect_err("too deep").kind, ErrorKind::Limit);
        let text = format!("{}1{}=1", "f(".repeat(depth), ")".repeat(depth));
        assert_eq!(parse(&text).expect_err("too deep").kind, ErrorKind::Limit);
    }
    let text = format!("{}n=1{}", "(n=1&&".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
    assert!(parse(&text).is_ok());
    // Brackets around nothing but brackets are no depth.
    let text = format!("{}n=1{}", "(".repeat(2_000), ")".repeat(2_000));
    assert!(parse(&text).is_ok());
    // Length alone is no depth.
    let flat = vec!["n=1"; 5000].join(" && ");
    assert!(compile(&collections(), &parse(&flat).expect("a valid filter")).is_some());
}

#[test]
fn no_nul_reaches_postgres() {
    assert!(parse("title = 'a\0b'").is_err());
    assert!(parse("title = 'b'\0").is_err());
    let collections = collections();
    let mut request = Request::default();
    request.query.insert("q".to_owned(), "a\0b".into());
    let mut query = Query::new(&collections, &collections[0], &request, Options::default());
    let expr = parse("id = @request.query.q").expect("a valid rule");
    query.filter(&expr, Scope::Rule).expect("it compiles");
    assert_eq!(
        query.finish().params,
        [Value::Text("a\u{fffd}b".to_owned())]
    );
}

#[test]
fn clients_are_bounded() {
    let many = vec!["n=1"; 201].join("||");
    let collections = collections();
    let request = Request::default();
    let mut query = Query::new(&collections, &collections[0], &request, Options::default());
    let error = query
        .filter(
            &parse(&many).expect("a valid filter"),
            Scope::Client { superuser: false },
        )
        .expect_err("too many");
    assert_eq!(error.kind, ErrorKind::Limit);
    assert_eq!(
        hangar_filter::check_client(&" ".repeat(3501), "")
            .expect_err("too long")
            .kind,
        ErrorKind::Limit
    );
    assert_eq!(
        hangar_filter::check_client("", "@request.x")
            .expect_err("forbidden")
            .status(),
        403
    );
}
