//! The event around a batch.

use hangar_failure::Answer;
use hangar_sdk::Error;
use hangar_sdk::http::Request;
use serde_json::json;

use super::form::{Form, Part};
use crate::events;

/// Runs the batch inside the event's handlers, who may change it. Files stay with the place of their request.
pub fn around(request: &Request, form: Form, run: impl FnOnce(Form) -> Answer) -> Answer {
    let document = json!({"batch": form.parts});
    events::around(
        "onBatchRequest",
        request,
        || Ok(document),
        |changed| {
            let mut form = form;
            if let Some(batch) = changed.get("batch") {
                form.parts =
                    serde_json::from_value::<Vec<Part>>(batch.clone()).map_err(Error::from)?;
            }
            run(form)
        },
    )
}
