//! Under which labels requests are counted for rate limits.

use hangar_sdk::http::Request;
use hangar_sdk::{Result, guard};

use crate::accounts::{self, Kind};

/// The actions of a route, most telling first: by the last part of its path.
fn actions(route: &str) -> &'static [&'static str] {
    match route.rsplit('/').next().unwrap_or_default() {
        "auth-methods" => &["listAuthMethods"],
        "auth-refresh" => &["authRefresh"],
        "auth-with-password" => &["authWithPassword", "auth"],
        "auth-with-oauth2" => &["authWithOAuth2", "auth"],
        "auth-with-otp" => &["authWithOTP", "auth"],
        "request-otp" => &["requestOTP"],
        "request-password-reset" => &["requestPasswordReset"],
        "confirm-password-reset" => &["confirmPasswordReset"],
        "request-verification" => &["requestVerification"],
        "confirm-verification" => &["confirmVerification"],
        "request-email-change" => &["requestEmailChange"],
        "confirm-email-change" => &["confirmEmailChange"],
        _ => &[],
    }
}

/// Counts the request, unless it is for a collection that does not exist. Routes of which this is true say
/// `"own-limits": true` in the manifest.
///
/// # Errors
/// `rate_limited`.
pub fn count(request: &Request, collection: &str) -> Result<()> {
    let actions = actions(&request.route);
    if actions.is_empty() {
        return Ok(());
    }
    let name = match accounts::get(collection)? {
        Kind::Auth(accounts) => accounts.collection.name.clone(),
        Kind::Other => collection.to_owned(),
        Kind::Missing => return Ok(()),
    };
    let own = actions.iter().map(|action| format!("{name}:{action}"));
    let any = actions.iter().map(|action| format!("*:{action}"));
    guard::check(&own.chain(any).collect::<Vec<_>>())
}
