//! Interfaces whose contract stands but whose engine comes with a later release: `hangar:analytics/query`.
//!
//! They are linked so that a component that imports them loads; every call answers the error `unserved`.

use hangar_core::Error;
use hangar_wit::errors;
use wasmtime::component::{HasData, Linker};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:unserved-host;
            world imports {
                import hangar:analytics/query@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/analytics"],
        with: { "hangar:types/errors@0.1.0": hangar_wit::errors },
    });
}

use generated::hangar::analytics::query;

/// The view of a call: there is nothing to look at.
pub struct View;

struct Has;

impl HasData for Has {
    type Data<'a> = View;
}

/// Links the interface.
pub fn add_to_linker<T: Send + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    query::add_to_linker::<T, Has>(linker, |_| View)
}

fn unserved<V>(capability: &str) -> Result<V, errors::Error> {
    Err(Error::unserved(capability).into())
}

impl query::Host for View {
    fn run(&mut self, _: String, _: String) -> Result<String, errors::Error> {
        unserved("hangar:analytics")
    }
}

#[cfg(test)]
mod tests {
    use super::query::Host as _;
    use super::*;

    #[test]
    fn every_call_answers_unserved() {
        let mut view = View;
        let error = view
            .run("select 1".into(), "[]".into())
            .expect_err("unserved");
        assert_eq!((error.code.as_str(), error.status), ("unserved", 501));
        assert!(error.message.contains("hangar:"));
    }

    #[test]
    fn links_once() {
        let mut linker: Linker<()> = Linker::new(&wasmtime::Engine::default());
        add_to_linker(&mut linker).expect("it fits into a linker");
    }
}
