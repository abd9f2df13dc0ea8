//! Bodies that are neither text nor rows: streamed by the plugin, or a file the host sends.

use hangar_sdk::http::{Payload, Request, Response, Writer, start_stream};
use hangar_sdk::{Result, files};

/// Sends three lines one by one; `cut` fails after the first.
pub fn stream(cut: bool) -> Result<Response> {
    let headers = [("content-type".to_owned(), "text/plain".to_owned())];
    let writer: Writer = start_stream(200, &headers)?;
    for line in ["one\n", "two\n", "three\n"] {
        writer.write(line.as_bytes())?;
        assert!(!cut, "the hostile plugin fails in the middle of a body");
    }
    // Not used: the response has begun.
    Ok(Response::empty(500))
}

/// The file that the query names.
pub fn file(request: &Request) -> Result<Response> {
    Ok(Response {
        status: 200,
        headers: Vec::new(),
        payload: Payload::Body(files::defer(&request.query)?),
    })
}
