/// Embeds the manifest (a JSON file beside the crate's `Cargo.toml`) as the custom section `hangar:manifest`, which the
/// host reads without instantiating the component.
#[macro_export]
macro_rules! manifest {
    ($path:literal) => {
        const _: () = {
            const TEXT: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path));
            #[cfg(target_arch = "wasm32")]
            #[unsafe(link_section = "hangar:manifest")]
            static SECTION: [u8; TEXT.len()] = {
                let mut section = [0; TEXT.len()];
                let mut i = 0;
                while i < TEXT.len() {
                    section[i] = TEXT[i];
                    i += 1;
                }
                section
            };
        };
    };
}
