//! One request with its redirects, and what the host keeps between requests.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use hangar_core::{Error, Limits, Result};
use reqwest::header::{HeaderMap, LOCATION, USER_AGENT};
use reqwest::{Client, Url, redirect};
use rustls::{ClientConfig, RootCertStore};

use crate::Grant;
use crate::address::Reach;
use crate::grant::literal;
use crate::request::{Outgoing, Redirect};
use crate::resolver::{self, Guarded, Lookup, Refused};
use crate::turns::Lanes;
use crate::view::{Request, Response};

const MAX_REDIRECTS: usize = 10;
const CONNECT: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(30);
const IDLE_PER_HOST: usize = 8;

/// The state behind `hangar:fetch`. Cheap to clone.
#[derive(Clone)]
pub struct Fetch(Arc<State>);

struct State {
    public: Client,
    /// For those granted `private`. Its connections stay apart: what one plugin may reach by a name, another may not.
    private: Client,
    lanes: Lanes,
}

/// On whose behalf a request is sent. Owned, since it outlives the call that started it.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) plugin: String,
    pub(crate) grant: Option<Grant>,
    pub(crate) limits: Limits,
}

impl Fetch {
    /// With the certificates this machine trusts. Without any, `https` fails, `http` works.
    pub fn new() -> Result<Self> {
        Self::with_lookup(resolver::system())
    }

    pub(crate) fn with_lookup(lookup: Lookup) -> Result<Self> {
        let tls = tls()?;
        Ok(Self(Arc::new(State {
            public: client(
                Guarded {
                    private: false,
                    lookup: lookup.clone(),
                },
                tls.clone(),
            )?,
            private: client(
                Guarded {
                    private: true,
                    lookup,
                },
                tls,
            )?,
            lanes: Lanes::default(),
        })))
    }

    /// Drops what is kept for a plugin that has been removed.
    pub fn forget(&self, plugin: &str) {
        self.0.lanes.forget(plugin);
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.0.lanes
    }

    /// Sends a request within the plugin's grant and limits.
    pub(crate) async fn run(&self, caller: &Caller, request: Request) -> Result<Response> {
        let request = Outgoing::new(&caller.plugin, &caller.limits, request)?;
        let public;
        let caller = if request.private {
            caller
        } else {
            public = caller.public();
            &public
        };
        caller.check(&request.url)?;
        let (host, timeout) = (host(&request.url), request.timeout);
        let lane = self.0.lanes.of(&caller.plugin, &caller.limits);
        let work = async {
            let _turn = lane
                .turns
                .acquire()
                .await
                .map_err(|_| Error::internal("the host is stopping"))?;
            self.exchange(caller, request).await
        };
        match tokio::time::timeout(timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                "timeout",
                504,
                format!(
                    "plugin \"{}\": {host} did not answer within {} ms (setting limits.fetch-ms, option timeoutMs)",
                    caller.plugin,
                    timeout.as_millis()
                ),
            )),
        }
    }

    async fn exchange(&self, caller: &Caller, mut request: Outgoing) -> Result<Response> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.once(caller, &request).await?;
            let status = answer.status().as_u16();
            match redirect_target(&request, &answer)? {
                Some(target) => {
                    caller.check(&target)?;
                    request = request.redirected(status, target);
                }
                None => return caller.read(&request.url, answer).await,
            }
        }
        Err(redirect_error(&request, "it redirected more than 10 times"))
    }

    async fn once(&self, caller: &Caller, request: &Outgoing) -> Result<reqwest::Response> {
        let private = caller.grant.as_ref().is_some_and(Grant::private);
        let client = if private {
            &self.0.private
        } else {
            &self.0.public
        };
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if !request.headers.contains_key(USER_AGENT) {
            builder = builder.header(USER_AGENT, concat!("hangar/", env!("CARGO_PKG_VERSION")));
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        }
        builder
            .send()
            .await
            .map_err(|e| caller.failed(&request.url, e))
    }
}

impl Caller {
    /// The same without what its grant says of private addresses, but for those it spells out.
    fn public(&self) -> Self {
        Self {
            plugin: self.plugin.clone(),
            grant: self.grant.clone().map(Grant::public),
            limits: self.limits.clone(),
        }
    }

    /// Whether the grant covers this address. Names are checked again when they have been resolved.
    fn check(&self, url: &Url) -> Result<()> {
        let Some(grant) = self.grant.as_ref().filter(|grant| grant.allows(url)) else {
            let origin = url.origin().ascii_serialization();
            let line = Grant::line(self.grant.as_ref(), &format!("{origin}/*"));
            return Err(Error::denied(
                &self.plugin,
                &format!("hangar:fetch for {origin}"),
                &line,
            ));
        };
        match literal(url) {
            Some(address) => {
                let private = grant.private() || grant.spells_out(url);
                resolver::check(address, private).map_err(|refused| self.refused(url, refused))
            }
            None => Ok(()),
        }
    }

    /// The address itself stays out of the message: a plugin shall not map the operator's network by it.
    fn refused(&self, url: &Url, refused: Refused) -> Error {
        let host = host(url);
        match refused.0 {
            Reach::Never => Error::bad_input(format!("{host} leads to no single host")),
            Reach::Private | Reach::Public => Error::denied(
                &self.plugin,
                &format!("hangar:fetch for {host}, which is a private or special address"),
                &Grant::line(self.grant.as_ref(), "private"),
            ),
        }
    }

    fn failed(&self, url: &Url, error: reqwest::Error) -> Error {
        // Addresses may carry keys in their query.
        let error = error.without_url();
        let mut reasons = Vec::new();
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref::<Refused>() {
                return self.refused(url, *refused);
            }
            reasons.push(error.to_string());
            cause = error.source();
        }
        let (host, reasons) = (host(url), reasons.join(": "));
        Error::new(
            "fetch_failed",
            502,
            format!("no answer from {host}: {reasons}"),
        )
    }

    /// Takes the answer, its body up to the limit. The body counts as it is after decompression.
    async fn read(&self, url: &Url, mut answer: reqwest::Response) -> Result<Response> {
        let max = self.limits.fetch_bytes;
        let too_long = || {
            let what = format!("the body of the answer of {}", host(url));
            Error::limit(
                &self.plugin,
                &what,
                format!("{max} bytes"),
                "limits.fetch-bytes",
            )
        };
        let announced = answer.content_length().unwrap_or(0);
        if announced > max as u64 {
            return Err(too_long());
        }
        let status = answer.status().as_u16();
        let headers = header_list(answer.headers());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| self.failed(url, e))? {
            if body.len() + chunk.len() > max {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status,
            headers,
            body,
            url: without_user(url.clone()).into(),
        })
    }
}

/// Where to go on, if the answer is a redirect that shall be followed.
fn redirect_target(request: &Outgoing, answer: &reqwest::Response) -> Result<Option<Url>> {
    let redirects = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = answer.headers().get(LOCATION).filter(|_| redirects) else {
        return Ok(None);
    };
    match request.redirect {
        Redirect::Manual => return Ok(None),
        Redirect::Error => {
            return Err(redirect_error(
                request,
                "it redirected, and the option redirect is \"error\"",
            ));
        }
        Redirect::Follow => {}
    }
    let target = location
        .to_str()
        .ok()
        .and_then(|text| request.url.join(text).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    match target {
        Some(mut url) => {
            url.set_fragment(None);
            Ok(Some(without_user(url)))
        }
        None => Err(redirect_error(
            request,
            "it redirected to what is no address for http",
        )),
    }
}

fn redirect_error(request: &Outgoing, why: &str) -> Error {
    Error::new(
        "redirect",
        502,
        format!("no answer from {}: {why}", host(&request.url)),
    )
}

fn without_user(mut url: Url) -> Url {
    // Both fail only for addresses without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn header_list(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

fn client(resolver: Guarded, tls: ClientConfig) -> Result<Client> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(resolver))
        .no_proxy()
        .referer(false)
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .build()
        .map_err(|e| Error::internal(format!("hangar:fetch could not be set up: {e}")))
}

fn tls() -> Result<ClientConfig> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(
            "no trusted certificates on this machine: plugins cannot fetch over https (install ca-certificates or set SSL_CERT_FILE)"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::internal(format!("TLS could not be set up: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

#[cfg(test)]
mod tests;
