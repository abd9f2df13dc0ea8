//! hangar-crypto
