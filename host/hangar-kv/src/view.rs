use std::sync::Arc;

use hangar_core::{Ambient, Error, Limits, Result, Then};
use hangar_wit::errors;
use wasmtime::component::{HasData, Linker};

use crate::namespace::Namespace;
use crate::{Grant, Kv};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:kv-host;
            world imports {
                import hangar:kv/store@0.1.0;
                import hangar:kv/revisions@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/kv"],
        with: { "hangar:types/errors@0.1.0": hangar_wit::errors },
    });
}

use generated::hangar::kv::{revisions, store};

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin: its namespace.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `kv`.
    pub grant: Option<&'a Grant>,
    /// The plugin's limits (`kv_keys`, `kv_value_bytes`).
    pub limits: &'a Limits,
    /// The host's state.
    pub kv: &'a Kv,
    /// The transaction of the call.
    pub ambient: Option<&'a dyn Ambient>,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links `hangar:kv/store` and `hangar:kv/revisions`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    store::add_to_linker::<T, Has>(linker, get)?;
    revisions::add_to_linker::<T, Has>(linker, get)
}

impl View<'_> {
    fn namespace(&self) -> Result<Arc<Namespace>> {
        match self.grant {
            Some(Grant) => Ok(self.kv.namespace(self.plugin, self.limits)),
            None => Err(Error::denied(self.plugin, "hangar:kv", Grant::LINE)),
        }
    }
}

impl store::Host for View<'_> {
    fn get(&mut self, key: String) -> Result<Option<String>, errors::Error> {
        Ok(self.namespace()?.get(&key))
    }

    fn set(&mut self, key: String, value: String, ttl_ms: u32) -> Result<(), errors::Error> {
        Ok(self
            .namespace()?
            .set(self.plugin, self.limits, key, &value, ttl_ms)?)
    }

    fn delete(&mut self, key: String) -> Result<bool, errors::Error> {
        Ok(self.namespace()?.delete(&key))
    }

    fn keys(&mut self, prefix: String) -> Result<Vec<String>, errors::Error> {
        Ok(self.namespace()?.keys(&prefix))
    }

    fn increment(&mut self, key: String, by: i32, ttl_ms: u32) -> Result<i32, errors::Error> {
        Ok(self.namespace()?.increment(key, by, ttl_ms)?)
    }
}

impl revisions::Host for View<'_> {
    fn current(&mut self, topic: String) -> u32 {
        self.kv.revisions().current(&topic)
    }

    fn bump(&mut self, topic: String) -> u32 {
        // What is read until the commit is old, and may be kept under the new revision: it counts up again then.
        if let Some(ambient) = self.ambient {
            let (revisions, topic) = (self.kv.revisions().clone(), topic.clone());
            let again = Then::work(move || {
                revisions.bump(&topic);
            });
            if !ambient.afterwards().push(again, self.limits.memory) {
                tracing::warn!(plugin = self.plugin, "a transaction has left too much work");
            }
        }
        self.kv.revisions().bump(&topic)
    }
}

#[cfg(test)]
mod tests {
    use super::revisions::Host as _;
    use super::store::Host as _;
    use super::*;

    #[test]
    fn the_store_needs_a_grant_and_revisions_do_not() {
        let (kv, limits) = (Kv::default(), Limits::default());
        let mut view = View {
            plugin: "shop",
            grant: None,
            limits: &limits,
            kv: &kv,
            ambient: None,
        };
        let error = view.get("k".into()).expect_err("not granted");
        assert_eq!(error.code, "denied");
        assert!(error.message.contains("[plugins.shop]") && error.message.contains(Grant::LINE));
        assert_eq!(
            view.increment("k".into(), 1, 0)
                .expect_err("not granted")
                .code,
            "denied"
        );
        assert_eq!((view.bump("t".into()), view.current("t".into())), (1, 1));
        view.grant = Some(&Grant);
        view.set("k".into(), "v".into(), 0).expect("granted");
        assert_eq!(view.get("k".into()).expect("granted").as_deref(), Some("v"));
    }

    #[test]
    fn links_once() {
        struct State(Kv, Limits);
        let mut linker: Linker<State> = Linker::new(&wasmtime::Engine::default());
        add_to_linker(&mut linker, |s| View {
            plugin: "p",
            grant: Some(&Grant),
            limits: &s.1,
            kv: &s.0,
            ambient: None,
        })
        .expect("both interfaces fit into one linker");
    }
}
