//! A plugin in Rust: one route and one hook. `manifest.json` declares both and asks for the database.

use hangar_sdk::http::{Request, Response};
use hangar_sdk::{Error, Result, hooks, postgres};
use serde_json::{Value, json};

struct Hello;

impl hangar_sdk::http::Guest for Hello {
    /// `GET /hello/{name}`.
    fn handle(request: Request) -> Result<Response> {
        let name = request.params.first().map_or("world", String::as_str);
        let sql = "SELECT 'Hello, ' || $1::text || '!' AS greeting";
        let rows = postgres::query(sql, vec![name.into()])?;
        let body = serde_json::to_string(&rows.objects())?;
        Ok(Response::json(200, body))
    }
}

impl hangar_sdk::hooks::Guest for Hello {
    /// Trims the text of a new note, then lets the rest of the chain and the save happen.
    fn handle(
        _handler: String,
        _event: String,
        document: String,
        _request: String,
        _patches: String,
    ) -> Result<String> {
        // What documents and patches look like: plugins/hooks/PROTOCOL.md.
        let document: Value = serde_json::from_str(&document)?;
        let Some(text) = document["record"]["text"].as_str() else {
            return Err(Error::internal("a note without a text field"));
        };
        let patch = json!({ "set": { "text": text.trim() } });
        hooks::next(&patch.to_string())?;
        Ok(String::new())
    }
}

hangar_sdk::export_http!(Hello);
hangar_sdk::export_hooks!(Hello);
hangar_sdk::manifest!("manifest.json");
