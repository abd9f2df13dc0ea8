//! hangar-kv
