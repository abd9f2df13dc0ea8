//! `GET /api/collections/{collection}/records`

use hangar_failure::{Failure, Outcome};
use hangar_filter::{Built, Expr, Request as FilterRequest, Scope, check_client, parse};
use hangar_model::ApiError;
use hangar_sdk::http::Response;
use hangar_sdk::postgres::{Fallback, Plan, Rendered, Segment, Statement, defer};
use serde_json::{Value, json};

use crate::call::Call;
use crate::catalog::{Catalog, Entry, Rule, RuleKind};
use crate::records::document;
use crate::records::guard::{self, Action};
use crate::records::hooks::{self, Events};
use crate::records::page::Page;
use crate::records::plans::Prepared;
use crate::records::present::{self, Options};
use crate::records::query::{self, Values};
use crate::records::record::Shown;
use crate::records::template::Audience;
use crate::records::throttle;

/// Answers the request.
pub fn handle(catalog: &Catalog, entry: &Entry, call: &Call) -> Outcome<Response> {
    let rule = query::rule_for(entry, RuleKind::List, call)?;
    let mut response = answer(catalog, entry, call, &rule)?;
    throttle::mark(entry, call, &rule, &mut response);
    Ok(response)
}

fn answer(catalog: &Catalog, entry: &Entry, call: &Call, rule: &Rule<'_>) -> Outcome<Response> {
    let superuser = call.superuser();
    let events = Events::among(&["onRecordsListRequest", "onRecordEnrich"], entry);
    if !events.is_empty()
        || !call.parameter("expand").is_empty()
        || !call.parameter("fields").is_empty()
    {
        return slow(catalog, entry, call, rule, &events);
    }
    let own = call.own_id(&entry.id).unwrap_or_default();
    let key = format!(
        "{}{}",
        if superuser { "list su " } else { "list " },
        call.query
    );
    let guarded = guard::applies(call);
    if !guarded && let Some(body) = entry.plans.defer(&key, "", own) {
        return Ok(Response::deferred(200, body?));
    }
    // Plans are never kept for these, so who has one is not asked.
    if Page::read(call).is_ok_and(|page| page.is_far(entry)) {
        return slow(catalog, entry, call, rule, &events);
    }
    let compiled = compile(catalog, entry, call, rule, guarded)?;
    if guarded {
        return guard::answer(call, Action::List, &compiled.prepared.plan).map_err(bad_query);
    }
    if compiled.dynamic {
        return Ok(Response::deferred(200, defer(&compiled.prepared.plan)?));
    }
    let mut prepared = compiled.prepared;
    let body = prepared.defer("", own)?;
    entry.plans.keep(&key, prepared);
    Ok(Response::deferred(200, body))
}

struct Compiled {
    prepared: Prepared,
    /// Whether it depends on more than the query string.
    dynamic: bool,
}

/// What the client asks to filter and sort by.
struct Wanted<'a> {
    filter: Option<Expr>,
    sort: &'a str,
    scope: Scope,
    page: Page,
    dynamic: bool,
}

impl<'a> Wanted<'a> {
    fn read(call: &'a Call) -> Outcome<Self> {
        let (filter, sort) = (call.parameter("filter"), call.parameter("sort"));
        let superuser = call.superuser();
        if !superuser {
            for name in ["@collection.", "@request."] {
                if filter.contains(name) || sort.contains(name) {
                    return Err(ApiError::forbidden(&format!(
                        "Only superusers can filter by {name}"
                    ))
                    .into());
                }
            }
            check_client(filter, sort)?;
        }
        let page = Page::read(call)?;
        if filter.contains('\0') || sort.contains('\0') {
            return Err(ApiError::bad_request("").into());
        }
        Ok(Self {
            filter: if filter.is_empty() {
                None
            } else {
                Some(parse(filter)?)
            },
            sort,
            scope: Scope::Client { superuser },
            page,
            // Macros such as `@now`, and for superusers `@request`.
            dynamic: filter.contains('@') || sort.contains("@request"),
        })
    }
}

fn request_for(call: &Call, dynamic: bool) -> FilterRequest {
    if dynamic {
        call.plain_request()
    } else {
        FilterRequest::default()
    }
}

/// A plan that answers the request by itself.
fn compile(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    rule: &Rule<'_>,
    guarded: bool,
) -> Outcome<Compiled> {
    let wanted = Wanted::read(call)?;
    let mut dynamic = wanted.dynamic || matches!(rule, Rule::Expr(_, true));
    let audience = if call.superuser() {
        Audience::Superuser
    } else {
        Audience::Public
    };
    let shape = entry.shapes.get(entry, audience);
    let manages =
        shape.hides_email() && matches!(entry.rule(RuleKind::Manage)?, Rule::Expr(_, true));
    let request = request_for(call, dynamic || manages);

    let mut query =
        query::reading(catalog, entry, &request, rule, guarded).map_err(query::unreadable)?;
    if let Some(filter) = &wanted.filter {
        query.filter(filter, wanted.scope)?;
    }
    query.sort(wanted.sort, wanted.scope)?;
    let email = match shape.hides_email() {
        true => Some(query::email_condition(
            &mut query, catalog, entry, call, &request,
        )?),
        false => None,
    };
    let mut built = query.finish();
    let (mut own_at, mut email_sql) = (None, String::new());
    let mut count_params = built.params.clone();
    if let Some(email) = email {
        dynamic |= email.dynamic;
        // The condition's parameters come last, so that the count can do without them.
        count_params.truncate(email.own_at);
        built.params.extend(email.more);
        (own_at, email_sql) = (Some(email.own_at), email.sql);
    }
    let count = format!(
        "SELECT count(*) AS n FROM {} WHERE {}",
        built.count_from, built.where_sql
    );
    let statement = wanted
        .page
        .statement(entry, &shape.select_list(&email_sql), built);
    let Page {
        page,
        per_page,
        skip_total,
    } = wanted.page;
    let mut segments = vec![
        Segment::Text("{\"items\":[".into()),
        Segment::Rows(Rendered {
            statement,
            template: shape.template.clone(),
        }),
    ];
    let after = format!("],\"page\":{page},\"perPage\":{per_page},\"totalItems\":");
    if skip_total {
        segments.push(Segment::Text(format!("{after}-1,\"totalPages\":-1}}")));
    } else {
        let sql = format!("SELECT n, (n + {per_page} - 1) / {per_page} FROM ({count}) AS total");
        segments.push(Segment::Text(after));
        segments.push(Segment::Rows(Rendered {
            statement: Statement::new(sql, query::params(count_params)),
            template: r#"[{"s":"json"},",\"totalPages\":",{"s":"json"}]"#.into(),
        }));
        segments.push(Segment::Text("}".into()));
    }
    let when_failed = Some(Fallback {
        status: 400,
        text: ApiError::bad_request("").to_json(),
    });
    let plan = Plan {
        segments,
        when_empty: None,
        when_failed,
    };
    Ok(Compiled {
        prepared: Prepared {
            plan,
            id_at: None,
            own_at,
        },
        dynamic,
    })
}

/// The way through this component, for hooks, `expand`, `fields` and far pages.
fn slow(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    rule: &Rule<'_>,
    events: &Events,
) -> Outcome<Response> {
    let picker = present::picker(call)?;
    let wanted = Wanted::read(call)?;
    let request = call.plain_request();
    let guarded = guard::applies(call);
    let mut query =
        query::reading(catalog, entry, &request, rule, guarded).map_err(query::unreadable)?;
    if let Some(filter) = &wanted.filter {
        query.filter(filter, wanted.scope)?;
    }
    query.sort(wanted.sort, wanted.scope)?;
    let built = query.finish();
    let (rows, total) = match guarded {
        true => guard::under(call, &request, Action::List, || {
            read(entry, &wanted.page, built)
        }),
        false => read(entry, &wanted.page, built),
    }
    .map_err(bad_query)?;
    let Page { page, per_page, .. } = wanted.page;
    let pages = if total < 0 {
        -1
    } else {
        (total + per_page - 1) / per_page
    };
    let result =
        json!({"page": page, "perPage": per_page, "totalItems": total, "totalPages": pages});
    let records: Vec<Shown> = rows.into_iter().map(Shown::new).collect();

    let answer = |records: Vec<Shown>, result: &Value| -> Outcome<Response> {
        let items = present::enrich(catalog, entry, call, records, Options::of(call))?;
        let mut body = result.clone();
        body["items"] = Value::Array(items);
        Ok(Response::json(
            200,
            document::text(catalog, &present::pick_list(&picker, body)),
        ))
    };
    if !events.has("onRecordsListRequest") {
        return answer(records, &result);
    }
    hooks::list_request(entry, call, records, result, answer)
}

/// Reads a page as whole records, and the number of all, -1 if it is not wanted.
fn read(entry: &Entry, page: &Page, built: Built) -> Outcome<(Vec<Values>, i64)> {
    let list = query::full_list(entry);
    let sql = format!(
        "SELECT count(*) FROM {} WHERE {}",
        built.count_from, built.where_sql
    );
    let count = query::texts(Statement::new(sql, query::params(built.params.clone())));
    let first = |rows: &[Value]| rows.first().and_then(Value::as_i64);

    if let Some(statement) = page.counted(entry, &list, &built) {
        let mut answers = query::fetch(vec![query::numbered_rows(entry, statement)])?;
        let rows = answers.pop().unwrap_or_default();
        let total = match first(&rows) {
            Some(total) => total,
            None => first(&query::fetch(vec![count])?.pop().unwrap_or_default()).unwrap_or(0),
        };
        return Ok((query::objects(rows), total));
    }
    let mut segments = vec![query::full_rows(entry, page.statement(entry, &list, built))];
    if page.skip_total {
        let mut answers = query::fetch(segments)?;
        return Ok((query::objects(answers.pop().unwrap_or_default()), -1));
    }
    segments.push(count);
    let mut answers = query::fetch(segments)?;
    let total = first(&answers.pop().unwrap_or_default()).unwrap_or(0);
    Ok((query::objects(answers.pop().unwrap_or_default()), total))
}

/// A statement that fails on what the client has asked for is the client's mistake.
fn bad_query(failure: Failure) -> Failure {
    match failure.sqlstate() {
        Some(state) if state.starts_with("22") || state.starts_with("42") => {
            if let Failure::Host(error) = &failure {
                hangar_sdk::log::warn(&format!(
                    "a filter or sort failed in the database: {}",
                    error.message
                ));
            }
            ApiError::bad_request("").into()
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hangar_model::{Collection, CollectionType, Field, FieldType};

    struct Fixed;
    impl hangar_model::Random for Fixed {
        fn text(&mut self, length: usize, alphabet: &str) -> String {
            alphabet.chars().cycle().take(length).collect()
        }
    }

    fn catalog() -> Catalog {
        let mut posts = Collection::new(CollectionType::Base, &mut Fixed);
        (posts.id, posts.name) = ("p1".into(), "posts".into());
        posts.rules.list = Some(String::new());
        posts.add_field(Field::new(FieldType::Number, "n"));
        posts.add_field(Field::new(FieldType::Bool, "published"));
        let mut users = Collection::new(CollectionType::Auth, &mut Fixed);
        (users.id, users.name) = ("u1".into(), "users".into());
        users.rules.list = Some("verified = true".into());
        if let Some(auth) = &mut users.auth {
            auth.manage_rule = Some("verified = false".into());
        }
        Catalog::new(1, vec![posts, users])
    }

    fn statements(collection: &str, query: &str) -> Vec<Statement> {
        let catalog = catalog();
        let entry = catalog.get(collection).expect("the collection exists");
        let call = Call {
            query: query.into(),
            ..Call::default()
        };
        let rule = entry.rule(RuleKind::List).expect("a valid rule");
        let compiled = compile(&catalog, entry, &call, &rule, false).expect("compiles");
        assert!(!compiled.dynamic);
        let rows = |segment| match segment {
            Segment::Rows(rendered) => Some(rendered.statement),
            Segment::Text(_) => None,
        };
        compiled
            .prepared
            .plan
            .segments
            .into_iter()
            .filter_map(rows)
            .collect()
    }

    #[test]
    fn a_filtered_page_is_two_statements() {
        let all = statements(
            "posts",
            "filter=n%3E5000%26%26published%3Dtrue&sort=-n&page=3&perPage=10",
        );
        assert_eq!(
            all[0].sql,
            "SELECT \"posts\".\"id\", \"posts\".\"n\", \"posts\".\"published\" FROM \"public\".\"posts\" AS \"posts\" \
             WHERE \"posts\".\"n\" > $1::float8 AND \"posts\".\"published\" = $2::bool \
             ORDER BY \"posts\".\"n\" DESC, \"posts\".\"_rowid_\" ASC LIMIT 10 OFFSET 20"
        );
        assert!(
            all[1]
                .sql
                .starts_with("SELECT n, (n + 10 - 1) / 10 FROM (SELECT count(*) AS n FROM")
        );
        assert_eq!(statements("posts", "skipTotal=1").len(), 1);
    }

    #[test]
    fn far_pages_are_one_statement_with_another_parameter() {
        let page = |number: i64| {
            let all = statements(
                "posts",
                &format!("filter=n%3E5000&page={number}&perPage=10"),
            );
            (all[0].sql.clone(), format!("{:?}", all[0].params.last()))
        };
        let (sql, offset) = page(101);
        assert!(sql.starts_with("/* planned */ SELECT "), "{sql}");
        assert!(sql.contains(" LIMIT 10 OFFSET $2::bigint))"), "{sql}");
        assert!(offset.contains("Integer(1000)"), "{offset}");
        assert_eq!(page(5000).0, sql);
        // What is planned once and for all must see where it begins.
        assert!(page(100).0.ends_with(" LIMIT 10 OFFSET 990"));
        assert!(page(1).0.ends_with(" LIMIT 10"));
    }

    #[test]
    fn a_page_far_back_is_found_before_it_is_read() {
        let all = statements("posts", "sort=-n&page=101&perPage=10");
        assert_eq!(
            all[0].sql,
            "/* planned */ SELECT \"posts\".\"id\", \"posts\".\"n\", \"posts\".\"published\" FROM \"public\".\"posts\" AS \"posts\" \
             WHERE \"posts\".\"_rowid_\" = ANY (ARRAY(SELECT \"posts\".\"_rowid_\" FROM \"public\".\"posts\" AS \"posts\" \
             WHERE TRUE ORDER BY \"posts\".\"n\" DESC, \"posts\".\"_rowid_\" ASC LIMIT 10 OFFSET $1::bigint)) \
             ORDER BY \"posts\".\"n\" DESC, \"posts\".\"_rowid_\" ASC"
        );
    }

    #[test]
    fn patterns_are_planned_for_their_values() {
        let planned = |query: &str| {
            let all = statements("posts", query);
            all[0].sql.starts_with("/* planned */ SELECT ")
        };
        assert!(planned("filter=id~%22a%22"));
        assert!(!planned("filter=n%3E1"));
    }

    #[test]
    fn the_count_of_auth_records_has_its_own_parameters_only() {
        let all = statements("users", "filter=email~'a'");
        let highest = |statement: &Statement| {
            (1..20)
                .rev()
                .find(|number| statement.sql.contains(&format!("${number}")))
                .unwrap_or_default()
        };
        for statement in &all {
            assert_eq!(
                statement.params.len(),
                highest(statement),
                "{}",
                statement.sql
            );
        }
        assert!(
            all[0].sql.contains("LATERAL"),
            "the manage rule decides about emails: {}",
            all[0].sql
        );
        assert!(all[0].params.len() > all[1].params.len());
    }

    #[test]
    fn pages_are_clamped_and_checked() {
        let read = |query: &str| {
            Page::read(&Call {
                query: query.into(),
                ..Call::default()
            })
            .ok()
        };
        let page = |page, per_page, skip_total| {
            Some(Page {
                page,
                per_page,
                skip_total,
            })
        };
        assert_eq!(read(""), page(1, 30, false));
        assert_eq!(read("page=0&perPage=-1&skipTotal=T"), page(1, 30, true));
        assert_eq!(read("page=2&perPage=5000&skipTotal="), page(2, 1000, false));
        assert_eq!(read("page=x"), None);
        assert_eq!(read("skipTotal=x"), None);
        assert_eq!(read("page=99999999999999999999"), None);
    }
}
