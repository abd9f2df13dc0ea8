//! The log: `_logs` of `auxiliary.db`.

use hangar_model::date;
use hangar_sdk::{Result, log, sqlite};
use serde_json::{Map, Value, json};

use super::source::{Source, each, text};
use crate::report::Report;

/// The database of what may be lost.
const FILE: &str = "auxiliary.db";
/// Bytes of entries that are handed over at once.
const CHUNK: usize = 1 << 20;

/// Days where the settings do not say.
const DAYS: i64 = 5;

/// Which entries are wanted: those that PocketBase would keep.
#[derive(Clone, Copy)]
pub struct Wanted {
    days: i64,
    level: i64,
}

impl Wanted {
    /// What the settings say.
    pub fn by(settings: Option<&Value>) -> Self {
        let number = |key: &str| settings?["logs"][key].as_i64();
        Self {
            days: number("maxDays").unwrap_or(DAYS).clamp(0, 36_500),
            level: number("minLevel").unwrap_or_default(),
        }
    }

    fn condition(self) -> String {
        if self.days == 0 {
            return "false".to_owned();
        }
        format!(
            "created >= strftime('%Y-%m-%d', 'now', '-{} days') AND level >= {}",
            self.days, self.level
        )
    }
}

/// Copies the wanted entries into the log store, or only counts them.
///
/// # Errors
/// What either database says.
pub fn copy(source: &Source, wanted: Wanted, dry: bool, report: &mut Report) -> Result<()> {
    if !source.entries.iter().any(|entry| entry.name == FILE) {
        report.problem(format!("logs: there is no {FILE} in the directory"));
        return Ok(());
    }
    let database = sqlite::open(FILE)?;
    let condition = wanted.condition();
    let left = count(&database, &format!("NOT ({condition})"))?;
    if left > 0 {
        report.problem(format!(
            "logs: {left} entries are older than the settings keep them (logs.maxDays) or below logs.minLevel, and stay in {FILE}"
        ));
    }
    let mut taken = 0;
    if dry {
        taken = count(&database, &condition)?;
    } else {
        let (mut entries, mut size) = (Vec::new(), 0);
        let select = format!(
            "SELECT id, created, level, message, data FROM _logs WHERE {condition} ORDER BY rowid"
        );
        each(&database, &select, |row| {
            size += row
                .iter()
                .map(|value| text(Some(value)).len())
                .sum::<usize>();
            entries.push(entry(&row));
            if size >= CHUNK {
                size = 0;
                taken += add(std::mem::take(&mut entries))?;
            }
            Ok(())
        })?;
        taken += add(entries)?;
    }
    report.carried(format!("{taken} entries of the log"));
    Ok(())
}

fn add(entries: Vec<Value>) -> Result<i64> {
    log::add(&Value::from(entries).to_string()).map(i64::from)
}

fn count(database: &sqlite::Database, condition: &str) -> Result<i64> {
    let mut found = 0;
    let sql = format!("SELECT count(*) FROM _logs WHERE {condition}");
    each(database, &sql, |row| {
        found = row.first().and_then(Value::as_i64).unwrap_or_default();
        Ok(())
    })?;
    Ok(found)
}

/// A row as the log store takes it; data that are no object are none.
fn entry(row: &[Value]) -> Value {
    let data = text(row.get(4));
    json!({
        "id": text(row.first()),
        "created": date::parse(&text(row.get(1))).unwrap_or_default(),
        "level": row.get(2).and_then(Value::as_i64).unwrap_or_default(),
        "message": text(row.get(3)),
        "data": serde_json::from_str::<Map<String, Value>>(&data).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_entries() {
        let row = |data: &str| {
            [
                json!("a"),
                json!("2026-01-02 03:04:05.678Z"),
                json!(8),
                json!("text"),
                json!(data),
            ]
        };
        let made = entry(&row(r#"{"status":200}"#));
        assert_eq!(
            made,
            json!({"id": "a", "created": 1_767_323_045_678_i64, "level": 8, "message": "text", "data": {"status": 200}})
        );
        for data in ["", "[]", "{bad"] {
            assert_eq!(entry(&row(data))["data"], json!({}), "{data}");
        }
    }
}
