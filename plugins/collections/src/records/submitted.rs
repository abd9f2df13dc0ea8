//! What a client has submitted for a record: modifiers, hidden fields, and the row the create rule is tested on.

use hangar_failure::Outcome;
use hangar_filter::Scope;
use hangar_model::Collection;
use hangar_model::modifier;
use hangar_model::sql::{ROWID, cast, ident};
use hangar_sdk::postgres::{Rendered, Segment, Statement};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::catalog::{Catalog, Entry, Rule};
use crate::random::HostRandom;
use crate::records::draft::Draft;
use crate::records::query::{self, Values};
use crate::records::write::param;

/// Name of the CTE that stands in for the table while the create rule is tested.
const CTE: &str = "hangar_submitted";
/// Id of the submitted row while it has none. PocketBase has random letters after the last underscore.
const TEMPORARY_ID: &str = "__temp_id____pb_create__hangar";

/// The body after modifiers: plain names, fields in normal form, without what the client may not set, which rules do not
/// see either. Keys that are no field are kept for the rules.
pub fn resolve(collection: &Collection, stored: &Values, call: &Call) -> Map<String, Value> {
    let mut body = modifier::resolve(collection, stored, &call.body.values, &mut HostRandom);
    if !call.superuser() {
        body.retain(|name, _| may_set(collection, name));
    }
    body
}

/// Hidden fields are a superuser's business, the password of auth records excepted.
fn may_set(collection: &Collection, name: &str) -> bool {
    let own_password = collection.is_auth() && name == "password";
    own_password || collection.field(name).is_none_or(|field| !field.hidden)
}

/// The fields a body changes relative to what is stored (`n+`, `tags-`).
pub fn modified<'a>(collection: &'a Collection, body: &Map<String, Value>) -> Vec<&'a str> {
    let mut names: Vec<&str> = body
        .keys()
        .filter(|key| collection.field(key).is_none())
        .filter_map(|key| {
            let name = key
                .strip_suffix(['+', '-'])
                .or_else(|| key.strip_prefix('+'))?;
            Some(collection.field(name)?.name.as_str())
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A question that has an answer if the draft, as if it were stored, meets a rule.
///
/// # Errors
/// A rule that cannot be compiled.
pub fn meets(
    catalog: &Catalog,
    draft: &Draft,
    call: &Call,
    rule: &Rule<'_>,
    resolved: &Map<String, Value>,
) -> Outcome<Option<Segment>> {
    let Rule::Expr(expr, _) = rule else {
        return Ok(None);
    };
    let entry: &Entry = &draft.entry;
    let mut columns = vec![format!("0::bigint AS {}", ident(ROWID))];
    let mut params = Vec::new();
    for field in &entry.fields {
        let stand_in = match field.name.as_str() {
            "id" if draft.shown.id().is_empty() => Some(Value::from(TEMPORARY_ID)),
            "verified" if entry.is_auth() => Some(Value::Bool(false)),
            _ => None,
        };
        let value = stand_in
            .as_ref()
            .or_else(|| draft.shown.values.get(&field.name));
        params.push(param(field, value));
        let collate = if cast(field) == "::text" {
            " COLLATE \"C\""
        } else {
            ""
        };
        columns.push(format!(
            "${}{}{collate} AS {}",
            params.len(),
            cast(field),
            ident(&field.name)
        ));
    }
    let request = call.filter_request(call.context, resolved.clone());
    let mut query = query::query_from(catalog, entry, &request, params.len() + 1, Some(CTE));
    query.filter(expr, Scope::Rule)?;
    let built = query.finish();
    params.extend(query::params(built.params));
    let sql = format!(
        "WITH {} AS (SELECT {}) SELECT 1 FROM {} WHERE {} LIMIT 1",
        ident(CTE),
        columns.join(", "),
        built.from,
        built.where_sql
    );
    Ok(Some(Segment::Rows(Rendered {
        statement: Statement::new(sql, params),
        template: r#"[{"s":"json"}]"#.into(),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hangar_model::{CollectionType, Field, FieldType};
    use serde_json::json;

    struct Fixed;
    impl hangar_model::Random for Fixed {
        fn text(&mut self, length: usize, alphabet: &str) -> String {
            alphabet.chars().cycle().take(length).collect()
        }
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn only_modifiers_on_stored_values_need_the_stored_record() {
        let mut posts = Collection::new(CollectionType::Base, &mut Fixed);
        posts.add_field(Field::new(FieldType::Number, "n"));
        posts.add_field(Field::new(FieldType::Relation, "tags"));
        let names = |body: Value| modified(&posts, &object(body)).join(",");
        assert_eq!(names(json!({"n": 1, "x+": 1, "n:autogenerate": ""})), "");
        assert_eq!(
            names(json!({"n+": 1, "+tags": "a", "tags-": "b"})),
            "n,tags"
        );
    }

    #[test]
    fn hidden_fields_cannot_be_set_but_a_password() {
        let mut users = Collection::new(CollectionType::Auth, &mut Fixed);
        let mut secret = Field::new(FieldType::Text, "secret");
        secret.hidden = true;
        users.add_field(secret);
        for (name, may) in [
            ("secret", false),
            ("tokenKey", false),
            ("password", true),
            ("email", true),
            ("no field", true),
        ] {
            assert_eq!(may_set(&users, name), may, "{name}");
        }
    }

    #[test]
    fn the_create_rule_is_tested_on_the_submitted_row() {
        let mut posts = Collection::new(CollectionType::Base, &mut Fixed);
        (posts.id, posts.name) = ("p1".into(), "posts".into());
        posts.rules.create = Some("title = 'x'".into());
        posts.add_field(Field::new(FieldType::Text, "title"));
        let catalog = Catalog::new(1, vec![posts]);
        let entry = catalog.all()[0].clone();
        let draft = Draft::new(entry.clone());
        let rule = entry
            .rule(crate::catalog::RuleKind::Create)
            .expect("a valid rule");
        let segment =
            meets(&catalog, &draft, &Call::default(), &rule, &Map::new()).expect("compiles");
        let Some(Segment::Rows(rows)) = segment else {
            panic!("a rule with a condition has a statement")
        };
        assert!(rows.statement.sql.starts_with(
            "WITH \"hangar_submitted\" AS (SELECT 0::bigint AS \"_rowid_\", $1::text"
        ));
        assert!(
            !rows.statement.sql.contains("\"public\".\"posts\""),
            "{}",
            rows.statement.sql
        );
        assert!(
            rows.statement
                .sql
                .contains(&format!("${}", rows.statement.params.len()))
        );
    }
}
