//! One function for each misdeed.

use std::hint::black_box;
use std::time::Duration;

use hangar_sdk::http::{Request, Response};
use hangar_sdk::postgres::{self, Plan, Segment, begin};
use hangar_sdk::{Error, Result, crypto, fetch, hooks, kv, log};

/// Never returns.
pub fn endless_loop() -> ! {
    let mut number = 0_u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

/// Takes memory until there is none.
pub fn memory_bomb() -> ! {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Calls itself until the stack is full; keeps nothing in linear memory.
#[inline(never)]
#[allow(unconditional_recursion)]
pub fn stack_overflow(number: u64) -> u64 {
    stack_overflow(number ^ 0x5555).rotate_left(3) ^ number
}

/// Calls itself until that part of the stack is full which the compiler keeps in linear memory.
#[allow(unconditional_recursion)]
pub fn shadow_stack_overflow(above: &[u8; 64]) -> u64 {
    let mut frame = *above;
    frame[0] = frame[0].wrapping_add(1);
    shadow_stack_overflow(black_box(&frame)) + u64::from(black_box(&frame)[0])
}

/// Makes the host keep a mebibyte so many times.
pub fn hoard(times: usize) -> Result<Response> {
    let payload = "x".repeat(1 << 20);
    for _ in 0..times {
        std::mem::forget(hooks::raise("onNobodyListens", &[], &payload, "")?);
    }
    Ok(Response::empty(204))
}

/// Makes the host keep so many bodies of a mebibyte each.
pub fn hoard_bodies(times: usize) -> Result<Response> {
    let text = "x".repeat(1 << 20);
    for _ in 0..times {
        let plan = Plan {
            segments: vec![Segment::Text(text.clone())],
            when_empty: None,
            when_failed: None,
        };
        std::mem::forget(postgres::defer(&plan)?);
    }
    Ok(Response::empty(204))
}

/// Logs so many lines.
pub fn log_flood(lines: usize) -> Result<Response> {
    for line in 0..lines {
        log::warn(&format!("hostile line {line}"));
    }
    Ok(Response::json(200, format!("{{\"lines\":{lines}}}")))
}

/// Uses a capability that is not granted.
pub fn denied(capability: &str) -> Result<Response> {
    match capability {
        "fetch" => {
            let request = fetch::Request {
                method: "GET".into(),
                url: "http://127.0.0.1:1/".into(),
                headers: Vec::new(),
                body: Vec::new(),
                options: "{}".into(),
            };
            fetch::send(&request)?;
        }
        "kv" => kv::store::set("key", "value", 0)?,
        "crypto" => drop(crypto::random::bytes(8)?),
        "collections" => drop(hangar_sdk::collections::collections()?),
        "auth" => drop(hangar_sdk::auth::issue("auth", "users", "id", "{}")?),
        "postgres" => drop(postgres::query("SELECT 1", Vec::new())?),
        other => {
            return Err(Error::new(
                "unknown_kind",
                404,
                format!("no capability is called {other:?}"),
            ));
        }
    }
    Ok(Response::empty(204))
}

/// Leaves a transaction open that has written to `table`, and answers as if nothing were wrong.
pub fn open_transaction(table: &str) -> Result<Response> {
    let transaction = begin()?;
    let sql =
        format!("INSERT INTO \"{table}\" (id, title) VALUES ('hostilehostile1', 'left open')");
    postgres::query(sql, Vec::new())?;
    std::mem::forget(transaction);
    Ok(Response::json(200, "{\"done\":true}"))
}

/// Opens a savepoint within a savepoint, and so on.
pub fn many_transactions() -> Result<Response> {
    loop {
        std::mem::forget(begin()?);
    }
}

/// Answers with a header that is none.
pub fn bad_header(kind: &str) -> Result<Response> {
    let mut response = Response::json(200, "{}");
    let (name, value) = match kind {
        "name" => ("not a name", "value"),
        "split" => ("x-split", "one\r\nset-cookie: forged=1"),
        _ => ("content-length", "3"),
    };
    response.headers.push((name.into(), value.into()));
    Ok(response)
}

/// Waits so many milliseconds.
pub fn sleep(milliseconds: usize) -> Result<Response> {
    std::thread::sleep(Duration::from_millis(milliseconds as u64));
    Ok(Response::json(200, "{\"slept\":true}"))
}

/// The number that the query consists of.
pub fn number(request: &Request) -> usize {
    request.query.parse().unwrap_or_default()
}
