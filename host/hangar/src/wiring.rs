//! Which capabilities there are, and what each takes from a store.

use std::any::Any;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use hangar_core::{Error, Limits, Result};
use hangar_files::{Areas, Files};
use hangar_operator::{Folder, Operator};
use hangar_plugins::{Capability, CurrentCall, Host, ParsedGrant, State, TypeMap};
use hangar_realtime::{Matcher, Realtime, Screen};
use hangar_sqlite::Sqlite;
use hangar_telemetry::{Entry, Level, Telemetry};
use hangar_wasm::Runtime;
use serde_json::{Map, Value};
use wasmtime::component::Linker;

use crate::database::Database;
use crate::news::News;
use crate::nodes::Nodes;
use crate::plugins;
use crate::settings::Settings;

/// The services that views find in a store. All are there: `services` puts them in.
const PRESENT: &str = "the services were put in when the host was made";

/// The command that this process runs for a plugin.
pub struct Running {
    /// The plugin's name.
    pub plugin: String,
    /// The folder the operator named for it.
    pub folder: Option<PathBuf>,
}

/// A host with every capability, without plugins yet. `running` tells whose command it is for; none for serving.
pub fn host(
    settings: &Settings,
    database: &Database,
    running: Option<Running>,
) -> Result<Arc<Host>> {
    let failed = |error: wasmtime::Error| {
        Error::internal(format!("the engine could not be started: {error:#}"))
    };
    let limits = settings.limits.clone();
    let runtime = Runtime::new(
        crate::compiled::folder(&settings.dir),
        largest_memory(settings, &limits),
    )
    .map_err(failed)?;
    let mut services = TypeMap::default();
    services.insert(hangar_postgres::Service::new(database.postgres.clone()));
    services
        .insert(hangar_fetch::Fetch::new().map_err(|error| Error::internal(error.to_string()))?);
    let nodes = Nodes::new(database.postgres.connect_options().clone());
    let kv = hangar_kv::Kv::default();
    let others = nodes.clone();
    kv.revisions()
        .tell(move |topic| others.tell(News::topic(topic)));
    services.insert(kv);
    services.insert_shared(nodes.clone());
    services.insert(hangar_crypto::Crypto::default());
    services.insert_shared(Arc::new(hangar_guard::Guard::default()));
    let telemetry = Arc::new(Telemetry::new(database.connector()));
    services.insert(LogStore(telemetry.clone()));
    services.insert_shared(telemetry);
    services.insert(hangar_mail::Mail::default());
    services.insert(Realtime::new(limits.clone()));
    let files = Arc::new(Files::new(Areas::new(
        ["storage", "backups"].map(|area| (area, settings.dir.join(area))),
    )));
    services.insert(files.clone());
    services.insert(crate::backup::service(
        settings,
        database,
        files.clone(),
        nodes.clone(),
        running.as_ref(),
    ));
    let places = ["storage", "backups"];
    let mut operator = Operator {
        places: places.map(|name| (name, settings.dir.join(name))).into(),
        ..Operator::default()
    };
    let mut sqlite = Sqlite::default();
    if let Some(running) = running {
        if let Some(folder) = running.folder {
            sqlite = Sqlite::new(running.plugin.clone(), folder.clone());
            operator.folder = Some(Folder::new(folder));
        }
        operator.plugin = Some(running.plugin);
    }
    services.insert(operator);
    services.insert(sqlite);
    let host = Host::new(runtime, capabilities(), services, limits).map_err(failed)?;
    files.employ(deriver(&host));
    host.tell_forgotten(move |subject| nodes.tell(News::subject(subject)));
    Ok(host)
}

/// Blobs are made out of others by whichever plugin does that at the time.
fn deriver(host: &Arc<Host>) -> hangar_files::Deriver {
    let host = Arc::downgrade(host);
    Arc::new(move |order: hangar_files::Order| {
        let host = host.clone();
        Box::pin(async move {
            let gone = || Error::internal("the host has ended");
            let host = host.upgrade().ok_or_else(gone)?;
            let hangar_files::Order {
                place,
                source,
                target,
                recipe,
            } = order;
            host.derive(place, source, target, recipe).await
        })
    })
}

/// What the server asks before it calls a plugin.
pub fn guard_of(host: &Host) -> Arc<hangar_guard::Guard> {
    host.services().shared().expect(PRESENT)
}

/// The other processes on the database.
pub fn nodes_of(host: &Host) -> Arc<Nodes> {
    host.services().shared().expect(PRESENT)
}

/// What takes an entry of each request.
pub fn telemetry_of(host: &Host) -> Arc<Telemetry> {
    host.services().shared().expect(PRESENT)
}

/// Puts what plugins record into the log store.
struct LogStore(Arc<Telemetry>);

impl hangar_log::Sink for LogStore {
    fn record(&self, level: hangar_log::Level, message: String, fields: Map<String, Value>) {
        let level = match level {
            hangar_log::Level::Debug => Level::DEBUG,
            hangar_log::Level::Info => Level::INFO,
            hangar_log::Level::Warn => Level::WARN,
            hangar_log::Level::Error => Level::ERROR,
        };
        if self.0.wants(level) {
            self.0.record(Entry::new(level, message, fields));
        }
    }
}

/// The engine must have room for the plugin that may have the most.
fn largest_memory(settings: &Settings, limits: &Limits) -> usize {
    let own = settings
        .plugins
        .values()
        .filter_map(|plugin| plugin.limits.get("memory")?.as_u64());
    let shipped = plugins::shipped_manifests();
    let shipped = shipped
        .iter()
        .filter_map(|manifest| manifest.limits.get("memory")?.as_u64());
    own.chain(shipped)
        .map(|memory| memory as usize)
        .chain([limits.memory])
        .max()
        .unwrap_or(limits.memory)
}

fn capabilities() -> Vec<Capability> {
    vec![
        Capability {
            name: "postgres",
            link: |linker| hangar_postgres::add_to_linker(linker, postgres),
            parse_grant: |value| grant(hangar_postgres::Grant::parse(value)),
        },
        Capability {
            name: "fetch",
            link: |linker| hangar_fetch::add_to_linker(linker, fetch),
            parse_grant: |value| grant(hangar_fetch::Grant::parse(value)),
        },
        Capability {
            name: "kv",
            link: |linker| hangar_kv::add_to_linker(linker, kv),
            parse_grant: |value| grant(hangar_kv::Grant::parse(value)),
        },
        Capability {
            name: "crypto",
            link: |linker| hangar_crypto::add_to_linker(linker, crypto),
            parse_grant: |value| grant(hangar_crypto::Grant::parse(value)),
        },
        Capability {
            name: "guard",
            link: |linker| hangar_guard::add_to_linker(linker, guard),
            parse_grant: |value| grant(hangar_guard::Grant::parse(value)),
        },
        Capability {
            name: "files",
            link: |linker| hangar_files::add_to_linker(linker, files),
            parse_grant: |value| grant(hangar_files::Grant::parse(value)),
        },
        Capability {
            name: "storage",
            link: |_| Ok(()),
            parse_grant: |value| grant(hangar_files::StorageGrant::parse(value)),
        },
        Capability {
            name: "mail",
            link: |linker| hangar_mail::add_to_linker(linker, mail),
            parse_grant: |value| grant(hangar_mail::Grant::parse(value)),
        },
        Capability {
            name: "sqlite",
            link: |linker| hangar_sqlite::add_to_linker(linker, sqlite),
            parse_grant: |value| grant(hangar_sqlite::Grant::parse(value)),
        },
        Capability {
            name: "operator",
            link: |linker| hangar_operator::add_to_linker(linker, operator),
            parse_grant: |value| grant(hangar_operator::Grant::parse(value)),
        },
        Capability {
            name: "backup",
            link: |linker| hangar_backup::add_to_linker(linker, backup),
            parse_grant: |value| grant(hangar_backup::Grant::parse(value)),
        },
        Capability {
            name: "logs",
            link: |linker| hangar_telemetry::add_to_linker(linker, logs),
            parse_grant: |value| grant(hangar_telemetry::Grant::parse(value)),
        },
        Capability {
            name: "log",
            link: always_granted,
            parse_grant: needless,
        },
        Capability {
            name: "realtime",
            link: |linker| hangar_realtime::add_to_linker(linker, realtime),
            parse_grant: |value| grant(hangar_realtime::Grant::parse(value)),
        },
        Capability {
            name: "analytics",
            link: hangar_unserved::add_to_linker,
            parse_grant: unserved,
        },
    ]
}

/// Log and configuration need no grant.
fn always_granted(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    hangar_log::add_to_linker(linker, |state: &mut State| {
        let parts = state.parts();
        hangar_log::View {
            plugin: parts.plugin,
            request: &parts.call.request_id,
            limits: parts.limits,
            written: parts.locals.get(),
            sink: parts
                .services
                .get::<LogStore>()
                .map(|store| store as &dyn hangar_log::Sink),
        }
    })?;
    hangar_config::add_to_linker(linker, |state: &mut State| hangar_config::View {
        settings: state.config(),
    })
}

fn needless(_: &Value) -> ParsedGrant {
    Ok(Arc::new(()))
}

fn unserved(_: &Value) -> ParsedGrant {
    Err("analytics are not served by this version of Hangar".into())
}

fn grant<G: Any + Send + Sync>(parsed: Result<G, String>) -> ParsedGrant {
    Ok(Arc::new(parsed?))
}

fn postgres(state: &mut State) -> hangar_postgres::View<'_> {
    let parts = state.parts();
    hangar_postgres::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        limits: parts.limits,
        postgres: parts.services.get(),
        ambient: &mut parts.call.ambient,
        settle: parts.settle,
        table: parts.table,
    }
}

fn fetch(state: &mut State) -> hangar_fetch::View<'_> {
    let parts = state.parts();
    hangar_fetch::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        limits: parts.limits,
        fetch: parts.services.get().expect(PRESENT),
    }
}

fn files(state: &mut State) -> hangar_files::View<'_> {
    let parts = state.parts();
    hangar_files::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        storage: parts.grants.get(),
        limits: parts.limits,
        files: parts.services.get().expect(PRESENT),
        uploads: parts.call.uploads.as_ref(),
        table: parts.table,
    }
}

fn sqlite(state: &mut State) -> hangar_sqlite::View<'_> {
    let parts = state.parts();
    hangar_sqlite::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        limits: parts.limits,
        sqlite: parts.services.get().expect(PRESENT),
        table: parts.table,
    }
}

fn backup(state: &mut State) -> hangar_backup::View<'_> {
    let parts = state.parts();
    hangar_backup::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        backup: parts.services.get().expect(PRESENT),
    }
}

fn operator(state: &mut State) -> hangar_operator::View<'_> {
    let parts = state.parts();
    hangar_operator::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        limits: parts.limits,
        operator: parts.services.get().expect(PRESENT),
        table: parts.table,
    }
}

fn kv(state: &mut State) -> hangar_kv::View<'_> {
    let parts = state.parts();
    hangar_kv::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        limits: parts.limits,
        kv: parts.services.get().expect(PRESENT),
        ambient: parts.call.ambient.as_deref(),
    }
}

fn crypto(state: &mut State) -> hangar_crypto::View<'_> {
    let parts = state.parts();
    hangar_crypto::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        crypto: parts.services.get().expect(PRESENT),
    }
}

fn guard(state: &mut State) -> hangar_guard::View<'_> {
    let parts = state.parts();
    let (request, identity) = (&parts.call.request, &parts.call.identity);
    hangar_guard::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        guard: parts.services.get().expect(PRESENT),
        asked: request.as_deref().map(|request| hangar_guard::Asked {
            method: &request.method,
            path: &request.path,
            client: &request.client,
            identity: identity.as_deref(),
        }),
    }
}

fn realtime(state: &mut State) -> hangar_realtime::View<'_> {
    let matcher = Box::new(Nested(state.current_call()));
    let parts = state.parts();
    hangar_realtime::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        realtime: parts.services.get().expect(PRESENT),
        matcher,
        table: parts.table,
    }
}

/// What the matcher answers, later.
type Answer<'a> = Pin<Box<dyn Future<Output = Result<Option<String>>> + Send + 'a>>;

/// The matcher, asked while a call is served.
struct Nested(CurrentCall);

impl Matcher for Nested {
    fn ask(&self, changes: String) -> Answer<'_> {
        Box::pin(self.0.match_changes(changes))
    }
}

/// The matcher, asked in the background. Weak: the host owns the broker.
struct Background(Weak<Host>);

impl Matcher for Background {
    fn ask(&self, changes: String) -> Answer<'_> {
        Box::pin(async move {
            match self.0.upgrade() {
                Some(host) => host.match_changes(changes).await,
                None => Ok(None),
            }
        })
    }
}

impl Screen for Background {
    fn wanted(&self) -> bool {
        let host = self.0.upgrade();
        host.is_some_and(|host| host.screens_messages())
    }

    fn show(&self, messages: String) -> Answer<'_> {
        Box::pin(async move {
            match self.0.upgrade() {
                Some(host) => host.screen_messages(messages).await,
                None => Ok(None),
            }
        })
    }
}

/// The event streams of a host; what is posted is delivered from now on.
pub fn start_realtime(host: &Arc<Host>) -> Realtime {
    let realtime: &Realtime = host.services().get().expect(PRESENT);
    realtime.start(Arc::new(Background(Arc::downgrade(host))));
    realtime.clone()
}

fn mail(state: &mut State) -> hangar_mail::View<'_> {
    let parts = state.parts();
    hangar_mail::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        limits: parts.limits,
        mail: parts.services.get().expect(PRESENT),
    }
}

fn logs(state: &mut State) -> hangar_telemetry::View<'_> {
    let parts = state.parts();
    hangar_telemetry::View {
        plugin: parts.plugin,
        grant: parts.grants.get(),
        telemetry: parts.services.get().expect(PRESENT),
    }
}
