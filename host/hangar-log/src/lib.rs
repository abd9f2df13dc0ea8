//! hangar-log
