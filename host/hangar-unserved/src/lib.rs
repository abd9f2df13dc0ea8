//! hangar-unserved
