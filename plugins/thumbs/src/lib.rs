//! The plugin `thumbs`: makes small pictures of large ones. It decodes files that anybody may have uploaded; what goes
//! wrong in here, a bomb that wants all memory included, ends with this instance, and the original is served instead.

mod picture;
mod size;

use hangar_sdk::{Error, Result, storage};

pub use picture::shrink;
pub use size::Size;

/// Largest file that is looked at, bytes.
const MAX_FILE: u32 = 64 << 20;

struct Plugin;

impl hangar_sdk::storage::DeriveGuest for Plugin {
    fn derive(place: String, source: String, target: String, recipe: String) -> Result<()> {
        let bad = |message: String| Error::new("bad_input", 400, message);
        let size =
            Size::parse(&recipe).ok_or_else(|| bad(format!("{recipe:?} is no size of a thumb")))?;
        let original = storage::read(&place, &source, MAX_FILE)?;
        let (kind, thumb) = shrink(&original, size)
            .map_err(|error| bad(format!("{source} cannot be made smaller: {error}")))?;
        storage::write(&place, &target, kind, &thumb)
    }
}

#[cfg(target_arch = "wasm32")]
mod exports {
    use super::Plugin;
    hangar_sdk::export_derive!(Plugin);
}
hangar_sdk::manifest!("manifest.json");
