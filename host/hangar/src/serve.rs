use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hangar_core::{Error, Result};
use hangar_http::{HttpOptions, Server};
use hangar_plugins::Host;
use hangar_uploads::Spool;
use notify::{RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};

use crate::database::Database;
use crate::output::say;
use crate::plugins::Manager;
use crate::settings::{Flags, Settings};
use crate::{scheduler, wiring};

/// A save often comes as several events: changes this close together are taken as one.
const DEBOUNCE: Duration = Duration::from_millis(40);

/// How long requests in flight have after a signal.
const DRAIN: Duration = Duration::from_secs(15);

/// Serves until a signal comes.
pub async fn run(settings: Settings, flags: Flags) -> Result<()> {
    let began = Instant::now();
    let stop = stop_signal()?;
    let listener = tokio::net::TcpListener::bind(&settings.http)
        .await
        .map_err(|error| {
            Error::bad_input(format!(
                "cannot listen on {}: {error}; choose another address with --http",
                settings.http
            ))
        })?;
    std::fs::create_dir_all(&settings.dir).map_err(|error| {
        Error::bad_input(format!(
            "the data directory {} cannot be made: {error}",
            settings.dir.display()
        ))
    })?;
    let database = Database::open(&settings).await?;
    let served = with_database(&settings, flags, &database, listener, stop, began).await;
    database.close().await;
    served
}

async fn with_database(
    settings: &Settings,
    flags: Flags,
    database: &Database,
    listener: tokio::net::TcpListener,
    stop: watch::Receiver<bool>,
    began: Instant,
) -> Result<()> {
    let host = wiring::host(settings, database, None)?;
    let telemetry = wiring::telemetry_of(&host);
    telemetry.start();
    let nodes = wiring::nodes_of(&host);
    // Before plugins are activated: what changes meanwhile is heard.
    let heard = Arc::new(Notify::new());
    let listening = tokio::spawn(nodes.clone().listen(host.clone(), heard.clone()));
    if tokio::time::timeout(DRAIN, heard.notified()).await.is_err() {
        tracing::warn!(
            "the database lets nobody LISTEN: changes made by other nodes and commands are not noticed"
        );
    }
    let manager = Arc::new(Manager::new(host.clone()));
    manager.apply(settings).await?;
    let renewing = tokio::spawn(nodes.clone().renew(host.clone()));
    let supervisor = database.cluster.clone().map(|cluster| {
        tokio::spawn(async move {
            if let Err(error) = cluster.supervise().await {
                tracing::error!(%error, "PostgreSQL does not stay up");
            }
        })
    });
    tokio::spawn(Host::reclaim(host.clone()));
    let jobs = tokio::spawn(scheduler::run(host.clone(), database.connector()));
    let renewal = tokio::spawn(keep_current(manager, settings.clone(), flags));
    let address = listener
        .local_addr()
        .map_err(|error| Error::internal(error.to_string()))?;
    announce(&host, &address.to_string(), began).await;
    let spool = Spool::new(settings.dir.join("uploads"), settings.limits.uploads_bytes);
    host.take_forms(spool.clone());
    let options = HttpOptions {
        public: Some(settings.public.clone()),
        origins: settings.origins.clone(),
        spool: Some(spool),
    };
    let streams = wiring::start_realtime(&host);
    let mut stopped = stop.clone();
    let guard = wiring::guard_of(&host);
    let serving =
        Server::new(host.clone(), guard, telemetry.clone(), options).serve(listener, async move {
            let _ = stopped.wait_for(|stop| *stop).await;
            // They would hold up the end for as long as they like.
            streams.stop();
        });
    let mut stopped = stop;
    let served = tokio::select! {
        served = serving => served.map_err(|error| Error::internal(format!("the server failed: {error}"))),
        () = async {
            let _ = stopped.wait_for(|stop| *stop).await;
            tokio::time::sleep(DRAIN).await;
        } => {
            tracing::warn!("some requests did not end in {} s and were cut off", DRAIN.as_secs());
            Ok(())
        }
    };
    // What requests have left to the background gets as long again.
    if tokio::time::timeout(DRAIN, host.drain()).await.is_err() {
        tracing::warn!(
            "some work in the background did not end in {} s and is lost",
            DRAIN.as_secs()
        );
    }
    renewal.abort();
    renewing.abort();
    jobs.abort();
    nodes.flush().await;
    listening.abort();
    telemetry.close().await;
    if let Some(supervisor) = supervisor {
        supervisor.abort();
    }
    tracing::info!("stopped");
    served
}

/// Says where the server is, which plugins run, and how to make the first superuser.
async fn announce(host: &Arc<Host>, address: &str, began: Instant) {
    for plugin in host.summary() {
        tracing::info!(
            plugin = plugin.name,
            version = plugin.version,
            digest = &plugin.digest[..12],
            routes = plugin.routes,
            hooks = plugin.hooks,
            "loaded"
        );
    }
    say!(
        "Server started at http://{address} in {} ms",
        began.elapsed().as_millis()
    );
    say!("├─ REST API:  http://{address}/api/");
    say!("└─ Dashboard: http://{address}/_/");
    let installer = host.commands().remove("installer");
    let Some((owner, command)) = installer else {
        return;
    };
    match host.command(&owner, &command.name, Vec::new()).await {
        Ok(path) if path.is_empty() => {}
        Ok(path) => {
            say!("\nMake the first superuser here (the link works once, for 30 minutes):");
            say!("http://{address}{path}");
            say!("or with: hangar superuser create EMAIL PASSWORD\n");
        }
        Err(error) => tracing::error!(%error, "the link for the first superuser could not be made"),
    }
}

fn stop_signal() -> Result<watch::Receiver<bool>> {
    let failed =
        |error: std::io::Error| Error::internal(format!("signals cannot be handled: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let (send, receive) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: no new requests, waiting for those in flight");
        let _ = send.send(true);
        // A second signal does not wait.
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(receive)
}

/// Swaps plugins when their component, their sources or hangar.toml change, and on SIGHUP.
async fn keep_current(manager: Arc<Manager>, mut settings: Settings, flags: Flags) {
    let (send, mut changes) = mpsc::channel::<()>(1);
    // What has changed since the plugins were read went unseen: look once.
    let _ = send.try_send(());
    // Without a watcher the channel must stay open, or SIGHUP would not be heard either.
    let _open = send.clone();
    let relevant: Arc<RwLock<Vec<PathBuf>>> = Arc::default();
    let known = relevant.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let known = known.read().unwrap_or_else(PoisonError::into_inner);
        // Folders are watched for what may appear in them, so most events are about something else: a log, say.
        let concerns = |path: &PathBuf| known.iter().any(|known| path.starts_with(known));
        let changed = match &event {
            Ok(event) => !event.kind.is_access() && event.paths.iter().any(concerns),
            Err(_) => true,
        };
        if changed {
            // Full means that a change is already on its way.
            let _ = send.try_send(());
        }
    });
    let mut watcher = match watcher {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(%error, "files cannot be watched; send SIGHUP after a change");
            None
        }
    };
    let mut watched: Vec<PathBuf> = Vec::new();
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        if let Some(watcher) = &mut watcher {
            let paths = watch_all(watcher, &settings, &mut watched);
            *relevant.write().unwrap_or_else(PoisonError::into_inner) = paths;
        }
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            change = changes.recv() => if change.is_none() { return },
            _ = hung_up => {}
        }
        tokio::time::sleep(DEBOUNCE).await;
        while changes.try_recv().is_ok() {}
        let began = Instant::now();
        let applied = match Settings::resolve(&flags) {
            Ok(new) => {
                settings = new;
                manager.apply(&settings).await
            }
            Err(error) => Err(error),
        };
        match applied {
            Ok(names) if names.is_empty() => {}
            Ok(names) => {
                let took = began.elapsed().as_millis() as u64;
                tracing::info!(plugins = names.join(", "), milliseconds = took, "swapped");
            }
            Err(error) => tracing::error!(
                code = %error.code,
                "not swapped, the running version stays: {}",
                error.message
            ),
        }
    }
}

/// Watches what the settings name and answers those paths; what does not exist yet is watched through its folder.
fn watch_all(
    watcher: &mut notify::RecommendedWatcher,
    settings: &Settings,
    watched: &mut Vec<PathBuf>,
) -> Vec<PathBuf> {
    let own = settings.plugins.values();
    let own = own.flat_map(|plugin| [plugin.watch.as_ref(), plugin.path.as_ref()]);
    // A hangar.toml that is only made later counts too.
    let file = settings
        .file
        .clone()
        .unwrap_or_else(|| "hangar.toml".into());
    let named = own.flatten().chain([&settings.hooks, &file]);
    let paths: Vec<PathBuf> = named.map(|path| absolute(path)).collect();
    for path in &paths {
        let (target, mode) = if path.is_dir() {
            (path.clone(), RecursiveMode::Recursive)
        } else {
            // A file is replaced by renaming, which only its folder sees.
            match path.parent() {
                Some(parent) if parent.is_dir() => (parent.to_owned(), RecursiveMode::NonRecursive),
                _ => continue,
            }
        };
        if watched.contains(&target) {
            continue;
        }
        match watcher.watch(&target, mode) {
            Ok(()) => watched.push(target),
            Err(error) => tracing::warn!(%error, path = %target.display(), "cannot be watched"),
        }
    }
    paths
}

/// As events name it: absolute, links of its folder resolved.
fn absolute(path: &Path) -> PathBuf {
    let plain = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    std::fs::canonicalize(&plain).unwrap_or_else(|_| {
        let folder = plain
            .parent()
            .and_then(|folder| std::fs::canonicalize(folder).ok());
        match (folder, plain.file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => plain,
        }
    })
}
