//! The exports a plugin may have. All are optional: they are looked for once per component and typed once per instance.

pub use hangar_wit::http::{Payload, Request as HttpRequest, Response as HttpResponse};

use std::sync::Arc;

use hangar_wit::errors::Error as WitError;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc,
};

use crate::State;

/// What every export answers.
pub type Answer<T> = (Result<T, WitError>,);

/// A typed export, absent if the plugin does not serve it.
pub type Export<P, R> = Option<TypedFunc<P, Answer<R>>>;

macro_rules! exports {
    ($($field:ident: $interface:literal $function:literal ($params:ty) -> $result:ty;)*) => {
        /// Where the exports of a component are.
        #[derive(Clone, Default)]
        pub struct Exports { $(pub $field: Option<ComponentExportIndex>,)* }

        impl Exports {
            /// Looks for every export this host knows.
            pub fn probe(component: &Component) -> Self {
                Self { $($field: find(component, $interface, $function),)* }
            }
        }

        /// The exports of one instance.
        pub struct Functions { $(pub $field: Export<$params, $result>,)* }

        impl Functions {
            /// Types the exports; fails if one does not have the contract's type.
            pub fn new(
                store: &mut wasmtime::Store<State>, instance: &Instance, exports: &Exports,
            ) -> wasmtime::Result<Self> {
                Ok(Self {
                    $($field: typed(store, instance, exports.$field.as_ref(), concat!($interface, "#", $function))?,)*
                })
            }
        }
    };
}

exports! {
    http: "hangar:http/handler@0.1.0" "handle" ((HttpRequest,)) -> HttpResponse;
    form_limit: "hangar:http/limits@0.1.0" "form-limit" ((String, String, Vec<String>)) -> f64;
    derive: "hangar:files/derive@0.1.0" "derive" ((String, String, String, String)) -> ();
    hook: "hangar:hooks/handler@0.1.0" "handle" ((Arc<str>, Arc<str>, Arc<str>, Arc<str>, String)) -> String;
    ended: "hangar:plugin/afterwards@0.1.0" "ended" ((String, bool)) -> ();
    activate: "hangar:plugin/lifecycle@0.1.0" "activate" (()) -> ();
    start: "hangar:plugin/lifecycle@0.1.0" "start" ((String,)) -> String;
    command: "hangar:plugin/commands@0.1.0" "run" ((String, Vec<String>)) -> String;
    cron: "hangar:plugin/crons@0.1.0" "run" ((String,)) -> ();
    authenticate: "hangar:auth/identity@0.1.0" "authenticate" ((String,)) -> Option<String>;
    issue: "hangar:auth/tokens@0.1.0" "issue" ((String, String, String, String)) -> String;
    matching: "hangar:realtime/matcher@0.1.0" "match-changes" ((String,)) -> String;
    screening: "hangar:realtime/matcher@0.1.0" "screen-messages" ((String,)) -> String;
    verify: "hangar:auth/tokens@0.1.0" "verify" ((String, String)) -> Option<String>;
    collection: "hangar:collections/records@0.1.0" "collection" ((String,)) -> String;
    collections: "hangar:collections/records@0.1.0" "collections" (()) -> String;
    find: "hangar:collections/records@0.1.0" "find" ((String, String)) -> String;
    select: "hangar:collections/records@0.1.0" "select" ((String, String)) -> String;
    count: "hangar:collections/records@0.1.0" "count" ((String, String)) -> u32;
    save: "hangar:collections/records@0.1.0" "save" ((String, String, String)) -> String;
    create_as: "hangar:collections/records@0.1.0" "create-as" ((String, String, String)) -> String;
    delete: "hangar:collections/records@0.1.0" "delete" ((String, String)) -> ();
    store_collection: "hangar:collections/records@0.1.0" "store-collection" ((String,)) -> ();
    drop_collections: "hangar:collections/records@0.1.0" "drop-collections" (()) -> ();
    present: "hangar:collections/records@0.1.0" "present" ((String, String, String)) -> String;
}

fn find(component: &Component, interface: &str, function: &str) -> Option<ComponentExportIndex> {
    let interface = component.get_export_index(None, interface)?;
    component.get_export_index(Some(&interface), function)
}

fn typed<P, R>(
    store: &mut wasmtime::Store<State>,
    instance: &Instance,
    export: Option<&ComponentExportIndex>,
    name: &str,
) -> wasmtime::Result<Export<P, R>>
where
    P: ComponentNamedList + Lower,
    R: 'static,
    Answer<R>: ComponentNamedList + Lift,
{
    let Some(export) = export else {
        return Ok(None);
    };
    let function = instance.get_typed_func(store, export).map_err(|error| {
        error.context(format!(
            "its export {name} does not have the contract's type"
        ))
    })?;
    Ok(Some(function))
}
