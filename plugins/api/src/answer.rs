//! What every route answers with.

use hangar_model::ApiError;
use hangar_model::picker::Picker;
use hangar_sdk::http::{Request, Response};
use serde_json::Value;

/// An error envelope.
pub fn error(error: &ApiError) -> Response {
    Response::json(error.status, error.to_json())
}

/// The keys by which a page of a list is known.
const PAGE: [&str; 5] = ["page", "perPage", "totalItems", "totalPages", "items"];

/// A JSON response, narrowed by `?fields=`.
///
/// # Errors
/// 400 for a `fields` expression that cannot be read.
pub fn json(request: &Request, text: String) -> Result<Response, ApiError> {
    let fields = query_value(request, "fields").unwrap_or_default();
    let Some(picker) = Picker::parse(&fields).map_err(|_| ApiError::bad_request(""))? else {
        return Ok(Response::json(200, text));
    };
    let mut value: Value = serde_json::from_str(&text).map_err(|_| ApiError::internal(""))?;
    // Of a page the items are narrowed, and its numbers stay.
    let is_page = PAGE.iter().all(|key| value.get(key).is_some());
    match value.get_mut("items").filter(|_| is_page) {
        Some(items) => picker.pick(items),
        None => picker.pick(&mut value),
    }
    Ok(Response::json(200, hangar_model::json::to_json(&value)))
}

/// The first value of a query parameter.
pub fn query_value(request: &Request, wanted: &str) -> Option<String> {
    if request.query.is_empty() {
        return None;
    }
    hangar_sdk::form::query(&request.query)
        .into_iter()
        .find_map(|(name, value)| (name == wanted).then_some(value))
}
