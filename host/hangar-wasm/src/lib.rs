//! hangar-wasm
