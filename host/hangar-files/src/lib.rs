//! `hangar:files`: the folder granted to a plugin, and stores of blobs in folders of the data directory or on S3. Bytes go
//! between disk, service and client; plugins only say what goes where. No path leads out of a folder, not by `..` and
//! not by a link.

mod conditional;
mod derive;
mod folder;
mod local;
mod place;
mod s3;
mod serve;
mod store;
mod view;

pub use derive::{Deriver, Order};
pub use folder::Folder;
pub use store::{Areas, Store};
pub use view::{Grant, StorageGrant, View, add_to_linker};

/// What lives as long as the host.
pub struct Files {
    areas: Areas,
    workshop: derive::Workshop,
}

impl Files {
    /// Stores in these areas.
    pub fn new(areas: Areas) -> Self {
        // S3 over TLS takes the process's own cryptography.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            areas,
            workshop: derive::Workshop::default(),
        }
    }

    /// The store at a place, which is given as plugins give it.
    ///
    /// # Errors
    /// `bad_input` for what is no place.
    pub fn store(&self, place: &str) -> hangar_core::Result<Store> {
        self.areas.store(&place::Place::parse(place)?)
    }

    /// Says who makes blobs out of others.
    pub fn employ(&self, deriver: Deriver) {
        self.workshop.employ(deriver);
    }
}
