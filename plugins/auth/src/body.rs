//! The small bodies of auth requests.

use hangar_model::bound::Submitted;
pub use hangar_model::bound::{BadBody, Bound as Body};
use hangar_sdk::form;
use hangar_sdk::http::Request;

/// The body of a request.
///
/// # Errors
/// A type that is not served, text that cannot be parsed.
pub fn of(request: &Request) -> Result<Body, BadBody> {
    let content_type = request.header("content-type").unwrap_or_default();
    Submitted::read(content_type, &request.body, &request.query, form::texts)?.bind()
}
