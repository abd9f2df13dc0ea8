//! Standard sentences of PocketBase's answers, as captured from version 0.40.6.

/// Generic 400 and 500.
pub const SOMETHING_WRONG: &str = "Something went wrong while processing your request.";
/// 401 where an auth record is required.
pub const MISSING_AUTH: &str = "The request requires valid record authorization token.";
/// Generic 403.
pub const NOT_ALLOWED: &str = "You are not allowed to perform this request.";
/// 403 on a route for superusers.
pub const SUPERUSERS_ROUTE: &str = "The authorized record is not allowed to perform this action.";
/// 403 where a rule is null.
pub const SUPERUSERS_ACTION: &str = "Only superusers can perform this action.";
/// Generic 404.
pub const NOT_FOUND: &str = "The requested resource wasn't found.";
/// 413.
pub const BODY_TOO_LARGE: &str = "Request entity too large";
/// 429.
pub const TOO_MANY_REQUESTS: &str = "Too Many Requests.";
/// 400 for a body that cannot be read.
pub const BAD_BODY: &str = "Failed to load the submitted data due to invalid formatting.";
/// 400 for a body whose collection type cannot be read.
pub const BAD_TYPE_BODY: &str =
    "Failed to load the collection type data due to invalid formatting.";
/// 400 for a record that was not created.
pub const CREATE_RECORD: &str = "Failed to create record.";
/// 400 for a record that was not updated.
pub const UPDATE_RECORD: &str = "Failed to update record.";
/// 400 for a record that was not deleted.
pub const DELETE_RECORD: &str = "Failed to delete record. Make sure that the record is not part of a required relation reference.";
/// 400 for a collection that was not created.
pub const CREATE_COLLECTION: &str = "Failed to create collection.";
/// 400 for a collection that was not updated.
pub const UPDATE_COLLECTION: &str = "Failed to update collection.";
/// 400 for a form that failed validation.
pub const INVALID_DATA: &str = "An error occurred while validating the submitted data.";
