//! Finds the shipped components, which `scripts/build-plugins` has built, and embeds them.

use std::path::PathBuf;
use std::{env, fs};

/// In the order in which they are activated: each may use those before it.
const SHIPPED: [&str; 6] = ["collections", "auth", "api", "transfer", "hooks", "thumbs"];

fn main() {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../..");
    let folder =
        env::var_os("HANGAR_PLUGINS").map_or_else(|| root.join("dist/plugins"), PathBuf::from);
    println!("cargo:rerun-if-env-changed=HANGAR_PLUGINS");
    let mut table = String::from("&[\n");
    for name in SHIPPED {
        let file = folder.join(format!("{name}.wasm"));
        println!("cargo:rerun-if-changed={}", file.display());
        let Ok(file) = fs::canonicalize(&file) else {
            println!(
                "cargo::error=the component {} is missing: run scripts/build-plugins first (make build does)",
                file.display()
            );
            continue;
        };
        table.push_str(&format!(
            "    ({name:?}, include_bytes!({:?}).as_slice()),\n",
            file.display().to_string()
        ));
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo")).join("shipped.rs");
    fs::write(out, table).expect("the output folder can be written to");
}
