//! A plugin that does what no plugin should. `/hostile/KIND` picks the misdeed; the `config` table of hangar.toml makes
//! `start`, `activate` or a hook misbehave.

mod bodies;
mod misdeeds;

use hangar_sdk::hooks::{Raised, raise};
use hangar_sdk::http::{Request, Response};
use hangar_sdk::{Error, Result, config};
use serde_json::{Value, json};

struct Plugin;

/// The event that this plugin both raises and handles.
const RECURSION: &str = "onHostileRecursion";

impl hangar_sdk::http::Guest for Plugin {
    fn handle(request: Request) -> Result<Response> {
        let kind = request
            .params
            .first()
            .map(String::as_str)
            .unwrap_or_default();
        match kind {
            "ok" => Ok(Response::json(200, "{\"ok\":true}")),
            "echo" => Ok(Response::json(
                200,
                json!({
                    "method": request.method, "path": request.path, "query": request.query,
                    "headers": request.headers, "identity": request.identity, "body": request.body.len(),
                })
                .to_string(),
            )),
            "loop" => misdeeds::endless_loop(),
            "memory" => misdeeds::memory_bomb(),
            "panic" => panic!("the hostile plugin panics"),
            "overflow" => Ok(Response::json(200, misdeeds::stack_overflow(1).to_string())),
            "shadow-overflow" => Ok(Response::json(200, misdeeds::shadow_stack_overflow(&[0; 64]).to_string())),
            "answer" => Ok(Response::json(200, format!("\"{}\"", "x".repeat(misdeeds::number(&request))))),
            "hoard" => misdeeds::hoard(misdeeds::number(&request)),
            "hoard-bodies" => misdeeds::hoard_bodies(misdeeds::number(&request)),
            "log" => misdeeds::log_flood(misdeeds::number(&request)),
            "denied" => misdeeds::denied(&request.query),
            "recursion" => recurse(),
            "transaction" => misdeeds::open_transaction(&request.query),
            "status" => Ok(Response::json(misdeeds::number(&request) as u16, "{}")),
            "header" => misdeeds::bad_header(&request.query),
            "sleep" => misdeeds::sleep(misdeeds::number(&request)),
            "stream" => bodies::stream(false),
            "stream-cut" => bodies::stream(true),
            "file" => bodies::file(&request),
            "tables" => misdeeds::many_transactions(),
            other => Err(Error::new("unknown_kind", 404, format!("no misdeed is called {other:?}"))),
        }
    }
}

impl hangar_sdk::hooks::Guest for Plugin {
    fn handle(
        handler: String,
        _event: String,
        _document: String,
        _request: String,
        _patches: String,
    ) -> Result<String> {
        match handler.as_str() {
            "recurse" => {
                recurse()?;
                Ok(String::new())
            }
            "panic" => panic!("the hostile hook panics"),
            "panic-after" => {
                hangar_sdk::hooks::next("")?;
                panic!("the hostile hook panics after the action")
            }
            "loop" => misdeeds::endless_loop(),
            "garbage" => {
                hangar_sdk::hooks::next("")?;
                Ok("{\"record\":".into())
            }
            "twice" => {
                hangar_sdk::hooks::next("")?;
                hangar_sdk::hooks::next("")
            }
            other => Err(Error::new(
                "unknown_handler",
                500,
                format!("no handler is called {other:?}"),
            )),
        }
    }
}

impl hangar_sdk::lifecycle::Guest for Plugin {
    fn activate() -> Result<()> {
        misbehave("activate")
    }

    fn start(_sources: String) -> Result<String> {
        misbehave("start")?;
        let config = configured();
        if config["start"] == "garbage" {
            return Ok("[\"not\", \"registrations\"".into());
        }
        let Some(handler) = config["hook"].as_str() else {
            return Ok("{}".into());
        };
        let event = config["event"].as_str().unwrap_or("onRecordCreate");
        Ok(json!({"hooks": [{"event": event, "handler": handler}]}).to_string())
    }
}

/// Does what `config` says about a phase of the plugin's life.
fn misbehave(phase: &str) -> Result<()> {
    match configured()[phase].as_str() {
        Some("fail") => Err(Error::internal(format!(
            "the hostile plugin fails in {phase}"
        ))),
        Some("panic") => panic!("the hostile plugin panics in {phase}"),
        Some("loop") => misdeeds::endless_loop(),
        _ => Ok(()),
    }
}

fn configured() -> Value {
    serde_json::from_str(&config::get()).unwrap_or_default()
}

/// Raises the event that this plugin handles by raising it.
fn recurse() -> Result<Response> {
    let raised = raise(RECURSION, &[], "{}", "")?;
    Raised::finish(raised, Ok(""))?;
    Ok(Response::empty(204))
}

hangar_sdk::export_http!(Plugin);
hangar_sdk::export_hooks!(Plugin);
hangar_sdk::export_lifecycle!(Plugin);
hangar_sdk::manifest!("manifest.json");
