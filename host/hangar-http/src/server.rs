use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::serve::ListenerExt;
use hangar_guard::Guard;
use hangar_plugins::Host;
use hangar_telemetry::Telemetry;
use hangar_uploads::Spool;
use http::HeaderValue;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

use crate::listen::Patient;
use crate::{cors, dispatch, files, respond};

/// How the server behaves.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Folder of static files, served where no route matches.
    pub public: Option<PathBuf>,
    /// Origins that browsers may call from; empty means any.
    pub origins: Vec<String>,
    /// Where the files of forms wait; without one, forms reach plugins as they are.
    pub spool: Option<Spool>,
}

/// Serves requests until told to stop.
pub struct Server {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub host: Arc<Host>,
    pub guard: Arc<Guard>,
    pub telemetry: Arc<Telemetry>,
    pub options: HttpOptions,
    pub files: Option<files::Files>,
    /// Requests at once.
    pub places: Arc<Semaphore>,
}

/// Marks a response that may be compressed: static files, not the answers of plugins (PocketBase sends those plain).
#[derive(Clone, Copy)]
pub(crate) struct Compressible;

#[derive(Clone, Copy)]
struct OnlyMarked;

impl Predicate for OnlyMarked {
    fn should_compress<B: axum::body::HttpBody>(&self, response: &http::Response<B>) -> bool {
        response.extensions().get::<Compressible>().is_some()
    }
}

impl Server {
    /// A server over the plugins of `host`; `guard` holds the policy they have set, `telemetry` takes an entry of each
    /// request.
    pub fn new(
        host: Arc<Host>,
        guard: Arc<Guard>,
        telemetry: Arc<Telemetry>,
        options: HttpOptions,
    ) -> Self {
        let files = options.public.as_deref().map(files::Files::new);
        let places = Arc::new(Semaphore::new(host.limits().requests));
        Self {
            inner: Arc::new(Inner {
                host,
                guard,
                telemetry,
                options,
                files,
                places,
            }),
        }
    }

    /// Serves a listener. When `stop` resolves, no new connection is taken, and requests in flight are finished.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let layer = CompressionLayer::new().gzip(true).compress_when(OnlyMarked);
        let patience = Duration::from_millis(self.inner.host.limits().stall_ms);
        let listener = Patient::new(listener, patience).tap_io(|io| io.do_not_delay());
        let app = Router::new()
            .fallback(handle)
            .layer(layer)
            .with_state(self.inner)
            .into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, app)
            .with_graceful_shutdown(stop)
            .await
    }
}

async fn handle(
    State(server): State<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> axum::response::Response {
    let origin = request.headers().get(http::header::ORIGIN).cloned();
    if request.method() == http::Method::OPTIONS {
        return cors::preflight(&server.options.origins, origin.as_ref(), request.headers());
    }
    let mut response = dispatch::dispatch(&server, peer, request).await;
    if response.extensions().get::<respond::Bare>().is_some() {
        return response;
    }
    let early = response.extensions().get::<respond::Early>().is_some();
    let headers = response.headers_mut();
    if !early {
        for (name, value) in server.host.response_headers().iter() {
            // A plugin may have set its own; an empty one leaves the header out.
            let own = headers.entry(name).or_insert_with(|| value.clone());
            if own.is_empty() {
                headers.remove(name);
            }
        }
    }
    headers.append(http::header::VARY, HeaderValue::from_static("Origin"));
    cors::allow(&server.options.origins, origin.as_ref(), headers);
    response
}
