//! The `expand` query parameter.
//!
//! Each path is followed on its own. A path that cannot be followed (unknown field, a view rule that is null) leaves no
//! trace, not even its beginning; one that finds nothing leaves an empty `expand`.

use std::collections::HashMap;
use std::rc::Rc;

use hangar_failure::Outcome;
use hangar_model::FieldOptions;
use hangar_model::index::Index;
use hangar_model::sql::ident;
use hangar_model::value::to_list;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::catalog::{Catalog, Entry, Rule, RuleKind};
use crate::records::guard::{self, Action};
use crate::records::present::{self, Options};
use crate::records::query;
use crate::records::record::Shown;

/// Relations a path can cross.
const MAX_DEPTH: usize = 6;
/// Paths of one request.
const MAX_PATHS: usize = 50;
/// Records a back relation gives for one record.
const MAX_BACK: usize = 1000;
/// Records a back relation gives in all.
const MAX_BACK_TOTAL: usize = 10_000;

/// Expands records in place. `paths` is comma-separated.
///
/// # Errors
/// What hooks and the database say.
pub fn expand(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    records: &mut [Shown],
    paths: &str,
) -> Outcome<()> {
    for path in whole(paths) {
        follow(catalog, entry, call, records, path, 1)?;
    }
    Ok(())
}

/// The paths to follow, each once.
fn whole(paths: &str) -> Vec<&str> {
    let mut seen: Vec<&str> = Vec::new();
    for path in paths
        .split(',')
        .map(str::trim)
        .filter(|path| !path.is_empty())
    {
        if seen.len() >= MAX_PATHS {
            break;
        }
        if !seen.contains(&path) {
            seen.push(path);
        }
    }
    // A path that another one begins with is part of it, also when the other leads nowhere.
    let part_of = |path: &str, other: &&str| {
        other
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    seen.iter()
        .filter(|path| !seen.iter().any(|other| part_of(path, other)))
        .copied()
        .collect()
}

/// A relation seen from a collection.
struct Step<'a> {
    target: &'a Rc<Entry>,
    /// Of a back relation the field of `target` that points here.
    back: Option<&'a hangar_model::Field>,
    /// Whether the result is one object.
    single: bool,
}

fn step<'a>(catalog: &'a Catalog, entry: &Entry, name: &str) -> Option<Step<'a>> {
    if let Some(field) = entry.field(name) {
        let FieldOptions::Relation(options) = &field.options else {
            return None;
        };
        let target = catalog.get(&options.collection_id)?;
        return Some(Step {
            target,
            back: None,
            single: !field.is_multiple(),
        });
    }
    // `comments(post)` is the older form of `comments_via_post`.
    let older = || name.strip_suffix(')')?.split_once('(');
    let (collection, field) = name.split_once("_via_").or_else(older)?;
    let target = catalog.get(collection)?;
    let back = target.field(field)?;
    match &back.options {
        FieldOptions::Relation(options) if options.collection_id == entry.id => {}
        _ => return None,
    }
    // Here, unlike in filters, an index with a condition will do.
    let unique =
        |text: &String| Index::parse(text).is_some_and(|index| index.is_unique_on(&back.name));
    let single = !back.is_multiple() && target.indexes.iter().any(unique);
    Some(Step {
        target,
        back: Some(back),
        single,
    })
}

/// Follows one path; false if it leads nowhere.
fn follow(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    records: &mut [Shown],
    path: &str,
    depth: usize,
) -> Outcome<bool> {
    if depth > MAX_DEPTH {
        return Ok(true);
    }
    // Empty parts before the first stop nothing; a later one leads nowhere.
    let path = match depth {
        1 => path.trim_start_matches('.'),
        _ => path,
    };
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(step) = step(catalog, entry, name) else {
        return Ok(false);
    };
    if !call.superuser() && matches!(step.target.rule(RuleKind::View)?, Rule::Locked) {
        return Ok(false);
    }
    let mut targets = match find(catalog, &step, call, records, name) {
        Err(failure) if query::is_outdated(&failure) => return Ok(false),
        targets => targets?,
    };
    let found = !targets.is_empty();
    if found
        && !rest.is_empty()
        && !follow(catalog, step.target, call, &mut targets, rest, depth + 1)?
    {
        return Ok(false);
    }
    // Which parents a record found by a back relation belongs to; a plain relation names its targets itself.
    let mut children: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, target) in targets.iter().enumerate() {
        match step.back {
            None => children.entry(target.id().to_owned()).or_default().push(at),
            Some(field) => {
                for parent in target
                    .values
                    .get(&field.name)
                    .map(to_list)
                    .unwrap_or_default()
                {
                    children.entry(parent).or_default().push(at);
                }
            }
        }
    }
    let values = present::enrich(catalog, step.target, call, targets, Options::default())?;
    for record in records {
        let expand = record.expand.get_or_insert_with(Map::new);
        let keys = match step.back {
            None => record.values.get(name).map(to_list).unwrap_or_default(),
            Some(_) => vec![
                record
                    .values
                    .get("id")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
            ],
        };
        let places = keys
            .iter()
            .filter_map(|key| children.get(key))
            .flatten()
            .take(MAX_BACK);
        let mut items: Vec<Value> = places.filter_map(|at| values.get(*at).cloned()).collect();
        if items.is_empty() {
            continue;
        }
        let value = if step.single {
            items.swap_remove(0)
        } else {
            Value::Array(items)
        };
        match expand.get_mut(name) {
            Some(old) => merge(old, value),
            None => {
                expand.insert(name.to_owned(), value);
            }
        }
    }
    Ok(true)
}

/// The records a step leads to, as the caller may view them.
fn find(
    catalog: &Catalog,
    step: &Step<'_>,
    call: &Call,
    records: &[Shown],
    name: &str,
) -> Outcome<Vec<Shown>> {
    let ids: Vec<String> = match step.back {
        None => records
            .iter()
            .flat_map(|record| record.values.get(name).map(to_list).unwrap_or_default())
            .collect(),
        Some(_) => records
            .iter()
            .map(|record| record.id().to_owned())
            .collect(),
    };
    let mut distinct: Vec<&str> = ids
        .iter()
        .map(String::as_str)
        .filter(|id| !id.is_empty())
        .collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.is_empty() {
        return Ok(Vec::new());
    }
    let rule = query::rule_for(step.target, RuleKind::View, call)?;
    let request = call.filter_request("expand", call.body.values.clone());
    let guarded = guard::applies(call);
    let mut query = query::reading(catalog, step.target, &request, &rule, guarded)?;
    let tail = match step.back {
        None => {
            query::with_ids(&mut query, &distinct);
            String::new()
        }
        Some(field) => {
            let param = query.param(hangar_filter::Value::Text(
                Value::from(distinct.as_slice()).to_string(),
            ));
            let ids = format!("SELECT jsonb_array_elements_text({param}::text::jsonb)");
            let column = format!("{}.{}", query.alias(), ident(&field.name));
            let condition = match field.is_multiple() {
                true => format!("{column} ?| ARRAY({ids})"),
                false => format!("{column} IN ({ids})"),
            };
            query.condition(&condition);
            format!(
                " LIMIT {}",
                MAX_BACK.saturating_mul(distinct.len()).min(MAX_BACK_TOTAL)
            )
        }
    };
    let statement = query::rows_statement(&query::full_list(step.target), query.finish(), &tail);
    let read = || query::fetch_records(step.target, statement);
    let found = match guarded {
        true => guard::under(call, &request, Action::View, read)?,
        false => read()?,
    };
    Ok(found.into_iter().map(Shown::new).collect())
}

/// Joins what two paths with the same beginning have found: the same records, expanded differently.
fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Array(old), Value::Array(new)) => {
            for item in new {
                match old.iter_mut().find(|other| other["id"] == item["id"]) {
                    Some(other) => merge(other, item),
                    None => old.push(item),
                }
            }
        }
        (Value::Object(old), Value::Object(mut new)) => {
            let Some(Value::Object(new)) = new.remove("expand") else {
                return;
            };
            let Value::Object(expand) = old
                .entry("expand")
                .or_insert_with(|| Value::Object(Map::new()))
            else {
                return;
            };
            for (name, value) in new {
                match expand.get_mut(&name) {
                    Some(other) => merge(other, value),
                    None => {
                        expand.insert(name, value);
                    }
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hangar_model::options::RelationOptions;
    use hangar_model::{Collection, CollectionType, Field, FieldType};
    use serde_json::json;

    struct Fixed;
    impl hangar_model::Random for Fixed {
        fn text(&mut self, length: usize, alphabet: &str) -> String {
            alphabet.chars().cycle().take(length).collect()
        }
    }

    /// Two collections that point at each other.
    fn catalog() -> Catalog {
        let collection = |id: &str, name: &str, field: &str, target: &str| {
            let mut made = Collection::new(CollectionType::Base, &mut Fixed);
            (made.id, made.name) = (id.into(), name.into());
            let mut relation = Field::new(FieldType::Relation, field);
            if let FieldOptions::Relation(RelationOptions { collection_id, .. }) =
                &mut relation.options
            {
                *collection_id = target.into();
            }
            made.add_field(relation);
            made.add_field(Field::new(FieldType::Text, "title"));
            made
        };
        Catalog::new(
            1,
            vec![
                collection("p1", "posts", "author", "a1"),
                collection("a1", "authors", "best", "p1"),
            ],
        )
    }

    /// `HANGAR_FUZZ` is how many inputs are tried (20,000 if it is not set).
    #[test]
    fn any_paths() {
        const PIECES: [&str; 20] = [
            "author",
            "best",
            "posts_via_author",
            "authors_via_best",
            "posts(author)",
            "authors(",
            ")",
            "_via_",
            ".",
            ".",
            ",",
            ",",
            " ",
            "title",
            "id",
            "\u{1f600}",
            "\0",
            "'\"",
            "%",
            "x",
        ];
        let catalog = catalog();
        let posts = catalog.get("posts").expect("it is there");
        let inputs = std::env::var("HANGAR_FUZZ").ok();
        let inputs: u64 = inputs.map_or(20_000, |text| text.parse().expect("a number"));
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |most: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % most).expect("small")
        };
        let mut followed = 0_u64;
        for _ in 0..inputs {
            let text: String = (0..random(40)).map(|_| PIECES[random(20)]).collect();
            let paths = whole(&text);
            assert!(paths.len() <= MAX_PATHS, "{text:?}");
            for (at, path) in paths.iter().enumerate() {
                assert!(!path.is_empty() && !paths[..at].contains(path), "{text:?}");
                let mut from = posts;
                for name in path.split('.') {
                    let Some(step) = step(&catalog, from, name) else {
                        break;
                    };
                    from = step.target;
                    followed += 1;
                }
            }
        }
        assert!(
            followed > inputs / 20,
            "{followed} steps of {inputs} inputs"
        );
    }

    #[test]
    fn paths_with_the_same_beginning_are_joined() {
        let mut old = json!([{"id": "a", "expand": {"x": {"id": "x1"}}}, {"id": "b"}]);
        merge(
            &mut old,
            json!([{"id": "a", "expand": {"y": {"id": "y1"}}}, {"id": "c"}]),
        );
        assert_eq!(
            old,
            json!([{"id": "a", "expand": {"x": {"id": "x1"}, "y": {"id": "y1"}}}, {"id": "b"}, {"id": "c"}])
        );
    }
}
