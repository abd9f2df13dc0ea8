use hangar_core::Error;
use serde_json::json;

/// Turns a driver error into ours. Errors of the server carry `sqlstate:XXXXX` and, in `data`, the constraint, table
/// and column it names; its message is for operators and plugins, never for clients.
pub fn convert(error: &tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else {
        if error.is_closed() {
            return Error::new(
                "unavailable",
                503,
                "the connection to PostgreSQL was lost; check that the server runs",
            );
        }
        let cause = std::error::Error::source(error).map(|cause| cause.to_string());
        let message = cause.unwrap_or_else(|| error.to_string());
        if let Some(reason) = message.strip_prefix(crate::value::MISMATCH) {
            return Error::bad_input(reason.to_owned());
        }
        return Error::new(
            "unavailable",
            503,
            format!("PostgreSQL could not be reached: {message}"),
        );
    };
    let status = match db.code().code() {
        "23505" | "23503" | "23502" | "23514" | "22P02" | "22001" | "22003" | "22007" | "22008" => {
            400
        }
        "40001" | "40P01" | "55P03" => 409,
        "57014" => 504,
        "53100" | "53200" | "53300" | "57P01" | "57P02" | "57P03" => 503,
        _ => 500,
    };
    let data = json!({
        "constraint": db.constraint(),
        "table": db.table(),
        "column": db.column(),
        "detail": db.detail(),
    });
    Error::new(
        format!("sqlstate:{}", db.code().code()),
        status,
        db.message().to_owned(),
    )
    .with_data(data.to_string())
}

/// A statement that the server can no longer run as it was prepared (the table has changed since).
pub fn is_stale(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        let code = db.code().code();
        code == "26000" || (code == "0A000" && db.message().contains("cached plan"))
    })
}
