//! hangar-config
