//! hangar-plugins
