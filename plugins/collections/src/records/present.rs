//! From stored records to what a client sees: emails, expansion, enrichment hooks, `fields`.

use hangar_failure::Outcome;
use hangar_filter::Scope;
use hangar_model::ApiError;
use hangar_model::picker::Picker;
use serde_json::Value;

use crate::call::Call;
use crate::catalog::{Catalog, Entry, Rule, RuleKind};
use crate::records::expand;
use crate::records::hooks::{self, Events};
use crate::records::query;
use crate::records::record::Shown;

/// What a response asks for beyond the records.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Relations to expand, comma-separated.
    pub expand: &'a str,
    /// Show every email, whatever the rules say.
    pub show_emails: bool,
}

impl<'a> Options<'a> {
    /// What the query of a request asks for.
    pub fn of(call: &'a Call) -> Self {
        Self {
            expand: call.parameter("expand"),
            show_emails: false,
        }
    }
}

/// The picker for the `fields` of a request.
///
/// # Errors
/// 400 for a bad modifier.
pub fn picker(call: &Call) -> Result<Option<Picker>, ApiError> {
    Picker::parse(call.parameter("fields")).map_err(|_| ApiError::bad_request(""))
}

/// One value, reduced to what was asked for.
pub fn pick(picker: &Option<Picker>, mut value: Value) -> Value {
    if let Some(picker) = picker {
        picker.pick(&mut value);
    }
    value
}

/// A list response, its items reduced to what was asked for.
pub fn pick_list(picker: &Option<Picker>, mut value: Value) -> Value {
    if let Some(picker) = picker {
        picker.pick_response(&mut value);
    }
    value
}

/// Runs the enrichment hooks, expands, and exports.
///
/// # Errors
/// What hooks and the database say.
pub fn enrich(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    records: Vec<Shown>,
    options: Options<'_>,
) -> Outcome<Vec<Value>> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let act = |records: &mut [Shown]| expand::expand(catalog, entry, call, records, options.expand);
    let records = if Events::among(&["onRecordEnrich"], entry).is_empty() {
        let mut records = records;
        act(&mut records)?;
        records
    } else {
        hooks::enrich(entry, call, records, act)?
    };
    export(catalog, entry, call, records, options.show_emails)
}

/// Exports records, looking up whose email may be shown.
fn export(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    records: Vec<Shown>,
    show_emails: bool,
) -> Outcome<Vec<Value>> {
    let superuser = call.superuser();
    if superuser || show_emails || !entry.is_auth() {
        return Ok(records
            .into_iter()
            .map(|record| record.export(entry, superuser, true))
            .collect());
    }
    let own = call.own_id(&entry.id).unwrap_or_default();
    let shown = |record: &Shown| record.flag("emailVisibility") || record.id() == own;
    let hidden: Vec<&str> = records
        .iter()
        .filter(|record| !shown(record))
        .map(Shown::id)
        .collect();
    let managed = managed(catalog, entry, call, &hidden)?;
    let export = |record: Shown| {
        let show_email = shown(&record) || managed.iter().any(|id| id == record.id());
        record.export(entry, false, show_email)
    };
    Ok(records.into_iter().map(export).collect())
}

/// Which of these records the manage rule gives the caller control over.
///
/// # Errors
/// A manage rule that cannot be compiled, what the database says.
pub fn managed(
    catalog: &Catalog,
    entry: &Entry,
    call: &Call,
    ids: &[&str],
) -> Outcome<Vec<String>> {
    let Rule::Expr(expr, _) = entry.rule(RuleKind::Manage)? else {
        return Ok(Vec::new());
    };
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = call.plain_request();
    let mut query = query::query(catalog, entry, &request);
    query::with_ids(&mut query, ids);
    query.filter(expr, Scope::Rule)?;
    let id = format!("{}.\"id\"", query.alias());
    let mut built = query.finish();
    built.order_by.clear();
    let rows = query::fetch(vec![query::texts(query::rows_statement(&id, built, ""))])?;
    Ok(rows
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect())
}
