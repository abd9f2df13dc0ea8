//! hangar-fetch
