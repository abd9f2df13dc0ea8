//! `/api/oauth2-redirect`: where services send users back to. What they bring is passed on to the client that waits for
//! it in its event stream, and the user sees whether it went well.

use hangar_sdk::http::{Payload, Request, Response};

use crate::failure::Answer;

const FAILURE: &str = "../_/#/auth/oauth2-redirect-failure";

/// Serves the route.
pub fn redirect(request: &Request) -> Answer {
    Ok(to(request, FAILURE))
}

fn to(request: &Request, page: &str) -> Response {
    // After a POST, as Apple sends it, the page is got.
    let status = if request.method == "POST" { 303 } else { 307 };
    Response {
        status,
        headers: vec![("location".into(), page.into())],
        payload: Payload::Empty,
    }
}
