//! hangar-postgres
