//! Who is asking, as far as this plugin needs to know.

use hangar_model::ApiError;
use hangar_sdk::http::Request;
use serde::Deserialize;

#[derive(Deserialize)]
struct Identity {
    #[serde(default)]
    superuser: bool,
}

/// Whether a superuser asks; `None` for a guest.
fn superuser(request: &Request) -> Option<bool> {
    let identity: Identity = serde_json::from_str(request.identity.as_deref()?).ok()?;
    Some(identity.superuser)
}

/// Whether a superuser asks.
pub fn is_superuser(request: &Request) -> bool {
    superuser(request) == Some(true)
}

/// Lets superusers pass.
///
/// # Errors
/// 401 for a guest, 403 for others.
pub fn require_superuser(request: &Request) -> Result<(), ApiError> {
    match superuser(request) {
        Some(true) => Ok(()),
        other => Err(ApiError::superusers_only(other.is_some())),
    }
}
