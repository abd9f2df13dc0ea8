//! Validation of a collection's fields and their options.

use serde_json::json;

use crate::collection::Collection;
use crate::error::{FieldError, ValidationErrors};
use crate::field::{Field, FieldType};
use crate::formats::is_domain;
use crate::ids::Random;
use crate::options::*;
use crate::validate::{Checks, check_length, check_word, no_match, no_via};
use crate::value_rules::{self, required};

/// The largest number JavaScript holds exactly; PocketBase's upper bound of sizes.
const MAX_SAFE: i64 = 9_007_199_254_740_991;
const RESERVED: [&str; 7] = [
    "null",
    "true",
    "false",
    "_rowid_",
    "expand",
    "collectionId",
    "collectionName",
];
const RESERVED_AUTH: [&str; 2] = ["passwordConfirm", "oldPassword"];

pub(crate) fn validate(
    new: &Collection,
    old: Option<&Collection>,
    checks: &Checks<'_>,
    random: &mut dyn Random,
    errors: &mut ValidationErrors,
) {
    // The fields of a view are inferred anew with every save.
    let old = old.filter(|old| !old.is_view());
    if let Some(duplicate) = duplicates(new) {
        return errors.nest("fields", duplicate);
    }
    if new.fields.is_empty() {
        return errors.add("fields", required());
    }
    if !new
        .fields
        .iter()
        .any(|field| field.name == "id" && field.is_primary_key())
    {
        let error = FieldError::new(
            "validation_missing_primary_key",
            "Missing or invalid \"id\" PK field.",
        );
        return errors.add("fields", error);
    }
    let mut tree = ValidationErrors::new();
    for (at, field) in new.fields.iter().enumerate() {
        let key = at.to_string();
        let before = old.and_then(|old| old.field_by_id(&field.id));
        if before.is_some_and(|before| before.kind() != field.kind()) {
            tree.add(
                &key,
                FieldError::new(
                    "validation_field_type_change",
                    "Field type cannot be changed.",
                ),
            );
            continue;
        }
        let mut inner = ValidationErrors::new();
        common(field, new, &mut inner);
        options(field, before, new, checks, random, &mut inner);
        tree.nest(&key, inner);
    }
    if !tree.is_empty() {
        return errors.nest("fields", tree);
    }
    let lost = old.is_some_and(|old| {
        let mut system = old.fields.iter().filter(|field| field.system);
        system.any(|field| {
            new.field_by_id(&field.id)
                .is_none_or(|other| other.name != field.name)
        })
    });
    if lost {
        errors.add(
            "fields",
            FieldError::new(
                "validation_system_field_change",
                "System fields cannot be deleted or renamed.",
            ),
        );
    }
}

fn duplicates(new: &Collection) -> Option<ValidationErrors> {
    for (at, field) in new.fields.iter().enumerate() {
        let before = &new.fields[..at];
        let (key, error) = if before.iter().any(|other| other.id == field.id) {
            let text = format!("Duplicated or invalid field id {}", field.id);
            (
                "id",
                FieldError::new("validation_duplicated_field_id", text),
            )
        } else if before
            .iter()
            .any(|other| other.name.to_lowercase() == field.name.to_lowercase())
        {
            let text = format!("Duplicated or invalid field name {}", field.name);
            let error = FieldError::new("validation_duplicated_field_name", text);
            ("name", error.with(json!({"fieldName": field.name})))
        } else {
            continue;
        };
        let mut tree = ValidationErrors::new();
        tree.nest(&at.to_string(), ValidationErrors::one(key, error));
        return Some(tree);
    }
    None
}

fn common(field: &Field, collection: &Collection, errors: &mut ValidationErrors) {
    if field.id.is_empty() {
        errors.add("id", required());
    }
    errors.check("id", check_length(&field.id, 1, 100));
    errors.check("name", check_field_name(field, collection));
    if !field.help.is_empty() {
        errors.check("help", check_length(&field.help, 1, 300));
    }
}

/// Whether a field of any collection can have this name.
pub(crate) fn field_name(name: &str) -> Result<(), FieldError> {
    check_word(name, 100)?;
    if RESERVED.contains(&name) {
        return Err(FieldError::new(
            "validation_not_in_invalid",
            "Must not be in list.",
        ));
    }
    no_via(name)
}

fn check_field_name(field: &Field, collection: &Collection) -> Result<(), FieldError> {
    field_name(&field.name)?;
    if collection.is_auth() && RESERVED_AUTH.contains(&field.name.as_str()) {
        return Err(FieldError::new(
            "validation_reserved_field_name",
            "The field name is reserved and cannot be used.",
        ));
    }
    Ok(())
}

fn options(
    field: &Field,
    before: Option<&Field>,
    collection: &Collection,
    checks: &Checks<'_>,
    random: &mut dyn Random,
    errors: &mut ValidationErrors,
) {
    match &field.options {
        FieldOptions::Text(options) => text(field, options, collection, random, errors),
        FieldOptions::Number(options) => number(options, errors),
        FieldOptions::Email(options) | FieldOptions::Url(options) => domains(options, errors),
        FieldOptions::Editor(options) => {
            errors.check("maxSize", between(options.max_size, 0, MAX_SAFE))
        }
        FieldOptions::Json(options) => {
            errors.check("maxSize", between(options.max_size, 0, MAX_SAFE))
        }
        FieldOptions::Autodate(options) if !options.on_create && !options.on_update => {
            let error = || {
                FieldError::new(
                    "validation_required",
                    "Either onCreate or onUpdate must be enabled.",
                )
            };
            errors.add("onCreate", error());
            errors.add("onUpdate", error());
        }
        FieldOptions::Select(options) => {
            if options.values.is_empty() {
                errors.add("values", required());
            }
            let most = options.values.len().max(1) as i64;
            errors.check("maxSelect", between(options.max_select, 0, most));
        }
        FieldOptions::File(options) => file(options, errors),
        FieldOptions::Relation(options) => relation(options, before, collection, checks, errors),
        FieldOptions::Password(options) => password(options, errors),
        FieldOptions::Bool
        | FieldOptions::GeoPoint
        | FieldOptions::Date(_)
        | FieldOptions::Autodate(_) => {}
    }
}

pub(crate) fn at_least(min: i64) -> FieldError {
    FieldError::new(
        "validation_min_greater_equal_than_required",
        format!("Must be no less than {min}."),
    )
    .with(json!({"threshold": min}))
}

pub(crate) fn at_most(max: i64) -> FieldError {
    FieldError::new(
        "validation_max_less_equal_than_required",
        format!("Must be no greater than {max}."),
    )
    .with(json!({"threshold": max}))
}

/// Zero means "the default" and is always fine.
pub(crate) fn between(value: i64, min: i64, max: i64) -> Result<(), FieldError> {
    if value == 0 || (min..=max).contains(&value) {
        Ok(())
    } else if value < min {
        Err(at_least(min))
    } else {
        Err(at_most(max))
    }
}

fn check_regex(pattern: &str) -> Result<(), FieldError> {
    if pattern.is_empty() {
        return Ok(());
    }
    crate::pattern::check(pattern).map_err(|error| {
        FieldError::new(
            "validation_invalid_regex",
            format!("error parsing regexp: {error}"),
        )
    })
}

fn text(
    field: &Field,
    options: &TextOptions,
    collection: &Collection,
    random: &mut dyn Random,
    errors: &mut ValidationErrors,
) {
    errors.check("min", between(options.min, 0, MAX_SAFE));
    errors.check("max", between(options.max, options.min, MAX_SAFE));
    errors.check("pattern", check_regex(&options.pattern));
    if options.primary_key {
        if collection
            .fields
            .iter()
            .filter(|field| field.is_primary_key())
            .count()
            > 1
        {
            errors.add(
                "primaryKey",
                FieldError::new(
                    "validation_unsupported_composite_pk",
                    "Composite PKs are not supported and the collection must have only 1 PK.",
                ),
            );
        }
        if field.name != "id" {
            errors.add(
                "name",
                FieldError::new(
                    "validation_in_invalid",
                    "The primary key must be named \"id\".",
                ),
            );
        }
        if options.pattern.is_empty() {
            errors.add("pattern", required());
        }
        if !field.required {
            errors.add("required", required());
        }
        if field.hidden {
            errors.add(
                "hidden",
                FieldError::new("validation_empty", "Must be blank."),
            );
        }
    }
    if !options.autogenerate_pattern.is_empty() && errors.is_empty() {
        errors.check(
            "autogeneratePattern",
            check_generated(field, options, random),
        );
    }
}

fn check_generated(
    field: &Field,
    options: &TextOptions,
    random: &mut dyn Random,
) -> Result<(), FieldError> {
    let text = match crate::pattern::generate(&options.autogenerate_pattern, random) {
        Ok(text) => text,
        Err(error) => {
            check_regex(&options.autogenerate_pattern)?;
            return Err(FieldError::new(
                "validation_invalid_autogenerate_pattern",
                error,
            ));
        }
    };
    value_rules::validate(field, &json!(text)).map_err(|_| {
        FieldError::new(
            "validation_invalid_autogenerate_pattern_value",
            format!("The provided autogenerate pattern could produce invalid field values, ex.: \"{text}\"."),
        )
    })
}

fn number(options: &NumberOptions, errors: &mut ValidationErrors) {
    for (key, limit) in [("min", options.min), ("max", options.max)] {
        if options.only_int && limit.is_some_and(|limit| limit.fract() != 0.0) {
            errors.add(key, value_rules::only_int());
        }
    }
    if let (Some(min), Some(max)) = (options.min, options.max)
        && max < min
    {
        errors.add("max", value_rules::below(min));
    }
}

fn domains(options: &DomainOptions, errors: &mut ValidationErrors) {
    let lists = [
        ("exceptDomains", &options.except_domains),
        ("onlyDomains", &options.only_domains),
    ];
    if lists.iter().all(|(_, list)| !list.is_empty()) {
        for (key, _) in lists {
            errors.add(key, FieldError::new("validation_empty", "Must be blank."));
        }
        return;
    }
    for (key, list) in lists {
        let mut inner = ValidationErrors::new();
        for (at, _) in list
            .iter()
            .enumerate()
            .filter(|(_, domain)| !domain.is_empty() && !is_domain(domain))
        {
            inner.add(
                &at.to_string(),
                FieldError::new("validation_is_domain", "Must be a valid domain."),
            );
        }
        errors.nest(key, inner);
    }
}

fn file(options: &FileOptions, errors: &mut ValidationErrors) {
    errors.check("maxSelect", between(options.max_select, 0, MAX_SAFE));
    errors.check("maxSize", between(options.max_size, 0, MAX_SAFE));
    let mut inner = ValidationErrors::new();
    for (at, size) in options.thumbs.iter().enumerate() {
        if matches!(size.as_str(), "0x0" | "0x0t" | "0x0b" | "0x0f") {
            inner.add(
                &at.to_string(),
                FieldError::new("validation_not_in_invalid", "Must not be in list."),
            );
        } else if !size.is_empty() && !is_thumb(size) {
            inner.add(&at.to_string(), no_match());
        }
    }
    errors.nest("thumbs", inner);
}

/// `WxH`, optionally with `t`, `b` or `f` behind it. Empty ones are let pass, as everywhere.
fn is_thumb(size: &str) -> bool {
    if size.is_empty() {
        return true;
    }
    let size = size.strip_suffix(['t', 'b', 'f']).unwrap_or(size);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    size.split_once('x')
        .is_some_and(|(width, height)| number(width) && number(height))
}

fn relation(
    options: &RelationOptions,
    before: Option<&Field>,
    collection: &Collection,
    checks: &Checks<'_>,
    errors: &mut ValidationErrors,
) {
    errors.check(
        "collectionId",
        check_target(options, before, collection, checks),
    );
    errors.check("minSelect", between(options.min_select, 0, MAX_SAFE));
    let most = match options.max_select {
        0 if options.min_select > 0 => Err(required()),
        most => between(most, options.min_select, i64::MAX),
    };
    errors.check("maxSelect", most);
}

fn check_target(
    options: &RelationOptions,
    before: Option<&Field>,
    collection: &Collection,
    checks: &Checks<'_>,
) -> Result<(), FieldError> {
    if options.collection_id.is_empty() {
        return Err(required());
    }
    if let Some(FieldOptions::Relation(old)) = before.map(|before| &before.options)
        && !checks.imported
        && old.collection_id != options.collection_id
    {
        return Err(FieldError::new(
            "validation_field_relation_change",
            "The relation collection cannot be changed.",
        ));
    }
    let itself = checks.imported && collection.id == options.collection_id;
    let stored = || {
        let mut stored = checks.stored.iter().copied();
        stored.find(|other| other.id == options.collection_id)
    };
    let Some(target) = itself.then_some(collection).or_else(stored) else {
        return Err(FieldError::new(
            "validation_field_relation_missing_collection",
            "The relation collection doesn't exist.",
        ));
    };
    if target.is_view() && !collection.is_view() {
        return Err(FieldError::new(
            "validation_relation_field_non_view_base_collection",
            "Only view collections are allowed to have relations to other views.",
        ));
    }
    Ok(())
}

fn password(options: &PasswordOptions, errors: &mut ValidationErrors) {
    errors.check("cost", between(options.cost, 4, 31));
    errors.check("min", between(options.min, 1, 71));
    errors.check("max", between(options.max, options.min, 71));
    errors.check("pattern", check_regex(&options.pattern));
}

/// Whether a type can be an identity for password login.
pub(crate) fn is_identity_type(kind: FieldType) -> bool {
    !matches!(kind, FieldType::Password | FieldType::File)
}
