//! Validation of a collection before it is saved, against what was stored before.

use serde_json::json;

use crate::collection::Collection;
use crate::error::{FieldError, ValidationErrors};
use crate::ids::Random;
use crate::index::Index;
use crate::value_rules::required;
use crate::{validate_auth, validate_fields};

/// What validation asks others.
pub struct Checks<'a> {
    /// All stored collections; the one being validated may be among them, in its old form.
    pub stored: &'a [&'a Collection],
    /// The collection is part of an import, so a new one may have relations to itself, and those of an old one may lead
    /// elsewhere than before.
    pub imported: bool,
    /// Whether a rule is valid for the (new) collection; the error is PocketBase's raw text. Never called with an empty
    /// rule.
    pub rule: &'a dyn Fn(&Collection, &str) -> Result<(), String>,
    /// What is wrong with the query of a view.
    pub view: Option<&'a str>,
}

/// Checks a prepared collection (see [`Collection::prepare`]). `old` is its stored form, `None` for a new one.
pub fn validate(
    new: &Collection,
    old: Option<&Collection>,
    checks: &Checks<'_>,
    random: &mut dyn Random,
) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::new();
    if let Some(old) = old {
        against_old(new, old, &mut errors);
    }
    errors.check("id", check_id(new, old, checks));
    errors.check("name", check_name(new, old, checks));
    validate_fields::validate(new, old, checks, random, &mut errors);
    check_rules(new, checks, &mut errors);
    if new.is_view() {
        check_view(new, checks, &mut errors);
    } else {
        check_indexes(new, old, checks, &mut errors);
    }
    if let Some(auth) = &new.auth {
        validate_auth::validate(new, auth, checks, &mut errors);
    }
    errors.into_result()
}

/// Whether a field of any collection can have this name.
pub fn field_name(name: &str) -> Result<(), FieldError> {
    validate_fields::field_name(name)
}

/// The errors for a `type` that is none.
pub fn unknown_type() -> ValidationErrors {
    ValidationErrors::one(
        "type",
        FieldError::new("validation_in_invalid", "Must be a valid value."),
    )
}

fn against_old(new: &Collection, old: &Collection, errors: &mut ValidationErrors) {
    if new.system != old.system {
        errors.add(
            "system",
            FieldError::new(
                "validation_collection_system_flag_change",
                "System collection state cannot be changed.",
            ),
        );
    }
    if new.kind != old.kind {
        errors.add(
            "type",
            FieldError::new(
                "validation_collection_type_change",
                "Collection type cannot be changed.",
            ),
        );
    }
    if !old.system {
        return;
    }
    if new.name != old.name {
        errors.add(
            "name",
            FieldError::new(
                "validation_collection_system_name_change",
                "System collection name cannot be changed.",
            ),
        );
    }
    let changed = || {
        FieldError::new(
            "validation_collection_system_rule_change",
            "System collection API rule cannot be changed.",
        )
    };
    for ((name, new), (_, old)) in new.rules.entries().into_iter().zip(old.rules.entries()) {
        if new != old {
            errors.add(name, changed());
        }
    }
    if let (Some(new), Some(old)) = (&new.auth, &old.auth) {
        if new.auth_rule != old.auth_rule {
            errors.add("authRule", changed());
        }
        if new.manage_rule != old.manage_rule {
            errors.add("manageRule", changed());
        }
    }
}

fn check_id(
    new: &Collection,
    old: Option<&Collection>,
    checks: &Checks<'_>,
) -> Result<(), FieldError> {
    if old.is_some() {
        return Ok(());
    }
    check_word(&new.id, 100)?;
    let clash = checks
        .stored
        .iter()
        .any(|other| other.id == new.id || other.name.eq_ignore_ascii_case(&new.id));
    if clash {
        return Err(FieldError::new(
            "validation_invalid_or_existing_id",
            "The model id is invalid or already exists.",
        ));
    }
    Ok(())
}

fn check_name(
    new: &Collection,
    old: Option<&Collection>,
    checks: &Checks<'_>,
) -> Result<(), FieldError> {
    check_word(&new.name, 255)?;
    no_via(&new.name)?;
    let mut others = checks
        .stored
        .iter()
        .filter(|other| old.is_none_or(|old| old.id != other.id));
    if others
        .clone()
        .any(|other| other.name.eq_ignore_ascii_case(&new.name))
    {
        return Err(FieldError::new(
            "validation_collection_name_exists",
            "Collection name must be unique (case insensitive).",
        ));
    }
    if others.any(|other| other.id == new.name) {
        return Err(FieldError::new(
            "validation_collection_name_id_duplicate",
            "The name must not match an existing collection id.",
        ));
    }
    let internal = crate::system::INTERNAL_TABLES
        .iter()
        .any(|table| table.eq_ignore_ascii_case(&new.name));
    if internal {
        return Err(FieldError::new(
            "validation_collection_name_invalid",
            "The name shouldn't match with an existing internal table.",
        ));
    }
    Ok(())
}

/// Required, 1 to `max` characters, ASCII letters, digits and underscores.
pub(crate) fn check_word(text: &str, max: usize) -> Result<(), FieldError> {
    if text.is_empty() {
        return Err(required());
    }
    check_length(text, 1, max)?;
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        Ok(())
    } else {
        Err(no_match())
    }
}

pub(crate) fn no_match() -> FieldError {
    FieldError::new("validation_match_invalid", "Must be in a valid format.")
}

/// Counts bytes, as PocketBase does.
pub(crate) fn check_length(text: &str, min: usize, max: usize) -> Result<(), FieldError> {
    if (min..=max).contains(&text.len()) {
        return Ok(());
    }
    Err(FieldError::new(
        "validation_length_out_of_range",
        format!("The length must be between {min} and {max}."),
    )
    .with(json!({"min": min, "max": max})))
}

/// `_via_` marks back relations in filters.
pub(crate) fn no_via(name: &str) -> Result<(), FieldError> {
    if name.to_lowercase().contains("_via_") {
        return Err(FieldError::new(
            "validation_found_via",
            "The value cannot contain \"_via_\".",
        ));
    }
    Ok(())
}

fn check_rules(new: &Collection, checks: &Checks<'_>, errors: &mut ValidationErrors) {
    for (name, rule) in new.rules.entries() {
        let Some(rule) = rule else { continue };
        if new.is_view() && !matches!(name, "listRule" | "viewRule") {
            errors.add(name, FieldError::new("validation_nil", "Must be blank."));
        } else {
            errors.check(name, check_rule(new, rule, checks));
        }
    }
}

pub(crate) fn check_rule(
    new: &Collection,
    rule: &str,
    checks: &Checks<'_>,
) -> Result<(), FieldError> {
    if rule.is_empty() {
        return Ok(());
    }
    (checks.rule)(new, rule).map_err(|raw| {
        FieldError::new(
            "validation_invalid_rule",
            format!("Invalid rule. Raw error: {raw}"),
        )
    })
}

fn check_view(new: &Collection, checks: &Checks<'_>, errors: &mut ValidationErrors) {
    if !new.indexes.is_empty() {
        errors.add(
            "indexes",
            FieldError::new(
                "validation_indexes_not_supported",
                "View collections don't support indexes.",
            ),
        );
    }
    if new.view_query.is_empty() {
        errors.add("viewQuery", required());
    } else if let Some(problem) = checks.view {
        let text = format!("Invalid query - {problem}");
        errors.add(
            "viewQuery",
            FieldError::new("validation_invalid_view_query", text),
        );
    }
}

fn check_indexes(
    new: &Collection,
    old: Option<&Collection>,
    checks: &Checks<'_>,
    errors: &mut ValidationErrors,
) {
    let mut seen: Vec<Index> = Vec::new();
    for (at, text) in new.indexes.iter().enumerate() {
        match check_index(text, &seen, new, checks) {
            Ok(index) => seen.push(index),
            // PocketBase stops at the first one, too.
            Err(error) => {
                return errors.nest("indexes", ValidationErrors::one(&at.to_string(), error));
            }
        }
    }
    let Some(old) = old else { return };
    let columns = |index: &Index| {
        let mut names: Vec<String> = index
            .columns
            .iter()
            .map(|column| column.name.to_lowercase())
            .collect();
        names.sort();
        names
    };
    for before in old
        .indexes
        .iter()
        .filter_map(|text| Index::parse(text))
        .filter(|index| index.unique)
    {
        let field = old.fields.iter().find(|field| {
            field.system
                && before
                    .columns
                    .iter()
                    .any(|column| column.name.eq_ignore_ascii_case(&field.name))
        });
        let kept = seen
            .iter()
            .any(|index| index.unique && columns(index) == columns(&before));
        if let Some(field) = field.filter(|_| !kept) {
            let name = &field.name;
            errors.add(
                "indexes",
                FieldError::new(
                    "validation_invalid_unique_system_field_index",
                    format!(
                        "Unique index definition on system fields ({name}) is invalid or missing."
                    ),
                )
                .with(json!({"fieldName": name})),
            );
        }
    }
}

fn check_index(
    text: &str,
    seen: &[Index],
    new: &Collection,
    checks: &Checks<'_>,
) -> Result<Index, FieldError> {
    let Some(index) = Index::parse(text) else {
        return Err(FieldError::new(
            "validation_invalid_index_expression",
            "Invalid CREATE INDEX expression.",
        ));
    };
    let same_name = |other: &Index| other.name.eq_ignore_ascii_case(&index.name);
    if seen.iter().any(same_name) {
        return Err(FieldError::new(
            "validation_duplicated_index_name",
            "The index name already exists.",
        ));
    }
    let user = checks.stored.iter().find(|other| {
        other.id != new.id
            && other
                .indexes
                .iter()
                .filter_map(|text| Index::parse(text))
                .any(|other| same_name(&other))
    });
    if let Some(user) = user {
        return Err(FieldError::new(
            "validation_existing_index_name",
            format!(
                "The index name is already used in {} collection.",
                user.name
            ),
        )
        .with(json!({"usedTableName": user.name})));
    }
    if seen.iter().any(|other| other.same_definition(&index)) {
        return Err(FieldError::new(
            "validation_duplicated_index_definition",
            "The index definition already exists.",
        ));
    }
    Ok(index)
}
