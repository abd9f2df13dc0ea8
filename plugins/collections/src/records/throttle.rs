//! Who filters by what a rule hides from them learns from each empty list that a guess was wrong, and from how fast it
//! comes what the database had to look at. So empty lists come late to whoever gets many. The host holds them back,
//! when this component has returned.

use hangar_sdk::http::{Payload, Response};
use serde_json::json;

use crate::call::Call;
use crate::catalog::{Entry, Rule};

/// How each empty list begins: keys are written in their order.
const EMPTY: &str = "{\"items\":[]";

/// Marks the answer to a list request if it is one that counts: an empty list, where a filter was applied beside a rule.
pub fn mark(entry: &Entry, call: &Call, rule: &Rule<'_>, response: &mut Response) {
    if !matches!(rule, Rule::Expr(..)) || call.parameter("filter").is_empty() {
        return;
    }
    let may_be_empty = match &response.payload {
        // The host will see.
        Payload::Body(_) => true,
        Payload::Text(text) => text.starts_with(EMPTY),
        Payload::Empty | Payload::Bytes(_) => false,
    };
    if may_be_empty {
        let hint = json!({"label": entry.id, "requests": 3, "seconds": 3, "up-to-ms": 500});
        let header = ("x-hangar-delay".into(), hint.to_string());
        response.headers.push(header);
    }
}
