//! From rules and filters to SQL statements.

use hangar_failure::{Failure, Outcome};
use hangar_filter::{Built, Options, Query, Request as FilterRequest, Scope, Value as FilterValue};
use hangar_model::ApiError;
use hangar_model::sql::SCHEMA;
use hangar_sdk::postgres::{Plan, Rendered, Segment, Statement, Value, render};
use serde_json::Value as Json;

use crate::call::Call;
use crate::catalog::{Catalog, Entry, Rule, RuleKind};
use crate::records::guard;
use crate::records::template::Audience;

/// A record as stored: every field by name, and `collectionId`, `collectionName`.
pub type Values = serde_json::Map<String, Json>;

/// A query on a collection without conditions yet.
pub fn query<'a>(catalog: &'a Catalog, entry: &'a Entry, request: &'a FilterRequest) -> Query<'a> {
    query_from(catalog, entry, request, 1, None)
}

/// A query for what a call may read: with the rule as a condition, or, where `guarded`, ready to run under the policies,
/// which have the rule.
///
/// # Errors
/// A rule that is null or cannot be compiled.
pub fn reading<'a>(
    catalog: &'a Catalog,
    entry: &'a Entry,
    request: &'a FilterRequest,
    rule: &Rule<'_>,
    guarded: bool,
) -> Outcome<Query<'a>> {
    if !guarded {
        let mut query = query(catalog, entry, request);
        with_rule(&mut query, rule)?;
        return Ok(query);
    }
    if matches!(rule, Rule::Locked) {
        return Err(ApiError::locked_rule().into());
    }
    let options = Options {
        schema: guard::source(entry),
        related: guard::RELATED,
        ..Options::default()
    };
    Ok(Query::new(catalog, &entry.filter, request, options))
}

/// [`query`] whose parameters begin at a number, optionally on a CTE in the place of the table.
pub fn query_from<'a>(
    catalog: &'a Catalog,
    entry: &'a Entry,
    request: &'a FilterRequest,
    first_param: usize,
    cte: Option<&'a str>,
) -> Query<'a> {
    let options = Options {
        schema: SCHEMA,
        related: SCHEMA,
        first_param,
        cte,
        session: None,
    };
    Query::new(catalog, &entry.filter, request, options)
}

/// Adds the condition that the record has this id, and answers which parameter holds it.
pub fn with_id(query: &mut Query<'_>, id: &str) -> usize {
    let param = query.param(FilterValue::Text(id.to_owned()));
    let condition = format!("{}.\"id\" = {param}::text", query.alias());
    query.condition(&condition);
    // Placeholders are numbered from 1.
    param
        .trim_start_matches('$')
        .parse::<usize>()
        .map_or(0, |number| number - 1)
}

/// Adds the condition that the record's id is one of these.
pub fn with_ids(query: &mut Query<'_>, ids: &[&str]) {
    let param = query.param(FilterValue::Text(Json::from(ids).to_string()));
    let condition = format!(
        "{}.\"id\" IN (SELECT jsonb_array_elements_text({param}::text::jsonb))",
        query.alias()
    );
    query.condition(&condition);
}

/// Adds a rule as a condition.
///
/// # Errors
/// 403 if the rule is null; 404 if it cannot be compiled, for a rule may name what has been renamed or dropped in another
/// collection since: then there is nothing that anybody may have.
pub fn with_rule(query: &mut Query<'_>, rule: &Rule<'_>) -> Outcome<()> {
    match rule {
        Rule::Locked => Err(ApiError::locked_rule().into()),
        Rule::Open => Ok(()),
        Rule::Expr(expr, _) => query
            .filter(expr, Scope::Rule)
            .map_err(|_| ApiError::not_found("").into()),
    }
}

/// Whether a failure is that of a rule that cannot be compiled.
pub fn is_outdated(failure: &Failure) -> bool {
    matches!(failure, Failure::Api(error) if error.status == 404)
}

/// How lists answer instead: they are there, but cannot be read.
pub fn unreadable(failure: Failure) -> Failure {
    match is_outdated(&failure) {
        true => ApiError::bad_request("").into(),
        false => failure,
    }
}

/// The rule that applies to this call: none for superusers.
///
/// # Errors
/// 403 if the rule is null, a rule that cannot be parsed.
pub fn rule_for<'a>(entry: &'a Entry, kind: RuleKind, call: &Call) -> Outcome<Rule<'a>> {
    if call.superuser() {
        return Ok(Rule::Open);
    }
    match entry.rule(kind)? {
        Rule::Locked => Err(ApiError::locked_rule().into()),
        rule => Ok(rule),
    }
}

/// Parameters as the database takes them.
pub fn params(values: Vec<FilterValue>) -> Vec<Value> {
    values
        .into_iter()
        .map(|value| match value {
            FilterValue::Null => Value::Null,
            FilterValue::Bool(value) => Value::Boolean(value),
            FilterValue::Int(value) => Value::Integer(value),
            FilterValue::Float(value) => Value::Float(value),
            FilterValue::Text(value) => Value::Text(value),
        })
        .collect()
}

/// The statement for the rows of a compiled query. `tail` is what follows, `LIMIT` and such.
pub fn rows_statement(select_list: &str, built: Built, tail: &str) -> Statement {
    let order = if built.order_by.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", built.order_by)
    };
    let sql = format!(
        "SELECT {select_list} FROM {} WHERE {}{order}{tail}",
        built.from, built.where_sql
    );
    Statement::new(sql, params(built.params))
}

/// A segment of whole records of a collection.
pub fn full_rows(entry: &Entry, statement: Statement) -> Segment {
    let template = entry.shapes.get(entry, Audience::Full).template.clone();
    Segment::Rows(Rendered {
        statement,
        template,
    })
}

/// [`full_rows`] after a first column with a number, which stands before each record.
pub fn numbered_rows(entry: &Entry, statement: Statement) -> Segment {
    let template = &entry.shapes.get(entry, Audience::Full).template;
    let template = template.replacen('[', r#"[{"s":"json"},",","#, 1);
    Segment::Rows(Rendered {
        statement,
        template,
    })
}

/// The select list that goes with [`full_rows`].
pub fn full_list(entry: &Entry) -> String {
    entry.shapes.get(entry, Audience::Full).select_list("")
}

/// Runs segments in one round trip and reads each `Rows` segment as an array.
///
/// # Errors
/// What the database says.
pub fn fetch(rows: Vec<Segment>) -> Outcome<Vec<Vec<Json>>> {
    let mut segments = Vec::with_capacity(rows.len() * 2 + 1);
    for (at, segment) in rows.into_iter().enumerate() {
        segments.push(Segment::Text(if at == 0 { "[[" } else { "],[" }.to_owned()));
        segments.push(segment);
    }
    segments.push(Segment::Text("]]".to_owned()));
    let text = render(&Plan {
        segments,
        when_empty: None,
        when_failed: None,
    })?
    .unwrap_or_default();
    Ok(serde_json::from_str(&text)?)
}

/// Runs one statement for whole records.
///
/// # Errors
/// What the database says.
pub fn fetch_records(entry: &Entry, statement: Statement) -> Outcome<Vec<Values>> {
    let mut answers = fetch(vec![full_rows(entry, statement)])?;
    Ok(objects(answers.pop().unwrap_or_default()))
}

/// A segment of single texts.
pub fn texts(statement: Statement) -> Segment {
    Segment::Rows(Rendered {
        statement,
        template: r#"[{"s":"json"}]"#.into(),
    })
}

/// The objects of an array.
pub fn objects(values: Vec<Json>) -> Vec<Values> {
    values
        .into_iter()
        .filter_map(|value| match value {
            Json::Object(map) => Some(map),
            _ => None,
        })
        .collect()
}

/// A segment that gives `1` for each row of a compiled query, at most one.
pub fn exists(built: Built) -> Segment {
    let sql = format!(
        "SELECT 1 FROM {} WHERE {} LIMIT 1",
        built.from, built.where_sql
    );
    Segment::Rows(Rendered {
        statement: Statement::new(sql, params(built.params)),
        template: r#"[{"s":"json"}]"#.into(),
    })
}

/// The condition under which a row of an auth collection shows its email to this call, the parameters it needs after
/// those of `query`, and the place of the parameter that holds the caller's own id.
pub struct EmailCondition {
    /// SQL.
    pub sql: String,
    /// Index of the caller's id among all parameters.
    pub own_at: usize,
    /// Parameters to append after those of the query.
    pub more: Vec<FilterValue>,
    /// Whether it holds for this request only.
    pub dynamic: bool,
}

/// Builds the condition. Call it when the query has all its conditions: it takes the next parameter.
///
/// # Errors
/// A manage rule that cannot be compiled.
pub fn email_condition(
    query: &mut Query<'_>,
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    request: &FilterRequest,
) -> Outcome<EmailCondition> {
    let alias = query.alias().to_owned();
    let own = query.param(FilterValue::Text(
        call.own_id(&entry.id).unwrap_or_default().to_owned(),
    ));
    let number: usize = own.trim_start_matches('$').parse().map_err(|_| {
        Failure::Host(hangar_sdk::Error::internal(
            "a parameter of the filter compiler has no number",
        ))
    })?;
    let mut condition = EmailCondition {
        sql: format!("({alias}.\"emailVisibility\" OR {alias}.\"id\" = {own}::text"),
        own_at: number - 1,
        more: Vec::new(),
        dynamic: false,
    };
    if let Rule::Expr(expr, dynamic) = entry.rule(RuleKind::Manage)? {
        let options = Options {
            related: query.related(),
            first_param: number + 1,
            ..Options::default()
        };
        let mut manage = Query::new(catalog, &entry.filter, request, options);
        manage.filter(expr, Scope::Rule)?;
        manage.condition(&format!("{alias}.\"id\" = \"hangar_row\".\"id\""));
        let built = manage.finish();
        // The inner query calls its table as the outer one does; the subselect carries the outer id past that.
        condition.sql.push_str(&format!(
            " OR EXISTS (SELECT 1 FROM (SELECT {alias}.\"id\") AS \"hangar_row\", \
             LATERAL (SELECT 1 FROM {} WHERE {}) AS \"hangar_managed\")",
            built.from, built.where_sql
        ));
        condition.more = built.params;
        condition.dynamic = dynamic;
    }
    condition.sql.push(')');
    Ok(condition)
}
