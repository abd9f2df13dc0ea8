//! hangar-http
