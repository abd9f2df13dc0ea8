//! probe
struct Plugin;
impl hangar_sdk::http::Guest for Plugin {
    fn handle(request: hangar_sdk::http::Request) -> hangar_sdk::Result<hangar_sdk::http::Response> {
        let rows = hangar_sdk::postgres::query("select 1", vec![])?;
        Ok(hangar_sdk::http::Response::json(200, format!("{:?} {}", rows, request.path)))
    }
}
impl hangar_sdk::lifecycle::Guest for Plugin {
    fn activate() -> hangar_sdk::Result<()> { Ok(()) }
    fn start(_s: String) -> hangar_sdk::Result<String> { Ok("{}".into()) }
}
hangar_sdk::export_http!(Plugin);
hangar_sdk::export_lifecycle!(Plugin);
hangar_sdk::manifest!("manifest.json");
