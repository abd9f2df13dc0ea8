//! `hangar superuser ips`.

use hangar_failure::Failure;
use hangar_sdk::{Error, Result};
use serde_json::{Map, Value};

use crate::settings;

/// `hangar:plugin/commands.run`.
pub fn run(name: &str, networks: &[String]) -> Result<String> {
    if name != "superuser ips" {
        let message = format!("there is no command {name:?}");
        return Err(Error::new("bad_input", 400, message));
    }
    let change = Map::from_iter([("superuserIPs".to_owned(), Value::from(networks.to_vec()))]);
    settings::merge(&[change]).map_err(explain)?;
    let Some((last, others)) = networks.split_last() else {
        return Ok("Successfully cleared SuperuserIPs setting!".into());
    };
    let others: String = others
        .iter()
        .map(|network| format!("\n├─ {network}"))
        .collect();
    Ok(format!(
        "Successfully updated SuperuserIPs setting:{others}\n└─ {last}"
    ))
}

/// Names the networks that are none.
fn explain(failure: Failure) -> Error {
    let error = match failure {
        Failure::Api(error) => error,
        Failure::Host(error) => return error,
    };
    let wrong = error.data.get("superuserIPs").and_then(Value::as_object);
    let told: Vec<String> = wrong
        .into_iter()
        .flatten()
        .filter_map(|(at, error)| Some(format!("{at}: {}", error.get("message")?.as_str()?)))
        .collect();
    let message = match told.is_empty() {
        true => error.message,
        false => format!("superuserIPs: ({})", told.join("; ")),
    };
    Error::new("bad_input", 400, message)
}
