//! What the system keeps about auth records: links to other services, started logins, places. Each names its record.

use hangar_failure::Outcome;
use hangar_model::providers::OAUTH2_PROVIDERS;
use hangar_model::sql::table;
use hangar_model::system::{AUTH_ORIGINS, EXTERNAL_AUTHS, MFAS, OTPS};
use hangar_model::{ApiError, FieldError, ValidationErrors};
use hangar_sdk::postgres::{Value as Param, query};

use crate::catalog::Catalog;
use crate::records::draft::{Draft, failed_message};

/// Judges a draft whose values are right by themselves: the record it names must be there.
///
/// # Errors
/// 400 with what is wrong first.
pub fn validate(catalog: &Catalog, draft: &Draft) -> Outcome<()> {
    let name = draft.entry.name.as_str();
    if !draft.entry.system || ![EXTERNAL_AUTHS, MFAS, OTPS, AUTH_ORIGINS].contains(&name) {
        return Ok(());
    }
    let refuse = |field: &str, error: FieldError| {
        Err(ApiError::invalid(failed_message(draft), ValidationErrors::one(field, error)).into())
    };
    let id = draft.shown.text("collectionRef");
    let Some(collection) = catalog.get(id).filter(|found| found.id == id) else {
        return refuse(
            "collectionRef",
            FieldError::new(
                "validation_invalid_collection_id",
                "Missing or invalid collection.",
            ),
        );
    };
    if !collection.is_auth() {
        return refuse(
            "collectionRef",
            FieldError::new(
                "validation_invalid_collection_type",
                "Invalid collection type - must be auth.",
            ),
        );
    }
    let sql = format!(
        "SELECT 1 FROM {} WHERE \"id\" = $1::text",
        table(&collection.name)
    );
    let record = Param::Text(draft.shown.text("recordRef").to_owned());
    if query(sql, vec![record])?.rows.is_empty() {
        return refuse(
            "recordRef",
            FieldError::new("validation_invalid_record", "Missing or invalid record."),
        );
    }
    let provider = draft.shown.text("provider");
    if name == EXTERNAL_AUTHS && !OAUTH2_PROVIDERS.iter().any(|one| one.name == provider) {
        return refuse(
            "provider",
            FieldError::new("validation_in_invalid", "Must be a valid value."),
        );
    }
    Ok(())
}
