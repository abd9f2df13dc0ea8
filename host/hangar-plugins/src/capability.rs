use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::Linker;

use crate::State;

/// Values found by their type: the services of capability crates, the grants of a plugin. This is how a store carries
/// the state of capabilities that this crate does not know.
#[derive(Clone, Default)]
pub struct TypeMap(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl TypeMap {
    /// Adds a value; a second one of the same type replaces the first.
    pub fn insert<V: Any + Send + Sync>(&mut self, value: V) {
        self.0.insert(TypeId::of::<V>(), Arc::new(value));
    }

    /// Adds a value that is already shared.
    pub fn insert_shared(&mut self, value: Arc<dyn Any + Send + Sync>) {
        let id = (*value).type_id();
        self.0.insert(id, value);
    }

    /// The value of a type.
    pub fn get<V: Any + Send + Sync>(&self) -> Option<&V> {
        self.0.get(&TypeId::of::<V>())?.downcast_ref()
    }

    /// The same, to keep.
    pub fn shared<V: Any + Send + Sync>(&self) -> Option<Arc<V>> {
        self.0.get(&TypeId::of::<V>())?.clone().downcast().ok()
    }
}

/// What capabilities keep during one call, by type; empty when the next begins.
#[derive(Default)]
pub struct Locals(Vec<Box<dyn Any + Send>>);

impl Locals {
    /// The value of a type, made if it is not there yet.
    pub fn get<L: Any + Send + Default>(&mut self) -> &mut L {
        let at = match self.0.iter().position(|local| local.is::<L>()) {
            Some(at) => at,
            None => {
                self.0.push(Box::<L>::default());
                self.0.len() - 1
            }
        };
        self.0[at].downcast_mut().expect("found by its type")
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// What a parsed grant becomes: found later by its type.
pub type ParsedGrant = Result<Arc<dyn Any + Send + Sync>, String>;

/// A capability the host offers: how it is linked and how its grant in hangar.toml is read.
pub struct Capability {
    /// The name in manifests and in `[plugins.NAME.grant]`.
    pub name: &'static str,
    /// Adds its interfaces to the linker. They are linked for every plugin; without a grant they answer `denied`.
    pub link: fn(&mut Linker<State>) -> wasmtime::Result<()>,
    /// Reads the grant's value (never `false`, which denies); the error says what is wrong with it.
    pub parse_grant: fn(&Value) -> ParsedGrant,
}
