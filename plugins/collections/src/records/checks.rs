//! Validation of a record before it is stored: each value by its field, then what needs other records.

use hangar_failure::Outcome;
use hangar_model::collection::ID_PATTERN;
use hangar_model::sql::table;
use hangar_model::value::to_list;
use hangar_model::{
    ApiError, Field, FieldError, FieldOptions, FieldType, ValidationErrors, value_rules,
};
use hangar_sdk::postgres::{Rendered, Segment, Statement, Value as Param};
use serde_json::Value;

use crate::catalog::Catalog;
use crate::records::draft::{Draft, failed_message};
use crate::records::{auth, owned, query};

/// Questions to the database, all asked in one round trip.
pub struct Checks {
    /// The statements.
    pub segments: Vec<Segment>,
    /// Field and number of ids that must be found, in the order of the segments.
    relations: Vec<(String, usize)>,
    /// Whether a segment, after the relations, looks for the id in other auth collections.
    auth_id: bool,
    /// Whether the last segment looks for the id in another spelling of upper and lower case.
    spelling: bool,
    /// Relations whose target is gone.
    lost: Vec<String>,
}

impl Checks {
    /// What has to be asked about a draft.
    pub fn of(catalog: &Catalog, draft: &Draft) -> Self {
        let mut checks = Self {
            segments: Vec::new(),
            relations: Vec::new(),
            auth_id: false,
            spelling: false,
            lost: Vec::new(),
        };
        for field in &draft.entry.fields {
            let FieldOptions::Relation(options) = &field.options else {
                continue;
            };
            if !draft.changed(&field.name) {
                continue;
            }
            let ids = draft
                .shown
                .values
                .get(&field.name)
                .map(to_list)
                .unwrap_or_default();
            if ids.is_empty() {
                continue;
            }
            let Some(target) = catalog.get(&options.collection_id) else {
                checks.lost.push(field.name.clone());
                continue;
            };
            let (condition, param) = match ids.as_slice() {
                [id] => ("= $1::text", id.clone()),
                _ => (
                    "IN (SELECT jsonb_array_elements_text($1::text::jsonb))",
                    Value::from(ids.as_slice()).to_string(),
                ),
            };
            let sql = format!(
                "SELECT count(*) FROM {} WHERE \"id\" {condition}",
                table(&target.name)
            );
            checks.segments.push(number(sql, param));
            checks.relations.push((field.name.clone(), ids.len()));
        }
        // Two generated ids never meet; one that a client has chosen may.
        if draft.is_new() && draft.entry.is_auth() && draft.id_given {
            let others = catalog
                .auth_collections()
                .filter(|(id, _)| *id != draft.entry.id);
            let parts: Vec<String> = others
                .map(|(_, name)| {
                    format!(
                        "SELECT 1 AS found FROM {} WHERE \"id\" = $1::text",
                        table(name)
                    )
                })
                .collect();
            if !parts.is_empty() {
                let sql = format!(
                    "SELECT count(*) FROM ({}) AS taken",
                    parts.join(" UNION ALL ")
                );
                checks
                    .segments
                    .push(number(sql, draft.shown.id().to_owned()));
                checks.auth_id = true;
            }
        }
        // The default pattern has no upper case, so there the primary key is enough.
        let custom = |field: &Field| match &field.options {
            FieldOptions::Text(options) => options.primary_key && options.pattern != ID_PATTERN,
            _ => false,
        };
        if draft.is_new() && draft.id_given && draft.entry.fields.iter().any(custom) {
            let sql = format!(
                "SELECT count(*) FROM {} WHERE lower(\"id\") = lower($1::text)",
                draft.entry.table()
            );
            checks
                .segments
                .push(number(sql, draft.shown.id().to_owned()));
            checks.spelling = true;
        }
        checks
    }

    fn judge(&self, answers: &[Vec<Value>], errors: &mut ValidationErrors) {
        let count = |at: usize| {
            answers
                .get(at)
                .and_then(|rows| rows.first())
                .and_then(Value::as_u64)
                .unwrap_or_default()
        };
        for (at, (name, wanted)) in self.relations.iter().enumerate() {
            if count(at) < *wanted as u64 {
                errors.add(name, value_rules::missing_relations());
            }
        }
        for name in &self.lost {
            errors.add(
                name,
                FieldError::new(
                    "validation_missing_rel_collection",
                    "Relation connection is missing or cannot be accessed.",
                ),
            );
        }
        let mut at = self.relations.len();
        if self.auth_id {
            if count(at) > 0 {
                errors.add(
                    "id",
                    FieldError::new(
                        "validation_invalid_auth_id",
                        "Invalid or duplicated auth record id.",
                    ),
                );
            }
            at += 1;
        }
        if self.spelling && count(at) > 0 {
            errors.add(
                "id",
                FieldError::new(
                    "validation_pk_invalid",
                    "The record primary key is invalid or already exists.",
                ),
            );
        }
    }
}

fn number(sql: String, param: String) -> Segment {
    Segment::Rows(Rendered {
        statement: Statement::new(sql, vec![Param::Text(param)]),
        template: r#"[{"s":"json"}]"#.into(),
    })
}

/// Judges a draft. `checked` are the answers to [`Checks::of`], if it has been asked already.
///
/// # Errors
/// 400 with one error for each field.
pub fn validate(catalog: &Catalog, draft: &Draft, checked: Option<Vec<Vec<Value>>>) -> Outcome<()> {
    let mut errors = ValidationErrors::new();
    for field in &draft.entry.fields {
        let name = field.name.as_str();
        // A stored id stays, also where ids would have to look different by now.
        if field.is_primary_key() && !draft.is_new() {
            if draft.changed(name) {
                errors.add(name, value_rules::id_change());
            }
            continue;
        }
        let value = draft.shown.values.get(name).unwrap_or(&Value::Null);
        let result = match (field.kind(), draft.shown.passwords.get(name)) {
            (FieldType::Password, Some(plain)) if auth::too_long(plain) => Err(FieldError::new(
                "validation_invalid_value",
                "Invalid value.",
            )),
            (FieldType::Password, Some(plain))
                if plain.as_str() == draft.made_password.as_deref() =>
            {
                Ok(())
            }
            (FieldType::Password, Some(plain)) => value_rules::validate(field, plain),
            // A stored hash was judged when it was a password.
            (FieldType::Password, None) if value.as_str().is_some_and(|hash| !hash.is_empty()) => {
                Ok(())
            }
            (FieldType::File, _) => file(field, draft),
            _ => value_rules::validate(field, value),
        };
        errors.check(name, result);
    }
    let mut checks = Checks::of(catalog, draft);
    let answers = match checked {
        Some(answers) => answers,
        None if checks.segments.is_empty() => Vec::new(),
        None => query::fetch(std::mem::take(&mut checks.segments))?,
    };
    checks.judge(&answers, &mut errors);
    finish(draft, errors)?;
    owned::validate(catalog, draft)
}

fn finish(draft: &Draft, errors: ValidationErrors) -> Outcome<()> {
    errors
        .into_result()
        .map_err(|errors| ApiError::invalid(failed_message(draft), errors).into())
}

/// Names of stored files may stay or go; new ones must have come with the request.
fn file(field: &Field, draft: &Draft) -> Result<(), FieldError> {
    let FieldOptions::File(options) = &field.options else {
        return Ok(());
    };
    let value = draft.shown.values.get(&field.name).unwrap_or(&Value::Null);
    let known = draft.before(&field.name).map(to_list).unwrap_or_default();
    let new: Vec<String> = to_list(value)
        .into_iter()
        .filter(|name| !known.contains(name))
        .collect();
    let upload = |name: &String| draft.uploads.iter().find(|upload| upload.stored == *name);
    let unknown: Vec<String> = new
        .iter()
        .filter(|name| upload(name).is_none())
        .cloned()
        .collect();
    if !unknown.is_empty() {
        return Err(value_rules::unknown_files(&unknown));
    }
    value_rules::validate(field, value)?;
    for file in new.iter().filter_map(upload) {
        value_rules::validate_upload(options, &file.name, &file.stored, file.size, &file.kind)?;
    }
    Ok(())
}
