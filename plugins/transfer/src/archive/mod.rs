//! `hangar export` and `hangar import`: everything in one portable ZIP.
//!
//! It holds `export.json` (what it is), `collections.json` (definitions with their secrets), `settings.json`,
//! `records/NAME.jsonl` (one record a line, hidden fields included) and the folder `storage` with the files.

mod read;
mod write;

use hangar_model::Collection;
use serde::{Deserialize, Serialize};

pub use read::import;
pub use write::export;

/// The form of archives that this version writes and reads.
const FORMAT: u32 = 1;
const ABOUT: &str = "export.json";
const COLLECTIONS: &str = "collections.json";
const SETTINGS: &str = "settings.json";
const STORAGE: &str = "storage";

#[derive(Serialize, Deserialize)]
struct About {
    format: u32,
    hangar: String,
}

fn records_of(collection: &Collection) -> String {
    format!("records/{}.jsonl", collection.name)
}
