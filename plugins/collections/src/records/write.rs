//! INSERT and UPDATE.

use hangar_failure::{Failure, Outcome};
use hangar_model::index::violated_fields;
use hangar_model::sql::{SqlValue, ident, to_sql};
use hangar_model::value::touch_autodates;
use hangar_model::{ApiError, Field, FieldOptions, FieldType, ValidationErrors, value_rules};
use hangar_sdk::Error;
use hangar_sdk::crypto::password;
use hangar_sdk::postgres::{
    Statement, Transaction, Value as Param, active, begin, query, query_json,
};
use serde_json::Value;

use crate::random::now;
use crate::records::auth;
use crate::records::draft::{Draft, failed_message};
use crate::records::record::placeholder;

/// Times a transaction that stood in another's way is tried again.
const RETRIES: usize = 5;

/// Stores a draft: hashes new passwords, sets autodates, writes what differs.
///
/// # Errors
/// 400 with `validation_not_unique` for each field of a violated index, 404 if the record is gone, and what the
/// database says.
pub fn store(draft: &mut Draft) -> Outcome<()> {
    hash_passwords(draft)?;
    let entry = draft.entry.clone();
    let is_new = draft.is_new();
    let autodates: Vec<(String, Value)> = entry
        .fields
        .iter()
        .filter(|field| field.kind() == FieldType::Autodate)
        .filter_map(|field| {
            Some((
                field.name.clone(),
                draft.shown.values.get(&field.name)?.clone(),
            ))
        })
        .filter(|(name, value)| {
            draft.before(name) != Some(value) && value.as_str().is_some_and(|date| !date.is_empty())
        })
        .collect();
    touch_autodates(&entry, &mut draft.shown.values, is_new, &now());
    // A handler that has set one itself has the last word.
    draft.shown.values.extend(autodates);

    let fields: Vec<&Field> = entry
        .fields
        .iter()
        .filter(|field| is_new || draft.changed(&field.name))
        .collect();
    let params: Vec<Param> = fields
        .iter()
        .map(|field| param(field, draft.shown.values.get(&field.name)))
        .collect();
    let statement = if is_new {
        insert(draft, &fields, params)
    } else {
        update(draft, &fields, params)
    };
    let Some(statement) = statement else {
        return Ok(());
    };
    let more = if is_new {
        Vec::new()
    } else {
        auth::revocations(draft)
    };
    let affected = if more.is_empty() {
        let written = query(statement.sql, statement.params);
        written
            .map_err(|error| explain(draft, error.into()))?
            .affected
    } else {
        let mut all = vec![statement];
        all.extend(more);
        transaction(|| Ok(query_json(&all)?))
            .map_err(|failure| explain(draft, failure))?
            .first()
            .map(|text| {
                serde_json::from_str::<hangar_sdk::postgres::Rows>(text).map(|rows| rows.affected)
            })
            .transpose()?
            .unwrap_or_default()
    };
    if affected == 0 {
        return Err(ApiError::not_found("").into());
    }
    Ok(())
}

/// A failure of a write as the client may see it.
pub fn explain(draft: &Draft, failure: Failure) -> Failure {
    match failure {
        Failure::Host(error) if error.sqlstate() == Some("23505") => {
            let mut errors = ValidationErrors::new();
            for name in not_unique(draft, &error) {
                errors.add(&name, value_rules::not_unique());
            }
            ApiError::invalid(failed_message(draft), errors).into()
        }
        other => other,
    }
}

fn not_unique(draft: &Draft, error: &Error) -> Vec<String> {
    let data: Value = serde_json::from_str(&error.data).unwrap_or_default();
    let constraint = data
        .get("constraint")
        .and_then(Value::as_str)
        .unwrap_or_default();
    violated_fields(&draft.entry, constraint)
}

fn insert(draft: &Draft, fields: &[&Field], params: Vec<Param>) -> Option<Statement> {
    let sql = draft.entry.insert_sql(|| {
        let columns: Vec<String> = fields.iter().map(|field| ident(&field.name)).collect();
        let values: Vec<String> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| placeholder(field, at + 1))
            .collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({})",
            draft.entry.table(),
            columns.join(", "),
            values.join(", ")
        )
    });
    Some(Statement::new(sql, params))
}

fn update(draft: &Draft, fields: &[&Field], mut params: Vec<Param>) -> Option<Statement> {
    if fields.is_empty() {
        return None;
    }
    let columns: Vec<String> = fields
        .iter()
        .enumerate()
        .map(|(at, field)| format!("{} = {}", ident(&field.name), placeholder(field, at + 1)))
        .collect();
    let id = draft
        .before("id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    params.push(Param::Text(id.to_owned()));
    let sql = format!(
        "UPDATE {} SET {} WHERE \"id\" = ${}::text",
        draft.entry.table(),
        columns.join(", "),
        params.len()
    );
    Some(Statement::new(sql, params))
}

/// A value as the parameter of its column.
pub fn param(field: &Field, value: Option<&Value>) -> Param {
    match to_sql(field, value.unwrap_or(&Value::Null)) {
        SqlValue::Null => Param::Null,
        SqlValue::Bool(value) => Param::Boolean(value),
        SqlValue::Float(value) => Param::Float(value),
        SqlValue::Text(value) => Param::Text(value),
    }
}

fn hash_passwords(draft: &mut Draft) -> Outcome<()> {
    for (name, plain) in std::mem::take(&mut draft.shown.passwords) {
        let cost = match draft.entry.field(&name).map(|field| &field.options) {
            Some(FieldOptions::Password(options)) => options.effective_cost(),
            _ => continue,
        };
        // Of a save without validation. It is refused rather than cut.
        if auth::too_long(&plain) {
            return Err(ApiError::bad_request(failed_message(draft)).into());
        }
        let hash = match plain.as_str().unwrap_or_default() {
            "" => String::new(),
            plain => password::hash(plain, cost)?,
        };
        draft.shown.values.insert(name, hash.into());
    }
    Ok(())
}

/// Runs work in a transaction (a savepoint inside another), rolled back if it fails.
///
/// # Errors
/// Those of the work, and of beginning and committing.
pub fn transaction<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let open = begin()?;
    let value = work()?;
    Transaction::commit(open)?;
    Ok(value)
}

/// Repeats work that another transaction has stood in the way of, unless it is part of a transaction itself.
///
/// # Errors
/// Those of the last attempt.
pub fn retried<T>(mut work: impl FnMut() -> Outcome<T>) -> Outcome<T> {
    let attempts = if active() { 1 } else { RETRIES };
    for _ in 1..attempts {
        match work() {
            Err(failure) if failure.is_conflict() => {}
            other => return other,
        }
    }
    work()
}
