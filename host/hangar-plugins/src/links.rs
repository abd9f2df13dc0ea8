//! What plugins import that is served by other plugins or by this crate: the call's context, hook chains, collections,
//! tokens. The provider is looked up when the call is made, so that swapping one never relinks the others.

use std::sync::Arc;

use hangar_core::{Error, Then};
use hangar_wit::Body;
use hangar_wit::errors::Error as WitError;
use wasmtime::component::{HasData, Linker, Resource};

use crate::State;
use crate::exports::Functions;
use crate::generation::Instance;
use crate::graph::Service;
use crate::state::Entry;

#[allow(missing_docs)]
pub(crate) mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:links;
            world links {
                import hangar:plugin/context@0.1.0;
                import hangar:plugin/background@0.1.0;
                import hangar:plugin/schedule@0.1.0;
                import hangar:http/dispatch@0.1.0;
                import hangar:http/streaming@0.1.0;
                import hangar:http/form@0.1.0;
                import hangar:hooks/chain@0.1.0;
                import hangar:hooks/next@0.1.0;
                import hangar:collections/records@0.1.0;
                import hangar:auth/tokens@0.1.0;
            }
        ",
        path: [
            "../../wit/types", "../../wit/http", "../../wit/files", "../../wit/postgres", "../../wit/sqlite", "../../wit/operator", "../../wit/backup", "../../wit/fetch", "../../wit/kv",
            "../../wit/crypto", "../../wit/log", "../../wit/config", "../../wit/mail", "../../wit/realtime", "../../wit/analytics",
            "../../wit/hooks", "../../wit/collections", "../../wit/auth", "../../wit/plugin",
        ],
        world: "hangar:links/links",
        imports: {
            default: async,
            "hangar:plugin/context@0.1.0": trappable,
        },
        with: {
            "hangar:types/errors@0.1.0": hangar_wit::errors,
            "hangar:hooks/chain.raised": crate::chain::RaisedState,
            "hangar:http/streaming.writer": crate::streaming::StreamWriter,
        },
    });
}

use generated::hangar::{auth, collections, http, plugin};

/// Gives the generated code access to the whole state.
pub(crate) struct Access;

impl HasData for Access {
    type Data<'a> = &'a mut State;
}

/// The grants of what this crate links itself: `collections = true`.
pub(crate) struct ServiceGrant {
    collections: bool,
    auth: bool,
    /// Requests through the server's own routes.
    pub dispatch: bool,
    /// Seeing and running the jobs of all plugins.
    pub crons: bool,
}

impl ServiceGrant {
    /// Their names.
    pub const NAMES: [&str; 4] = ["collections", "auth", "dispatch", "crons"];
}

impl ServiceGrant {
    /// Reads the grants of a plugin.
    pub(crate) fn new(grants: &std::collections::BTreeMap<String, serde_json::Value>) -> Self {
        let granted = |name: &str| grants.get(name) == Some(&serde_json::Value::Bool(true));
        Self {
            collections: granted("collections"),
            auth: granted("auth"),
            dispatch: granted("dispatch"),
            crons: granted("crons"),
        }
    }
}

/// Links everything of this module.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hangar_wit::http::add_to_linker::<State, Access>(linker, |state| state)?;
    generated::Links::add_to_linker::<State, Access>(linker, |state| state)
}

impl hangar_wit::errors::Host for State {}

impl hangar_wit::http::Host for State {}

impl hangar_wit::http::HostBody for State {
    fn drop(&mut self, body: Resource<Body>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

impl State {
    /// Calls a function of the plugin that serves `service`.
    async fn call_service<R>(
        &mut self,
        service: Service,
        work: impl AsyncFnOnce(&mut Instance) -> wasmtime::Result<Option<Result<R, WitError>>>,
    ) -> Result<R, WitError> {
        let granted = self
            .grant::<ServiceGrant>()
            .is_some_and(|grant| match service {
                Service::Collections => grant.collections,
                Service::Auth => grant.auth,
            });
        if !granted {
            let line = format!("grant.{} = true", service.grant());
            return Err(Error::denied(&self.plugin.name, service.interface(), &line).into());
        }
        let host = self.host.clone();
        let provider = host.graph().provider(service)?;
        let cpu_left = self.cpu_left_ms();
        let call = self.call.nested(&self.plugin, cpu_left)?;
        match provider.run(&host, call, Entry::default(), work).await? {
            Some(answer) => answer,
            None => Err(Error::unserved(service.interface()).into()),
        }
    }

    pub(crate) fn cpu_left_ms(&mut self) -> u64 {
        use hangar_wasm::Metered;
        self.meter().cpu_left_ms()
    }
}

/// Calls one export of an instance, `None` if the plugin does not have it.
macro_rules! forward {
    ($self:ident, $service:expr, $field:ident, $params:expr) => {
        $self
            .call_service($service, async |instance: &mut Instance| {
                let Instance {
                    store,
                    functions: Functions { $field, .. },
                } = instance;
                match $field {
                    Some(function) => Ok(Some(function.call_async(store, $params).await?.0)),
                    None => Ok(None),
                }
            })
            .await
    };
}

impl collections::records::Host for State {
    async fn collection(&mut self, name_or_id: String) -> Result<String, WitError> {
        forward!(self, Service::Collections, collection, (name_or_id,))
    }

    async fn collections(&mut self) -> Result<String, WitError> {
        forward!(self, Service::Collections, collections, ())
    }

    async fn find(&mut self, collection: String, id: String) -> Result<String, WitError> {
        forward!(self, Service::Collections, find, (collection, id))
    }

    async fn select(&mut self, collection: String, query: String) -> Result<String, WitError> {
        forward!(self, Service::Collections, select, (collection, query))
    }

    async fn count(&mut self, collection: String, query: String) -> Result<u32, WitError> {
        forward!(self, Service::Collections, count, (collection, query))
    }

    async fn save(
        &mut self,
        collection: String,
        document: String,
        options: String,
    ) -> Result<String, WitError> {
        forward!(
            self,
            Service::Collections,
            save,
            (collection, document, options)
        )
    }

    async fn create_as(
        &mut self,
        collection: String,
        body: String,
        request: String,
    ) -> Result<String, WitError> {
        forward!(
            self,
            Service::Collections,
            create_as,
            (collection, body, request)
        )
    }

    async fn delete(&mut self, collection: String, id: String) -> Result<(), WitError> {
        forward!(self, Service::Collections, delete, (collection, id))
    }

    async fn store_collection(&mut self, document: String) -> Result<(), WitError> {
        forward!(self, Service::Collections, store_collection, (document,))
    }

    async fn drop_collections(&mut self) -> Result<(), WitError> {
        forward!(self, Service::Collections, drop_collections, ())
    }

    async fn present(
        &mut self,
        collection: String,
        records: String,
        options: String,
    ) -> Result<String, WitError> {
        forward!(
            self,
            Service::Collections,
            present,
            (collection, records, options)
        )
    }
}

impl auth::tokens::Host for State {
    async fn issue(
        &mut self,
        kind: String,
        collection: String,
        id: String,
        options: String,
    ) -> Result<String, WitError> {
        forward!(self, Service::Auth, issue, (kind, collection, id, options))
    }

    async fn verify(&mut self, kind: String, token: String) -> Result<Option<String>, WitError> {
        forward!(self, Service::Auth, verify, (kind, token))
    }
}

impl http::form::Host for State {
    async fn fields(&mut self) -> Result<Option<Vec<String>>, WitError> {
        let Some(uploads) = &self.call.uploads else {
            return Ok(None);
        };
        let fields = uploads.form()?.fields.iter();
        let turns = fields.flat_map(|(name, text)| [name.clone(), text.clone()]);
        Ok(Some(turns.collect()))
    }

    async fn files(&mut self) -> Result<String, WitError> {
        let Some(uploads) = &self.call.uploads else {
            return Ok("[]".into());
        };
        let files: Vec<_> = uploads.form()?.files.iter().map(Arc::as_ref).collect();
        serde_json::to_string(&files)
            .map_err(|error| Error::internal(format!("uploads as JSON: {error}")).into())
    }

    async fn add(
        &mut self,
        field: String,
        name: String,
        content: Vec<u8>,
    ) -> Result<u32, WitError> {
        let no_place = || Error::internal("files are kept only while a server runs");
        let spool = self.host.spool().ok_or_else(no_place)?;
        let upload = spool.keep(field, &name, &content).await?;
        let had = self.call.uploads.clone().unwrap_or_default();
        let (uploads, handle) = had.with(upload)?;
        self.call.uploads = Some(uploads.into());
        Ok(handle)
    }
}

impl plugin::context::Host for State {
    fn request_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.call.request_id.to_string())
    }

    fn identity(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.call.identity.as_deref().map(str::to_owned))
    }

    fn forget_identity(&mut self, subject: String) -> wasmtime::Result<()> {
        // A token that is shown before the commit is judged by what was: what is remembered of it goes then.
        if let Some(ambient) = &self.call.ambient {
            let (host, subject) = (self.host.clone(), subject.clone());
            let again = Then::work(move || host.identities().forget_and_tell(&subject));
            if !ambient.afterwards().push(again, self.plugin.limits.memory) {
                tracing::warn!(plugin = %self.plugin.name, "a transaction has left too much work");
            }
        }
        self.host.identities().forget_and_tell(&subject);
        Ok(())
    }

    fn after_transaction(&mut self, work: String) -> wasmtime::Result<Result<bool, WitError>> {
        Ok(self.leave(work).map_err(WitError::from))
    }

    fn mark_transaction(&mut self, mark: String) -> wasmtime::Result<Result<bool, WitError>> {
        Ok(self.mark(mark).map_err(WitError::from))
    }

    fn transaction_marked(&mut self, mark: String) -> wasmtime::Result<bool> {
        let ambient = self.call.ambient.as_ref();
        Ok(ambient.is_some_and(|ambient| ambient.marks().has(&mark)))
    }
}

impl plugin::background::Host for State {
    async fn start(&mut self, name: String, arguments: Vec<String>) -> Result<(), WitError> {
        Ok(self.start_background(name, arguments)?)
    }
}
